"""Make the committed tables of ``which_rule`` and the studies beside it from their committed RDMs.

    python benchmarks/which_rule_tables.py [STUDY ...]    # all tables that follow from RDMs; all studies by default
    python benchmarks/which_rule_tables.py --encode OUT   # tables of encoding models; needs the networks in OUT
    python benchmarks/which_rule_page.py                  # docs/findings.md, findings-in-full.md and figures

What is scored is declared in ``analyses/which_rule_declared.md``.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from which_rule import (
    ARCHITECTURES,
    BESIDE,
    EQUAL,
    FULL,
    GAP,
    MAIN,
    MEASURES,
    SHOWN,
    WHITENED,
    declared_layers,
    equal_checkpoints,
    exceeding,
    final_and_starts,
    results,
    study,
    trained,
)

import brainalign as ba
from brainalign.alignment.infer import Declared, infer
from brainalign.alignment.instance import Instance, role_of
from brainalign.alignment.result import AlignmentResult
from brainalign.alignment.score import measures_of, score
from brainalign.alignment.score_table import score_table
from brainalign.alignment.scored import Model
from brainalign.alignment.scores import Scores
from brainalign.errors import DataError
from brainalign.extraction.population import extract_each
from brainalign.inference.architectures import over_architectures
from brainalign.inference.family import adjust
from brainalign.inference.scope import resolve_scope
from brainalign.recordings.source import RecordingSource
from brainalign.report.needs import needs
from brainalign.resampling.score_draws import ScoreDraws
from brainalign.roles import LOW_LEVEL, OWN_START, READOUT_ONLY
from brainalign.storage import write_table
from brainalign.training.checkpoint import Checkpoint

#: Samples that say which rules exceed readout only at the end, and so are ranked. At equal accuracy these are those by
#: which checkpoints are chosen; readout only was not measured at checkpoints.
_SPLIT = {"": "test", EQUAL: "val"}

# -- one study ----------------------------------------------------------------------------------------------


def networks_of(path: Path) -> Iterator[Instance]:
    """Yield the networks whose RDMs are in a file."""
    for one in ba.load_rdms(path)[0]:
        yield Instance.of(one, one.origin.resolution or (0, 0))


def tables(study_name: str) -> None:
    """Score the committed RDMs against the recordings of the study, and write what follows."""
    spec, folder = study(study_name), results(study_name)
    training = pd.read_csv(folder / "training.csv")
    recordings = [one for one in spec.recordings if "rsa" in one.measures]
    for suffix in ("", EQUAL) if study_name in (MAIN, FULL) else ("",):
        learned = exceeding(training, _SPLIT[suffix])
        found = AlignmentResult.concatenate([scored(spec, folder, one, suffix, learned) for one in recordings])
        write(found, spec, folder, suffix)
        if study_name in (MAIN, FULL) and not suffix:
            layers = declared_layers(spec)
            wanted = [row for measure in MEASURES for row in needs(found, GAP, layers=layers, measure=measure)]
            write_table(folder / "needs.csv", pd.DataFrame(wanted), digits=6)
    if study_name in (MAIN, FULL):
        (movie,) = (one for one in recordings if one.windows)
        write_table(folder / "time_course.csv", time_course(spec, folder, replace(movie, windows=())), digits=4)
        write_table(folder / "by_category.csv", by_category(spec, folder, movie), digits=4)


def scored(
    spec: ba.StudySpec, folder: Path, recording: ba.RecordingSpec, suffix: str, learned: set[str]
) -> AlignmentResult:
    """Score the networks of a committed file against one recording, and infer."""
    shown_networks = list(networks_of(rdms_file(folder, recording, suffix)))
    return inferred(_scores(shown_networks, recording, spec), spec, recording, shown_networks, learned)


def rdms_file(folder: Path, recording: ba.RecordingSpec, suffix: str = "") -> Path:
    """Return the committed file of the networks that were shown a recording's pictures."""
    name = next(name for name, recordings in SHOWN.items() if recording.dataset in recordings)
    return folder / f"rdms-{name}{suffix}.safetensors"


def inferred(
    found: Scores,
    spec: ba.StudySpec,
    recording: ba.RecordingSpec,
    networks: Sequence[Instance] | Sequence[Model],
    learned: set[str],
) -> AlignmentResult:
    """Infer as the study declares; rules that did not learn are scored and not ranked."""
    rules = dict.fromkeys(one.rule for one in networks if one.role == "trained")
    unlearned = {one.network: [rule for rule in rules if rule not in learned] for one in networks}
    return infer(found, Declared.of(spec.scoring, recording.subjects, unlearned))


def time_course(spec: ba.StudySpec, folder: Path, recording: ba.RecordingSpec) -> pd.DataFrame:
    """Return the Spearman score of every layer at every time: mean and standard deviation over seeds."""
    found = _scores(list(networks_of(rdms_file(folder, recording))), recording, spec)
    table = pd.concat([score_table(place, found.dataset, found.simulated) for place in found.places])
    table = table[table.measure != WHITENED.label]
    by = ["role", "rule", "layer", "time", "measure"]
    return table.groupby(by, observed=True, sort=False).score.agg(["mean", "std"]).reset_index()


def by_category(spec: ba.StudySpec, folder: Path, recording: ba.RecordingSpec) -> pd.DataFrame:
    """Return scores among the pairs of each category alone, in the declared window and before onset.

    Pairs within categories of one measure are pooled, so that a difference between the means of two categories counts.
    Here it does not. ``accuracy`` is the recording's own mean over the pairs.
    """
    source = ba.recording(recording.dataset)
    (roi,), stimuli = source.rois, source.stimuli()
    movie = source.published_rdms(roi)
    times = np.array([float(time) for time in movie.descriptors["time"]])
    (low, high), layer = recording.windows[0], spec.scoring.ranking_layer[roi]
    moments = {"window": (times >= low) & (times <= high), "before onset": times < 0}
    rows = []
    for category in dict.fromkeys(stimuli.labels):
        ids = [one for one, label in zip(stimuli.ids, stimuli.labels, strict=True) if label == category]
        for moment, chosen in moments.items():
            mean = movie.dissimilarities[chosen].mean(axis=0)
            brain = ba.RDMs(mean[None], movie.stimulus_ids, movie.measure).subset(ids)
            about = {"category": category, "moment": moment, "accuracy": float(brain.dissimilarities.mean())}
            for one in networks_of(rdms_file(folder, recording)):
                who = {"role": one.role, "rule": one.rule, "seed": one.seed}
                try:
                    found = ba.RSA(comparator="spearman").score(one.activations.rdm(layer, ids), brain).item()
                except DataError:  # the layer answers alike to all of them
                    found = np.nan
                rows.append({**about, **who, "score": found})
    return pd.DataFrame(rows)


def _scores(shown_networks: Sequence[Instance], recording: ba.RecordingSpec, spec: ba.StudySpec) -> Scores:
    whitened = [WHITENED] if recording.windows or recording.dataset != "eeg49" else []
    measures = [*measures_of(recording, spec.scoring), *whitened]
    return score(
        iter(shown_networks), ba.recording(recording.dataset), recording, spec.scoring, print, measures=measures
    )


def write(found: AlignmentResult, spec: ba.StudySpec, folder: Path, suffix: str) -> None:
    """Write scores as means over subjects, and what was tested at declared layers; all else follows from the RDMs."""
    by = ["dataset", "role", "rule", "seed", "layer", "roi", "time", "measure"]
    values = ["score", "ceiling_lower", "ceiling_upper", "n_stimuli"]
    means = found.scores.groupby(by, observed=True, dropna=False, sort=False)[values].mean().reset_index()
    write_table(folder / f"scores{suffix}.csv", means, digits=6)
    for name in ("contrasts", "ranks", "gates"):
        table = getattr(found, name)
        declared = table.layer.astype(str) == table.roi.astype(str).map(dict(spec.scoring.ranking_layer))
        write_table(folder / f"{name}{suffix}.csv", table[declared], digits=6)


# -- rules over architectures, from RDMs of several studies -----------------------------------------------------------


def architectures(path: Path) -> None:
    """Write tests of each rule that all architectures have: against readout only and backpropagation, over them."""
    specs = {name: study(name) for name in ARCHITECTURES}
    recordings = [one for one in specs[MAIN].recordings if "rsa" in one.measures]
    rows = [row for recording in recordings for row in _over_architectures(specs, recording)]
    table = pd.DataFrame(rows)
    for p in ("p_interaction", "p_all"):
        by_place = table.groupby(["dataset", "roi", "measure", "control"], sort=False)[p]
        table[f"{p}_adjusted"] = by_place.transform(lambda own: adjust(own.tolist()))
    write_table(path, table, digits=6)


def _over_architectures(specs: Mapping[str, ba.StudySpec], recording: ba.RecordingSpec) -> Iterator[dict[str, object]]:
    networks: list[Instance] = []
    layer_of: dict[tuple[str, str], str] = {}
    for name, spec in specs.items():
        own = list(networks_of(rdms_file(results(name), recording)))
        networks += own
        layer_of |= {(own[0].network, roi): layer for roi, layer in dict(spec.scoring.ranking_layer).items()}
    found = score(iter(networks), ba.recording(recording.dataset), recording, specs[MAIN].scoring, print)
    for place in found.places:
        rows: dict[str, dict[str, list[int]]] = {}
        for k, row in enumerate(place.rows):
            model = place.models[row]
            if model.role != OWN_START and layer_of.get((model.network, place.roi)) == model.layer:
                rows.setdefault(model.rule, {}).setdefault(model.network, []).append(k)
        draws, asked = place.draws[0], {"subjects": recording.subjects}
        scope = resolve_scope(asked, draws.n_subjects, draws.n_units, len(specs[MAIN].populations[0].seeds))
        everywhere = [rule for rule, own in rows.items() if len(own) == len(specs)]
        for control in (READOUT_ONLY, "backprop"):
            for rule in (one for one in everywhere if one not in (READOUT_ONLY, "untrained", control)):
                tested = over_architectures(draws, rows[rule], rows[control], scope)
                about = {"dataset": found.dataset, "roi": place.roi, "measure": place.measure, "rule": rule}
                deltas = {f"delta_{name}": one.delta for name, one in tested.contrasts.items()}
                ps = {f"p_{name}": one.p for name, one in tested.contrasts.items()}
                said = {"p_interaction": tested.p_interaction, "p_all": tested.p_all}
                yield {**about, "control": control, **deltas, **ps, **said}


# -- encoding models, from networks -----------------------------------------------------------------------------------


def encode(study_name: str, out: Path) -> None:
    """Fit encoding models of the declared layer to the recordings that have trials or units, and write the tables.

    Networks are those at the end, with the controls, and those at equal accuracy that ``equal-accuracy.csv`` names.
    These tables do not follow from the RDMs. ``OUT/encoding`` keeps the scores of every population and moment; what is
    there is not fitted again.
    """
    spec, folder = study(study_name), results(study_name)
    found, training = list(trained(study_name, out)), pd.read_csv(folder / "training.csv")
    earlier = [(one, role_of(one)) for one in equal_checkpoints(found, folder)]
    for suffix, moments in (("", final_and_starts(found)), (EQUAL, earlier)):
        parts, learned = [], exceeding(training, _SPLIT[suffix])
        for recording in (one for one in spec.recordings if "encoding" in one.measures):
            joined = of_all_networks([_encoding(out, *moment, recording, spec) for moment in moments])
            models = [model for model in joined.places[0].models if model.role != LOW_LEVEL]
            parts.append(inferred(joined, spec, recording, models, learned))
        write(AlignmentResult.concatenate(parts), spec, folder, f"-encoding{suffix}")


def _encoding(out: Path, checkpoint: Checkpoint, role: str, recording: ba.RecordingSpec, spec: ba.StudySpec) -> Scores:
    """Return the encoding scores of a population at one moment; fitted where they are not kept."""
    source = ba.recording(recording.dataset, **dict(recording.options))
    of = f"{source.label} {checkpoint.spec.rule} {role} {checkpoint.spec.key}"
    if role != OWN_START and checkpoint.epoch < checkpoint.spec.epochs:
        of += f" step {checkpoint.step}"
    path = out / "encoding" / f"{of.replace(' ', '-')}.safetensors"
    if not path.is_file():
        networks = encoded(checkpoint, role, source, spec)
        Scores.save_all(path, [score(networks, source, recording, spec.scoring)])
        print(of, flush=True)
    return Scores.load(path)


def of_all_networks(parts: Sequence[Scores]) -> Scores:
    """Join scores of several networks against one recording: rows one after another, low-level controls once."""
    places = []
    for same in zip(*(one.places for one in parts), strict=True):
        first = same[0]
        assert all(np.array_equal(one.draws[0].stimulus_counts, first.draws[0].stimulus_counts) for one in same)
        rows, n = [list(first.rows)], len(first.models)
        for one in same[1:]:
            rows.append(list(range(n, n + len(one.rows))))
            n += len(one.rows)
        kept = [range(len(first.models)), *(one.rows for one in same[1:])]
        places.append(
            replace(
                first,
                models=tuple(one.models[k] for one, own in zip(same, kept, strict=True) for k in own),
                scores=np.concatenate([one.scores[:, list(own)] for one, own in zip(same, kept, strict=True)], 1),
                errors=np.concatenate([one.errors[:, list(own)] for one, own in zip(same, kept, strict=True)], 1),
                draws=tuple(_rows_of(of_time) for of_time in zip(*(one.draws for one in same), strict=True)),
                rows=tuple(k for own in rows for k in own),
            )
        )
    return replace(parts[0], places=tuple(places))


def _rows_of(parts: Sequence[ScoreDraws]) -> ScoreDraws:
    own = {"observed": np.concatenate([one.observed for one in parts])}
    for name in ("draws", "training", "repeats"):
        values = [getattr(one, name) for one in parts]
        if values[0] is not None:
            own[name] = np.concatenate(values, axis=1)
    return replace(parts[0], **own)


def encoded(checkpoint: Checkpoint, role: str, source: RecordingSource, spec: ba.StudySpec) -> Iterator[Instance]:
    """Yield the declared layer of every seed under the pictures of a recording."""
    layers, preprocessing = dict(spec.scoring.ranking_layer), checkpoint.preprocessing
    kept = {layers[roi] for roi in source.rois}
    who, moment = (checkpoint.spec.rule, checkpoint.network.name), (checkpoint.step, checkpoint.epoch)
    shown_to = extract_each(checkpoint, source.stimuli(), preprocessing)
    for seed, activations in zip(checkpoint.seeds, shown_to, strict=True):
        own = replace(activations, layers={name: activations.layers[name] for name in kept})
        yield Instance(*who, seed, *moment, True, own, preprocessing.resolution, role)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--encode", out]:
            encode(MAIN, Path(out))
        case names if set(names) <= {MAIN, *BESIDE, FULL}:
            for each in names or (MAIN, *BESIDE):
                tables(each)
            if not names:
                architectures(results() / "architectures.csv")
        case _:
            sys.exit(__doc__)

"""Train the networks of ``analyses/which_rule.toml``, and make the committed RDMs and tables of it.

    python benchmarks/which_rule.py train OUT [RULE ...]   # OUT/populations, as brainalign run has them; resumes
    python benchmarks/which_rule.py rdms OUT               # docs/results/which_rule/*.safetensors and training.csv
    python benchmarks/which_rule.py tables                 # all other tables there, from these RDMs alone
    python benchmarks/which_rule_page.py                   # docs/findings.md and its figures, from the tables

``tables`` needs no weights: the RDM of every layer of every network is committed, and what it scores is declared in
``analyses/which_rule_declared.md``.
"""

import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import brainalign as ba
from brainalign.alignment.equal_accuracy import equally_accurate as nearest
from brainalign.alignment.infer import Declared, infer
from brainalign.alignment.instance import Instance, role_of
from brainalign.alignment.result import AlignmentResult
from brainalign.alignment.score import measures_of, score
from brainalign.alignment.score_table import score_table
from brainalign.alignment.scores import Scores
from brainalign.datasets.dataset import dataset
from brainalign.errors import BrainalignError, DataError
from brainalign.extraction.population import answers_its_own_way, extract_each
from brainalign.provenance import code_hash
from brainalign.report.needs import needs
from brainalign.roles import OWN_START, READOUT_ONLY
from brainalign.storage import write_table
from brainalign.study_file import study_from_table
from brainalign.training.batches import Batches, Samples
from brainalign.training.checkpoint import Checkpoint, load_checkpoint
from brainalign.training.evaluation import history_rows
from brainalign.training.readout import exceeds_readout, final_scores
from brainalign.training.train import Trained, train

ROOT = Path(__file__).parent.parent
STUDY = ROOT / "analyses" / "which_rule.toml"
RESULTS = ROOT / "docs" / "results" / "which_rule"
#: The recording whose pictures networks were shown, and the recordings that have these pictures.
SHOWN = {"cichy92": ("cichy92", "kriegeskorte92"), "eeg49": ("eeg49",)}
#: The layers at which anything was declared.
DECLARED_LAYERS = ("conv1", "hidden")
#: Scored beside the study's own measure, as exploratory.
WHITENED = ba.RSA(comparator="corr_cov")
MEASURES = ("rsa spearman", WHITENED.label)
#: The difference of two rules for which it is said how much data would find it.
GAP = 0.05


def study(rules: tuple[str, ...] = ()) -> ba.StudySpec:
    """Return the study, or the part of it that trains some rules."""
    table = tomllib.loads(STUDY.read_text(encoding="utf-8"))
    if rules:
        table["rules"] = {rule: table["rules"][rule] for rule in rules}
    return study_from_table(table, str(STUDY), STUDY.parent)


def population(out: Path, spec: ba.TrainSpec) -> Path:
    """Return the folder of a population, where a study looks for it."""
    return out / "populations" / f"{spec.rule}-{spec.network}-{spec.key}"


def train_all(out: Path, *rules: str) -> None:
    """Train all rules or some; a population that is trained is not trained again."""
    for spec in study(rules).populations:
        started = time.perf_counter()
        try:
            found = train(spec, population(out, spec))
        except BrainalignError as error:
            print(f"{spec.rule}: {error}", flush=True)
            continue
        last = found.history[found.history.step == found.history.step.max()]
        print(
            f"{spec.rule}: test accuracy {last.test_accuracy.mean():.4f}, {time.perf_counter() - started:.0f} s",
            flush=True,
        )


def trained(out: Path) -> Iterator[Trained]:
    """Yield the populations that are trained to their end."""
    for spec in study().populations:
        folder = population(out, spec)
        if (folder / "training.csv").is_file() and (one := Trained.load(folder)).checkpoint.epoch == spec.epochs:
            yield one


def rdms(out: Path) -> None:
    """Show the stimuli to every trained network and write its RDMs, how it was trained, and the hashes of weights."""
    found = list(trained(out))
    history = pd.concat([one.history for one in found], ignore_index=True)
    moments = final_and_starts(found)
    earlier = [(one, role_of(one)) for one in equally_accurate(found, history)]
    about = {
        "weights": {
            f"{one.spec.rule} {role} {seed} step {one.step}": one.weights_hash(row)
            for one, role in (*moments, *earlier)
            for row, seed in enumerate(one.seeds)
        },
        "populations": {one.checkpoint.spec.rule: one.checkpoint.spec.key for one in found},
        "trained by": {one.checkpoint.spec.rule: one.code for one in found},
        "code": code_hash(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    for name in SHOWN:
        stimuli = ba.recording(name).stimuli()
        for suffix, some, layers in (("", moments, ()), ("-equal-accuracy", earlier, DECLARED_LAYERS)):
            networks = [one for moment, role in some for one in shown(moment, role, stimuli, layers)]
            ba.save_rdms(RESULTS / f"rdms-{name}{suffix}.safetensors", networks, {**about, "stimuli": name})
            print(f"{name}{suffix}: {len(networks)} networks", flush=True)
    write_table(RESULTS / "training.csv", history)


def final_and_starts(found: Sequence[Trained]) -> list[tuple[Checkpoint, str]]:
    """Return the last moment of every population, and the first of those that untrained networks do not match."""
    moments: list[tuple[Checkpoint, str]] = []
    for one in found:
        moments.append((one.checkpoint, role_of(one.checkpoint)))
        if one.checkpoint.rule.learns and answers_its_own_way(one.checkpoint):
            moments.append((load_checkpoint(one.files[0]), OWN_START))
    return moments


def equally_accurate(found: Sequence[Trained], history: pd.DataFrame) -> list[Checkpoint]:
    """Return of every rule that exceeds readout only the moment when it is as accurate as the least accurate of them.

    Accuracy is that of validation samples, mean over seeds. Checkpoints double their steps, so that accuracies are
    near each other, not equal; ``equal-accuracy.csv`` says what they are.
    """
    able = [one for one in found if one.checkpoint.spec.rule in exceeding(history)]
    if not able:
        return []
    accuracy = pd.concat([at_checkpoints(one) for one in able])
    means = accuracy.groupby(["rule", "step"], observed=True, sort=False).val_accuracy.mean()
    target, steps = nearest({rule: means[rule] for rule in (one.checkpoint.spec.rule for one in able)})
    rows, chosen = [], []
    for one in able:
        own, step = means[one.checkpoint.spec.rule], steps[one.checkpoint.spec.rule]
        chosen.append(load_checkpoint(next(path for path in one.files if path.stem.endswith(f"-{step:07d}"))))
        rows.append({"rule": one.checkpoint.spec.rule, "step": step, "val_accuracy": own[step], "target": target})
    write_table(RESULTS / "equal-accuracy.csv", pd.DataFrame(rows), digits=4)
    return chosen


def at_checkpoints(one: Trained) -> pd.DataFrame:
    """Return the validation accuracy of every seed at every checkpoint after the first 50 steps; kept beside them."""
    path = one.files[0].parent.parent / "accuracy.csv"
    if not path.is_file():
        spec = one.checkpoint.spec
        batches = Batches.load(spec, dataset(spec.dataset), torch.device("cpu"))
        batches = replace(batches, test=Samples(batches.test.images[:1], batches.test.labels[:1]))  # not looked at here
        rows, nothing = [], torch.zeros(3, len(spec.seeds))
        for file in one.files:
            checkpoint = load_checkpoint(file)
            if checkpoint.step > 50:
                rows += history_rows(checkpoint, batches, nothing, [], {})
        write_table(path, pd.DataFrame(rows)[["rule", "seed", "step", "val_accuracy"]])
    return pd.read_csv(path)


def exceeding(history: pd.DataFrame) -> set[str]:
    """Return the rules whose networks are more accurate than readout only, paired over seeds, on test samples."""
    by_rule = {str(rule): final_scores(rows) for rule, rows in history.groupby("rule", observed=True)}
    learning = [rule for rule in by_rule if rule not in (READOUT_ONLY, "untrained")]
    return {rule for rule in learning if exceeds_readout(by_rule[rule], by_rule[READOUT_ONLY]).exceeds}


def shown(
    checkpoint: Checkpoint, role: str, stimuli: ba.Stimuli, layers: Sequence[str] = (), resolution: int = 0
) -> Iterator[ba.LayerRDMs]:
    """Yield the RDMs of layers of every seed; ``layers`` is all unless some are named."""
    preprocessing = checkpoint.preprocessing
    if resolution:
        preprocessing = replace(preprocessing, resolution=(resolution, resolution))
    for seed, activations in zip(checkpoint.seeds, extract_each(checkpoint, stimuli, preprocessing), strict=True):
        origin = ba.Origin(
            checkpoint.spec.rule,
            checkpoint.network.name,
            seed,
            role,
            preprocessing.resolution,
            step=checkpoint.step,
            epoch=checkpoint.epoch,
        )
        made = ba.LayerRDMs.of(activations).layers
        yield ba.LayerRDMs({name: rdm for name, rdm in made.items() if not layers or name in layers}, origin)


# -- tables, from RDMs ------------------------------------------------------------------------------------------------


def networks_of(path: Path) -> Iterator[Instance]:
    """Yield the networks whose RDMs are in a file."""
    for one in ba.load_rdms(path)[0]:
        yield Instance.of(one, one.origin.resolution or (0, 0))


def tables() -> None:
    """Score the committed RDMs against the recordings of the study, and write what follows."""
    spec, history = study(), pd.read_csv(RESULTS / "training.csv")
    learned = exceeding(history)
    for suffix in ("", "-equal-accuracy"):
        found = AlignmentResult.concatenate([scored(spec, one, suffix, learned) for one in spec.recordings])
        write(found, suffix)
        if not suffix:
            wanted = [row for measure in MEASURES for row in needs(found, GAP, layers=DECLARED_LAYERS, measure=measure)]
            write_table(RESULTS / "needs.csv", pd.DataFrame(wanted), digits=6)
    (movie,) = (one for one in spec.recordings if one.windows)
    write_table(RESULTS / "time_course.csv", time_course(spec, replace(movie, windows=())), digits=4)
    write_table(RESULTS / "by_category.csv", by_category(spec, movie), digits=4)


def scored(spec: ba.StudySpec, recording: ba.RecordingSpec, suffix: str, learned: set[str]) -> AlignmentResult:
    """Score the networks of a committed file against one recording, and infer."""
    name = next(name for name, recordings in SHOWN.items() if recording.dataset in recordings)
    shown_networks = list(networks_of(RESULTS / f"rdms-{name}{suffix}.safetensors"))
    rules = dict.fromkeys(one.rule for one in shown_networks if one.role == "trained")
    unlearned = {one.network: [rule for rule in rules if rule not in learned] for one in shown_networks}
    return infer(_scores(shown_networks, recording, spec), Declared.of(spec.scoring, recording.subjects, unlearned))


def time_course(spec: ba.StudySpec, recording: ba.RecordingSpec) -> pd.DataFrame:
    """Return the score of every layer at every time: mean and standard deviation over seeds."""
    found = _scores(list(networks_of(RESULTS / f"rdms-{recording.dataset}.safetensors")), recording, spec)
    table = pd.concat([score_table(place, found.dataset, found.simulated) for place in found.places])
    by = ["role", "rule", "layer", "time", "measure"]
    return table.groupby(by, observed=True, sort=False).score.agg(["mean", "std"]).reset_index()


def by_category(spec: ba.StudySpec, recording: ba.RecordingSpec) -> pd.DataFrame:
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
            for one in networks_of(RESULTS / f"rdms-{recording.dataset}.safetensors"):
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


def write(found: AlignmentResult, suffix: str) -> None:
    """Write scores as means over subjects, and what was tested at declared layers; all else follows from the RDMs."""
    by = ["dataset", "role", "rule", "seed", "layer", "roi", "time", "measure"]
    values = ["score", "ceiling_lower", "ceiling_upper", "n_stimuli"]
    means = found.scores.groupby(by, observed=True, dropna=False, sort=False)[values].mean().reset_index()
    write_table(RESULTS / f"scores{suffix}.csv", means, digits=6)
    for name in ("contrasts", "ranks", "gates"):
        table = getattr(found, name)
        declared = table.layer.astype(str) == table.roi.astype(str).map(dict(study().scoring.ranking_layer))
        write_table(RESULTS / f"{name}{suffix}.csv", table[declared], digits=6)


if __name__ == "__main__":
    verb, *given = sys.argv[1:] or ["help"]
    if verb == "train" and given:
        train_all(Path(given[0]), *given[1:])
    elif verb == "rdms" and len(given) == 1:
        rdms(Path(given[0]))
    elif verb == "tables" and not given:
        tables()
    else:
        sys.exit(__doc__)

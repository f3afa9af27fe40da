"""Every layer of every network against every recording: scores, contrasts, ranks and gates as rows."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from itertools import groupby
from typing import ClassVar

import numpy as np
import pandas as pd

from brainalign import tables
from brainalign.activations import Activations
from brainalign.alignment.failure import Failure
from brainalign.alignment.instance import Instance, check_paired
from brainalign.alignment.score_table import cells_of, controls_of, score_table
from brainalign.alignment.scored import Scored
from brainalign.alignment.scoring import Scoring
from brainalign.columns import TRAINED
from brainalign.comparisons.comparison import Comparison, comparisons
from brainalign.comparisons.description import PREDICTION
from brainalign.errors import LayerError, SpecError
from brainalign.inference.cell import Cell, compare_rules
from brainalign.inference.contrast import Contrast
from brainalign.inference.family import adjust
from brainalign.inference.gates import judge_family
from brainalign.inference.scope import resolve_scope
from brainalign.low_level import low_level_features
from brainalign.patterns import Patterns
from brainalign.recordings.brain import Brain
from brainalign.recordings.source import RecordingSource
from brainalign.resampling.samples import Samples
from brainalign.specs import RecordingSpec, ScoringSpec

Progress = Callable[[str], None]

#: A cell's place in tables, the family it is judged in, and what is known of its rules.
Claim = tuple[dict[str, object], str, Cell]

_CONDITIONAL = (
    "errors of encoding scores come from a bootstrap of the test stimuli; the variance of the training stimuli, which "
    "counts where features outnumber stimuli, is left out."
)

#: Stands for activations that were let go.
_LET_GO = Activations({}, (), "")


@dataclass(frozen=True, eq=False)
class Alignment:
    """Tables of one or more recordings; :mod:`brainalign.tables` describes their columns.

    Parameters
    ----------
    scores, contrasts, ranks, gates
        Long tables, a row each for a score, a contrast, a rule in a cell, and a gate that fired.
    scope_sentences
        What the inference of each recording and measure extends to.
    measures
        What each measure is.
    """

    scores: pd.DataFrame
    contrasts: pd.DataFrame
    ranks: pd.DataFrame
    gates: pd.DataFrame
    scope_sentences: tuple[str, ...] = ()
    measures: pd.DataFrame = field(default_factory=partial(tables.empty, "measures"))

    #: Fields that are tables, and their names in the results folder.
    TABLES: ClassVar[Mapping[str, str]] = {
        "scores": "alignment", "contrasts": "contrasts", "ranks": "ranks", "gates": "gates", "measures": "measures"
    }  # fmt: skip

    @classmethod
    def concatenate(cls, parts: Sequence["Alignment"]) -> "Alignment":
        """Join the tables of several recordings."""
        found = {own: tables.joined(name, [getattr(part, own) for part in parts]) for own, name in cls.TABLES.items()}
        found["measures"] = found["measures"].drop_duplicates("measure", ignore_index=True)
        sentences = dict.fromkeys(sentence for part in parts for sentence in part.scope_sentences)
        return cls(**found, scope_sentences=tuple(sentences))


def align(
    instances: Iterable[Instance],
    source: RecordingSource,
    spec: RecordingSpec,
    scoring: ScoringSpec | None = None,
    progress: Progress = lambda text: None,
    failures: list[Failure] | None = None,
) -> Alignment:
    """Score layers against a recording and infer what the scores support.

    Parameters
    ----------
    instances
        Networks under the stimuli of ``source``, see :func:`brainalign.alignment.instance.show`, one after another:
        each is let go before the next is asked for. Rules are compared within one architecture, seed k of one rule with
        seed k of another.
    source
        The recording.
    spec
        ROIs, measures, and whether subjects are random.
    scoring
        How.
    progress
        Called with a short text before each part.
    failures
        Where populations are noted that have a layer which cannot be scored; the others are scored. Without it such a
        layer raises.

    Raises
    ------
    SpecError
        If the recording cannot support what is asked (an unknown ROI, one subject declared random, too few stimuli),
        if rules do not share their seeds, or no network has the ranking layer of a ROI.
    StimulusMismatchError
        If networks and brains did not see the same stimuli, or subjects did not and ``spec.stimuli`` is ``"all"``.
    DataError
        If a subject is there twice, runs cannot be centred as declared, a pattern is constant or a response not finite.
        A layer whose RDM is constant scores NaN instead.
    """
    return align_brain(instances, Brain(source, spec), scoring or ScoringSpec(), progress, failures)


def align_brain(
    instances: Iterable[Instance],
    brain: Brain,
    scoring: ScoringSpec,
    progress: Progress = lambda text: None,
    failures: list[Failure] | None = None,
) -> Alignment:
    """Do as :func:`align` does, with recordings that may have been asked for already."""
    source, spec, rois = brain.source, brain.spec, brain.rois
    measures = measures_of(spec, scoring)
    scored, seen = _show_all(instances, brain, rois, measures, scoring, failures)
    check_paired(seen)
    for roi in rois:
        _check_ranking_layer(roi, scored.layers, scoring)
    parts, claims, notes = [], list[Claim](), []
    for place, times in groupby(scored.finish(), key=lambda one: (one.roi, one.measure)):
        progress(f"{source.label} {': '.join(place)}")
        of_place = list(times)
        parts.append(_tables(of_place, source, spec, scoring, claims))
        if of_place[0].about.kind == PREDICTION and not of_place[0].draws.left_out:
            notes.append(f"{source.label}: {_CONDITIONAL}")
    for roi in rois:
        for measure in measures:
            notes += brain.notes(roi, measure.word, scored.ids(roi, measure), measure.of_trials)
    found = _adjust_families(_judged(Alignment.concatenate(parts), claims), scoring)
    return replace(found, scope_sentences=tuple(dict.fromkeys([*found.scope_sentences, *notes])))


def measures_of(spec: RecordingSpec, scoring: ScoringSpec) -> list[Comparison]:
    """Return the measures that a study asks for, with its options; an unknown option raises :class:`SpecError`."""
    known = comparisons()
    return [measure for name in spec.measures for measure in known[name].of_study(scoring)]


def _show_all(
    instances: Iterable[Instance],
    brain: Brain,
    rois: Sequence[str],
    measures: Sequence[Comparison],
    scoring: ScoringSpec,
    failures: list[Failure] | None,
) -> tuple[Scoring, list[Instance]]:
    """Return the scoring that has seen every instance, and the instances without their activations."""
    scored: Scoring | None = None
    samples = Samples(scoring.resampling, scoring.n_bootstrap, scoring.seed)
    seen: list[Instance] = []
    lost: dict[tuple[str, str, int | None], LayerError] = {}
    for one in instances:
        if scored is None:
            wanted = scoring.low_level or scoring.partial
            features = low_level_features(brain.stimuli, one.resolution) if wanted else {}
            controls = {name: Patterns(values, brain.stimuli.ids, name) for name, values in features.items()}
            scored = Scoring(brain, rois, measures, samples, controls, scoring.low_level)
        if (one.rule, one.network, None) in lost or (not one.final and (one.rule, one.network, one.step) in lost):
            continue
        try:
            scored.show(one)
        except LayerError as error:
            if failures is None:
                raise
            stage = "scoring" if error.step is None else "checkpoint"
            failures.append(Failure(error.rule, error.network, stage, brain.source.label, str(error), error.role))
            lost[error.rule, error.network, error.step] = error
            scored.forget(error.rule, error.network, error.step)
            continue
        seen.append(replace(one, activations=_LET_GO))
    if scored is None:
        why = f" First: {failures[0].reason}" if failures else ""
        msg = f"No network was shown the stimuli of {brain.source.label!r}; expected at least one.{why}"
        raise SpecError(msg)
    for unseen in (one for one in failures or () if one.stage == "scoring"):
        scored.forget(unseen.rule, unseen.network, None)  # some of its instances may have been shown before
        seen = [one for one in seen if (one.rule, one.network) != (unseen.rule, unseen.network)]
    seen = [one for one in seen if (one.rule, one.network, None) not in lost]
    if lost and not any(one.final for one in seen):
        raise next(iter(lost.values()))
    return scored, seen


def check_recording(brain: Brain, n_seeds: int) -> None:
    """Refuse a recording that cannot support the study, before anything is trained.

    Raises
    ------
    SpecError
        If a ROI is unknown, one subject is declared random, stimuli are too few, or trials were not published but a
        measure needs them.
    """
    source, spec = brain.source, brain.spec
    for roi in brain.rois:
        movies = brain.movies(roi)
        n_units = min(len(set(brain.stimuli.groups_of(one.stimulus_ids) or one.stimulus_ids)) for one in movies)
        try:
            resolve_scope({"subjects": spec.subjects}, sum(len(one.subjects) for one in movies), n_units, n_seeds)
        except SpecError as error:
            msg = f"Recording {source.label!r}, ROI {roi!r}: {error}"
            raise SpecError(msg) from error
    brain.displayed(brain.rois)
    known = comparisons()
    of_trials = [name for name in spec.measures if known[name].of_trials]
    if of_trials and not brain.recordings:
        other = [name for name, measure in known.items() if not measure.of_trials]
        msg = (
            f"Recording {source.label!r} was published as RDMs only; {known[of_trials[0]].word} needs responses. "
            f"Use measures = {other}."
        )
        raise SpecError(msg)


# -- tables -----------------------------------------------------------------------------------------------------------


def _tables(
    scored: Sequence[Scored], source: RecordingSource, spec: RecordingSpec, scoring: ScoringSpec, claims: list[Claim]
) -> Alignment:
    """Return the tables of one measure in one ROI at all its times, but for what is judged by family."""
    contrasts: list[dict[str, object]] = []
    here: list[Claim] = []
    for one in scored:
        contrasts += _compared(one, source.label, spec, scoring, here)
    claims += here
    sentences = dict.fromkeys(f"{source.label} {place['roi']}: {cell.scope.sentence}" for place, _, cell in here)
    return Alignment(
        score_table(scored, source.label, source.simulated),
        _contrast_table(contrasts, scoring),
        tables.empty("ranks"),
        tables.empty("gates"),
        tuple(sentences),
        tables.cast("measures", pd.DataFrame([scored[0].about.row()])),
    )


def _judged(alignment: Alignment, claims: Sequence[Claim]) -> Alignment:
    """Add the ranks and gates of all cells: those of one family are judged together."""
    families: dict[str, dict[int, Cell]] = {}
    for number, (_, family, cell) in enumerate(claims):
        families.setdefault(family, {})[number] = cell
    verdicts = {number: one for cells in families.values() for number, one in judge_family(cells).items()}
    rows: dict[str, list[dict[str, object]]] = {"ranks": [], "gates": []}
    for number, (place, _, _) in enumerate(claims):
        found = verdicts[number]
        rows["ranks"] += [{**place, **vars(item), "supported": found.supported} for item in found.ranks]
        rows["gates"] += [
            {**place, "gate": gate.code, "severity": gate.severity, "sentence": gate.sentence} for gate in found.gates
        ]
    ranks, gates = (tables.cast(name, pd.DataFrame(own)) if own else tables.empty(name) for name, own in rows.items())
    return replace(alignment, ranks=ranks, gates=gates)


def _compared(
    scored: Scored, dataset: str, spec: RecordingSpec, scoring: ScoringSpec, claims: list[Claim]
) -> list[dict[str, object]]:
    """Return the contrasts of every cell as rows, and note what is known of its rules."""
    roi = scored.roi
    place = {"dataset": dataset, "roi": roi, "time": scored.time, "measure": scored.measure}
    contrasts: list[dict[str, object]] = []
    cells = cells_of(scored)
    for (network, layer), populations in cells.items():
        cell_place = {"network": network, **place, "layer": layer}
        n_seeds = min(len(rows) for rows in populations.values())
        declared = {"subjects": spec.subjects} | ({"stimuli": "fixed"} if scored.own_stimuli else {})
        scope = resolve_scope(declared, len(scored.subjects), scored.draws.n_units, n_seeds)
        controls = controls_of(populations)
        trained = {rule: rows for (role, rule), rows in populations.items() if role == TRAINED}
        trained = dict(sorted(trained.items(), key=lambda item: item[0] == "backprop"))
        if not trained:  # nothing is claimed of untrained networks alone
            continue
        untrained = {rule: populations[controls[rule]] for rule in trained if rule in controls}
        cell = compare_rules(scored.draws, trained, scope, untrained, alpha=scoring.alpha)
        primary = _is_primary(roi, layer, scoring, {own for name, own in cells if name == network})
        family = {"family": f"{network}, {dataset}, {scored.measure}: {'primary' if primary else 'exploratory'}"}
        claims.append((cell_place, family["family"], cell))
        for (a, b), found in cell.contrasts.items():
            kind = "vs_backprop" if b == "backprop" else "pair"
            names = {"kind": kind, "rule_a": a, "rule_b": b, "role_b": TRAINED}
            contrasts.append({**names, **cell_place, **_row(found), **family})
        for a, found in cell.vs_untrained.items():
            role, b = controls[a]
            names = {"kind": "vs_untrained", "rule_a": a, "rule_b": b, "role_b": role}
            contrasts.append({**names, **cell_place, **_row(found), **family})
    return contrasts


def _contrast_table(rows: list[dict[str, object]], scoring: ScoringSpec) -> pd.DataFrame:
    """Return contrasts with their family; p is adjusted within it once all rows of a family are there."""
    if not rows:
        return tables.empty("contrasts")
    table = pd.DataFrame(rows).assign(correction=scoring.correction, p_adjusted=np.nan, family_size=0)
    return tables.cast("contrasts", table)


def _row(found: Contrast) -> dict[str, object]:
    names = [f.name for f in fields(found) if f.name not in ("scope", "paired", "alpha")]
    scope = {f"scope_{factor}": getattr(found.scope, factor) for factor in ("subjects", "stimuli", "seeds")}
    return {**{name: getattr(found, name) for name in names}, **scope}


def _check_ranking_layer(roi: str, names: Sequence[str], scoring: ScoringSpec) -> None:
    declared = scoring.ranking_layer.get(roi)
    if declared is not None and declared not in names:
        msg = f"Ranking layer {declared!r} of ROI {roi!r} is in no network. Choose among: {', '.join(names)}."
        raise SpecError(msg)


def _is_primary(roi: str, layer: str, scoring: ScoringSpec, own: Collection[str]) -> bool:
    """Return whether a layer's tests are confirmatory.

    Without a ranking layer chosen beforehand, or in a network that does not have it, every layer is in one family; with
    one, the others are exploratory.
    """
    declared = scoring.ranking_layer.get(roi)
    return declared not in own or declared == layer


def _adjust_families(alignment: Alignment, scoring: ScoringSpec) -> Alignment:
    """Adjust p within families: all contrasts of a network, data set and measure, primary and exploratory apart."""
    table = alignment.contrasts
    if not len(table):
        return alignment
    table = table.copy()
    for family in table.family.unique():
        rows = table.family == family
        table.loc[rows, "p_adjusted"] = adjust(table.p[rows].to_numpy(float), scoring.correction)
        table.loc[rows, "family_size"] = int(rows.sum())
    # A single test may be significant where its family is not: the verdict is that of the family.
    lost = (table.p_adjusted >= scoring.alpha) & table.verdict.isin(["higher", "lower"])
    table["verdict"] = table.verdict.astype(object).mask(lost, "inconclusive")
    return replace(alignment, contrasts=tables.cast("contrasts", table))

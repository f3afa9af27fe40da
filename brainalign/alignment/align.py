"""Every layer of every network against every recording: scores, contrasts, ranks and gates as rows."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import ClassVar

import numpy as np
import pandas as pd

from brainalign import tables
from brainalign.alignment.brain import Brain
from brainalign.alignment.instance import Instance, check_paired
from brainalign.alignment.score_measure import score_measure
from brainalign.alignment.score_table import cells_of, controls_of, score_table
from brainalign.alignment.scored import Model, Scored, layers_of
from brainalign.columns import TRAINED
from brainalign.comparisons.comparison import comparisons
from brainalign.comparisons.description import GEOMETRY, PREDICTION
from brainalign.errors import SpecError
from brainalign.inference.cell import compare_rules
from brainalign.inference.contrast import Contrast
from brainalign.inference.family import adjust
from brainalign.inference.gates import judge
from brainalign.inference.scope import resolve_scope
from brainalign.recordings.source import RecordingSource
from brainalign.specs import RecordingSpec, ScoringSpec

Progress = Callable[[str], None]


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
    instances: Sequence[Instance],
    source: RecordingSource,
    spec: RecordingSpec,
    scoring: ScoringSpec | None = None,
    progress: Progress = lambda text: None,
) -> Alignment:
    """Score layers against a recording and infer what the scores support.

    Parameters
    ----------
    instances
        Networks under the stimuli of ``source``, see :func:`brainalign.alignment.instance.show`; rules are compared
        within one architecture, seed k of one rule with seed k of another.
    source
        The recording.
    spec
        ROIs, measures, and whether subjects are random.
    scoring
        How.
    progress
        Called with a short text before each part.

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
    scoring = scoring or ScoringSpec()
    check_paired(instances)
    layers, brain = layers_of(instances), Brain(source, spec)
    parts, notes = [], []
    for roi in check_rois(source, spec):
        _check_ranking_layer(roi, layers, scoring)
        for measure in spec.measures:
            progress(f"{source.label} {roi}: {measure}")
            for scored in score_measure(measure, layers, brain, roi, scoring, instances[0].resolution):
                parts.append(_tables(scored, source, roi, spec, scoring))
            notes += brain.notes(roi, measure)
    found = _adjust_families(Alignment.concatenate(parts), scoring)
    return replace(found, scope_sentences=tuple(dict.fromkeys([*found.scope_sentences, *notes])))


def check_rois(source: RecordingSource, spec: RecordingSpec) -> tuple[str, ...]:
    """Return the ROIs to score, all of the source unless the study names some; an unknown one raises SpecError."""
    for roi in spec.rois:
        if roi not in source.rois:
            msg = f"Recording {source.label!r} has no ROI {roi!r}. Choose among: {', '.join(source.rois)}."
            raise SpecError(msg)
    return spec.rois or source.rois


def check_recording(source: RecordingSource, spec: RecordingSpec, n_seeds: int) -> None:
    """Refuse a recording that cannot support the study, before anything is trained.

    Raises
    ------
    SpecError
        If a ROI is unknown, one subject is declared random, stimuli are too few, or trials were not published but an
        encoding model is asked for.
    """
    brain = Brain(source, spec)
    for roi in check_rois(source, spec):
        rdms = brain.rdms(roi)
        n_units = min(len(set(brain.stimuli.groups_of(one.stimulus_ids) or one.stimulus_ids)) for one in rdms)
        try:
            resolve_scope({"subjects": spec.subjects}, sum(map(len, rdms)), n_units, n_seeds)
        except SpecError as error:
            msg = f"Recording {source.label!r}, ROI {roi!r}: {error}"
            raise SpecError(msg) from error
    brain.displayed(check_rois(source, spec))
    known = comparisons()
    predicting = [name for name in spec.measures if known[name].kind == PREDICTION]
    if predicting and not brain.recordings:
        other = [name for name, measure in known.items() if measure.kind == GEOMETRY]
        msg = (
            f"Recording {source.label!r} was published as RDMs only; {known[predicting[0]].word} needs responses. "
            f"Use measures = {other}."
        )
        raise SpecError(msg)


# -- tables -----------------------------------------------------------------------------------------------------------


def _tables(scored: Scored, source: RecordingSource, roi: str, spec: RecordingSpec, scoring: ScoringSpec) -> Alignment:
    place = {"dataset": source.label, "roi": roi, "time": np.nan, "measure": scored.measure}
    contrasts: list[dict[str, object]] = []
    ranks: list[dict[str, object]] = []
    gates: list[dict[str, object]] = []
    sentences: list[str] = []
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
        verdict = judge(cell)
        primary = {"primary": _is_primary(roi, layer, scoring, {own for name, own in cells if name == network})}
        for (a, b), found in cell.contrasts.items():
            kind = "vs_backprop" if b == "backprop" else "pair"
            names = {"kind": kind, "rule_a": a, "rule_b": b, "role_b": TRAINED}
            contrasts.append({**names, **cell_place, **_row(found), **primary})
        for a, found in cell.vs_untrained.items():
            role, b = controls[a]
            names = {"kind": "vs_untrained", "rule_a": a, "rule_b": b, "role_b": role}
            contrasts.append({**names, **cell_place, **_row(found), **primary})
        ranks += [{**cell_place, **vars(item), "supported": verdict.supported} for item in verdict.ranks]
        gates += [{**cell_place, **vars(gate)} | {"gate": gate.code} for gate in verdict.gates]
        sentences.append(f"{source.label} {roi}: {cell.scope.sentence}")
    return Alignment(
        score_table(scored, place, source.simulated),
        _contrast_table(contrasts, scoring),
        tables.cast("ranks", pd.DataFrame(ranks)) if ranks else tables.empty("ranks"),
        tables.cast("gates", pd.DataFrame(gates)) if gates else tables.empty("gates"),
        tuple(dict.fromkeys(sentences)),
        tables.cast("measures", pd.DataFrame([scored.about.row()])),
    )


def _contrast_table(rows: list[dict[str, object]], scoring: ScoringSpec) -> pd.DataFrame:
    """Return contrasts with their family; p is adjusted within it once all rows of a family are there."""
    if not rows:
        return tables.empty("contrasts")
    for row in rows:
        status = "primary" if row.pop("primary") else "exploratory"
        row["family"] = f"{row['network']}, {row['dataset']}, {row['measure']}: {status}"
    table = pd.DataFrame(rows).assign(correction=scoring.correction, p_adjusted=np.nan, family_size=0)
    return tables.cast("contrasts", table)


def _row(found: Contrast) -> dict[str, object]:
    names = [f.name for f in fields(found) if f.name not in ("scope", "paired", "alpha")]
    scope = {f"scope_{factor}": getattr(found.scope, factor) for factor in ("subjects", "stimuli", "seeds")}
    return {**{name: getattr(found, name) for name in names}, **scope}


def _check_ranking_layer(
    roi: str, layers: Sequence[tuple[Model, np.ndarray, tuple[str, ...]]], scoring: ScoringSpec
) -> None:
    names = dict.fromkeys(model.layer for model, *_ in layers)
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

"""Every layer of every network against every recording: scores, contrasts, ranks and gates as rows."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd

from brainalign.alignment.instance import UNTRAINED, Instance, check_paired, own_control
from brainalign.alignment.score_measure import score_measure
from brainalign.alignment.scored import LOW_LEVEL, Model, Scored, layers_of
from brainalign.errors import SpecError
from brainalign.inference.cell import compare_rules
from brainalign.inference.contrast import Contrast
from brainalign.inference.family import adjust
from brainalign.inference.gates import judge
from brainalign.inference.rank_set import RankSet
from brainalign.inference.scope import resolve_scope
from brainalign.recordings.brain import Brain
from brainalign.recordings.source import RecordingSource
from brainalign.specs import RecordingSpec, ScoringSpec

Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Alignment:
    """Tables of one or more recordings; their columns are described in the architecture page.

    Parameters
    ----------
    scores, contrasts, ranks, gates
        Long tables, a row each for a score, a contrast, a rule in a cell, and a gate that fired.
    scope_sentences
        What the inference of each recording and measure extends to.
    """

    scores: pd.DataFrame
    contrasts: pd.DataFrame
    ranks: pd.DataFrame
    gates: pd.DataFrame
    scope_sentences: tuple[str, ...] = ()

    @classmethod
    def concatenate(cls, parts: Sequence["Alignment"]) -> "Alignment":
        """Join the tables of several recordings."""
        tables = {}
        for name in ("scores", "contrasts", "ranks", "gates"):
            filled = [getattr(part, name) for part in parts if len(getattr(part, name))]
            tables[name] = pd.concat(filled, ignore_index=True) if filled else getattr(parts[0], name)
        sentences = dict.fromkeys(sentence for part in parts for sentence in part.scope_sentences)
        return cls(**tables, scope_sentences=tuple(sentences))


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
    if "encoding" in spec.measures and not brain.recordings:
        msg = (
            f"Recording {source.label!r} was published as RDMs only; encoding needs responses. Use measures = ['rsa']."
        )
        raise SpecError(msg)


# -- tables -----------------------------------------------------------------------------------------------------------


def _tables(scored: Scored, source: RecordingSource, roi: str, spec: RecordingSpec, scoring: ScoringSpec) -> Alignment:
    place = {"dataset": source.label, "roi": roi, "time": None, "measure": scored.measure}
    contrasts: list[dict[str, object]] = []
    ranks: list[dict[str, object]] = []
    gates: list[dict[str, object]] = []
    sentences: list[str] = []
    cells = _cells(scored)
    for (network, layer), rules in cells.items():
        cell_place = {"network": network, **place, "layer": layer}
        n_seeds = min(len(rows) for rows in rules.values())
        declared = {"subjects": spec.subjects} | ({"stimuli": "fixed"} if scored.own_stimuli else {})
        scope = resolve_scope(declared, len(scored.subjects), scored.draws.n_units, n_seeds)
        controls = _controls(rules)
        trained = {rule: rows for rule, rows in rules.items() if not _is_control(rule)}
        trained = dict(sorted(trained.items(), key=lambda item: item[0] == "backprop"))
        if not trained:
            continue
        untrained = {rule: controls[rule] for rule in trained if rule in controls}
        cell = compare_rules(scored.draws, trained, scope, untrained, alpha=scoring.alpha)
        verdict = judge(cell)
        primary = _is_primary(roi, layer, scoring, {own for name, own in cells if name == network})
        for (a, b), found in cell.contrasts.items():
            kind = "vs_backprop" if b == "backprop" else "pair"
            contrasts.append({"kind": kind, "rule_a": a, "rule_b": b, **cell_place, **_row(found), "primary": primary})
        for a, found in cell.vs_untrained.items():
            row = {"kind": "vs_untrained", "rule_a": a, "rule_b": "untrained"}
            contrasts.append({**row, **cell_place, **_row(found), "primary": primary})
        ranks += [{**cell_place, **vars(item), "supported": verdict.supported} for item in verdict.ranks]
        gates += [{**cell_place, **vars(gate)} | {"gate": gate.code} for gate in verdict.gates]
        sentences.append(f"{source.label} {roi}: {cell.scope.sentence}")
    return Alignment(
        _score_table(scored, place, source.simulated),
        pd.DataFrame(contrasts, columns=None if contrasts else _CONTRAST),
        pd.DataFrame(ranks, columns=None if ranks else [*_CELL, *(f.name for f in fields(RankSet)), "supported"]),
        pd.DataFrame(gates, columns=[*_CELL, "gate", "severity", "sentence"]),
        tuple(dict.fromkeys(sentences)),
    )


_CELL = ("network", "dataset", "roi", "time", "layer", "measure")
# of a table without rows: one rule, and nothing to compare it with
_CONTRAST = [
    *("kind", "rule_a", "rule_b", *_CELL),
    *(f.name for f in fields(Contrast) if f.name not in ("scope", "paired", "alpha")),
    *("scope_subjects", "scope_stimuli", "scope_seeds", "correction", "family", "p_adjusted", "family_size"),
]


def _cells(scored: Scored) -> dict[tuple[str, str], dict[str, list[int]]]:
    """Return rows by (network, layer) and rule, in the order of seeds, final instances only."""
    cells: dict[tuple[str, str], dict[str, list[int]]] = {}
    order = sorted(range(scored.draws.n_models), key=lambda row: scored.models[row].seed or 0)
    for row in order:
        model = scored.models[row]
        if model.rule != LOW_LEVEL:
            cells.setdefault((model.network, model.layer), {}).setdefault(model.rule, []).append(row)
    first = {(model.network, model.layer): model.layer_index for model in scored.models}
    return dict(sorted(cells.items(), key=lambda item: (item[0][0], first[item[0]])))


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
    table = table.assign(correction=scoring.correction, family="", p_adjusted=np.nan, family_size=0)
    status = table.primary.map({True: "primary", False: "exploratory"})
    table["family"] = table.network + ", " + table.dataset + ", " + table.measure + ": " + status
    for family in table.family.unique():
        rows = table.family == family
        table.loc[rows, "p_adjusted"] = adjust(table.p[rows].to_numpy(float), scoring.correction)
        table.loc[rows, "family_size"] = int(rows.sum())
    # A single test may be significant where its family is not: the verdict is that of the family.
    lost = (table.p_adjusted >= scoring.alpha) & table.verdict.isin(["higher", "lower"])
    table.loc[lost, "verdict"] = "inconclusive"
    return Alignment(
        alignment.scores, table.drop(columns="primary"), alignment.ranks, alignment.gates, alignment.scope_sentences
    )


def _score_table(scored: Scored, place: Mapping[str, object], simulated: bool) -> pd.DataFrame:
    scores = scored.scores
    floors = _floors(scored)
    rows = []
    for model, own in zip(scored.models, scores, strict=True):
        floor = floors.get((model.network, model.layer, model.rule), np.full(len(own), np.nan))
        for k, subject in enumerate(scored.subjects):
            rows.append(
                {
                    "rule": model.rule,
                    "network": model.network,
                    "seed": model.seed,
                    "checkpoint": model.step,
                    "epoch": model.epoch,
                    "layer": model.layer,
                    "layer_index": model.layer_index,
                    **place,
                    "subject": subject,
                    "score": own[k],
                    "floor": floor[k],
                    "ceiling_lower": scored.ceiling[0].mean(),
                    "ceiling_upper": scored.ceiling[1].mean(),
                    "n_stimuli": scored.own_stimuli[k] if scored.own_stimuli else scored.n_stimuli,
                    "n_targets": scored.n_targets,
                    "simulated": simulated,
                    "final": model.final,
                }
            )
    return pd.DataFrame(rows).astype({"seed": "Int64", "checkpoint": "Int64"})


def _floors(scored: Scored) -> dict[tuple[str, str, str], np.ndarray]:
    """Return the untrained control's mean score by network, layer and rule, ``(n_subjects,)``."""
    floors = {}
    for (network, layer), rules in _cells(scored).items():
        themselves = {rule: rows for rule, rows in rules.items() if _is_control(rule)}
        for rule, rows in {**_controls(rules), **themselves}.items():
            floors[network, layer, rule] = scored.draws.observed[rows].mean(axis=0)
    return floors


def _is_control(rule: str) -> bool:
    return rule.partition(":")[0] == UNTRAINED


def _controls(rules: Mapping[str, list[int]]) -> dict[str, list[int]]:
    """Return the rows of each rule's untrained control: its own where there is one."""
    found = {rule: rules.get(own_control(rule), rules.get(UNTRAINED)) for rule in rules if not _is_control(rule)}
    return {rule: rows for rule, rows in found.items() if rows is not None}

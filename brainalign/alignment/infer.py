"""What scores support: contrasts, families, ranks and gates, from scores alone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace

import numpy as np
import pandas as pd

from brainalign import tables
from brainalign.alignment.agreement import agreement
from brainalign.alignment.facts import joined_facts
from brainalign.alignment.failure_table import failure_table
from brainalign.alignment.place_scores import Cell as CellName
from brainalign.alignment.place_scores import PlaceScores
from brainalign.alignment.result import AlignmentResult
from brainalign.alignment.score_table import controls_of, score_table
from brainalign.alignment.scores import Scores
from brainalign.errors import SpecError
from brainalign.inference.cell import Cell, compare_rules
from brainalign.inference.contrast import Contrast
from brainalign.inference.family import adjust
from brainalign.inference.gates import judge_family
from brainalign.inference.scope import resolve_scope
from brainalign.roles import CHOSEN_LAYER, COMPARED, MODEL
from brainalign.specs import ScoringSpec

#: A cell's place in tables, the family it is judged in, and what is known of its rules.
Claim = tuple[dict[str, object], str, Cell]


@dataclass(frozen=True)
class Declared:
    """What is asked of scores, declared before they are looked at.

    Parameters
    ----------
    subjects
        ``"random"`` (another sample of subjects is meant) or ``"fixed"``; none: as it was declared when scores were
        made.
    alpha
        Level of intervals and tests.
    correction
        ``"holm"``, ``"bh"`` or ``"by"``, within a family.
    ranking_layer
        ROI to the layer at which rules are ranked. Without it every layer is tested.
    """

    subjects: str | None = None
    alpha: float = 0.05
    correction: str = "holm"
    ranking_layer: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, scoring: ScoringSpec, subjects: str | None = None) -> "Declared":
        """Return what a study declares."""
        return cls(subjects, scoring.alpha, scoring.correction, dict(scoring.ranking_layer))


def infer(scores: Scores | Sequence[Scores], declared: Declared | None = None) -> AlignmentResult:
    """Return what scores support; nothing is scored.

    Parameters
    ----------
    scores
        Of one recording, or of several.
    declared
        What is asked of them.

    Raises
    ------
    SpecError
        If the sample cannot support what is asked (one subject declared random), or no network has the ranking layer
        of a ROI.
    """
    declared = declared or Declared()
    parts = [scores] if isinstance(scores, Scores) else list(scores)
    found = AlignmentResult.concatenate([_of_recording(one, declared) for one in parts])
    failures = [failure for part in parts for failure in part.failures]
    said = agreement(found.ranks, found.measures, declared.ranking_layer)
    facts = {
        **found.facts,
        "spec": _asked(parts, declared),
        "scope_sentences": [*found.scope_sentences, *said],
        "alpha": declared.alpha,
        "correction": declared.correction,
        "failures": [asdict(one) for one in failures],
    }
    return replace(found, failures=failure_table(failures), stored=tuple(parts), facts=facts)


def _asked(parts: Sequence[Scores], declared: Declared) -> dict[str, object]:
    """Return what was asked, as a study's specification has it."""
    spec = joined_facts([part.facts["spec"] for part in parts])
    recordings = [{**one, "subjects": declared.subjects or one["subjects"]} for one in spec["recordings"]]
    asked = {"alpha": declared.alpha, "correction": declared.correction, "ranking_layer": dict(declared.ranking_layer)}
    return {"recordings": recordings, "scoring": {**spec["scoring"], **asked}}


def _of_recording(scores: Scores, declared: Declared) -> AlignmentResult:
    for place in scores.places:
        _check_ranking_layer(place, declared)
    claims: list[Claim] = []
    found = AlignmentResult.concatenate([_of_place(place, scores, declared, claims) for place in scores.places])
    sentences = dict.fromkeys([*found.scope_sentences, *scores.notes])
    facts = {**scores.facts, "scope_sentences": list(sentences)}
    ranks, gates = _judged(claims)
    return replace(found, ranks=ranks, gates=gates, contrasts=_adjusted(found.contrasts, declared), facts=facts)


def _of_place(place: PlaceScores, scores: Scores, declared: Declared, claims: list[Claim]) -> AlignmentResult:
    """Return the tables of one measure in one ROI at all its times, but for what is judged by family."""
    contrasts: list[dict[str, object]] = []
    here: list[Claim] = []
    for time in range(len(place.times)):
        for cell in place.cells:
            contrasts += _compared(place, cell, time, scores, declared, here)
    claims += here
    sentences = dict.fromkeys(f"{scores.dataset} {place.roi}: {cell.scope.sentence}" for _, _, cell in here)
    return AlignmentResult(
        score_table(place, scores.dataset, scores.simulated),
        _contrast_table(contrasts, declared),
        tables.empty("ranks"),
        tables.empty("gates"),
        tables.cast("measures", pd.DataFrame([place.about.row()])),
        facts={"scope_sentences": list(sentences)},
    )


def _judged(claims: Sequence[Claim]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the ranks and gates of all cells: those of one family are judged together."""
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
    return ranks, gates


def _compared(
    place: PlaceScores, cell: CellName, time: int, scores: Scores, declared: Declared, claims: list[Claim]
) -> list[dict[str, object]]:
    """Return the contrasts of a cell as rows, and note what is known of its rules."""
    populations = place.cells[cell]
    if not any(role in COMPARED for role, _ in populations):  # nothing is claimed of untrained networks alone
        return []
    (network, layer), roi = cell, place.roi
    where = {"network": network, "dataset": scores.dataset, "roi": roi, "time": place.times[time], "layer": layer}
    where["measure"] = place.measure
    draws, rows = place.of_cell(cell, time)
    subjects = declared.subjects or scores.facts["spec"]["recordings"][0]["subjects"]
    asked_of = {"subjects": subjects} | ({"stimuli": "fixed"} if place.own_stimuli else {})
    scope = resolve_scope(asked_of, draws.n_subjects, draws.n_units, min(map(len, rows.values())))
    controls = controls_of(populations)
    roles = {rule: role for role, rule in rows if role in COMPARED}
    trained = {rule: rows[role, rule] for rule, role in roles.items()}
    trained = dict(sorted(trained.items(), key=lambda item: item[0] == "backprop"))
    untrained = {rule: rows[controls[rule]] for rule in trained if rule in controls}
    # networks from elsewhere share nothing by seed
    paired = not any(role == MODEL for role, _ in rows) or all(len(own) == 1 for own in rows.values())
    found = compare_rules(draws, trained, scope, untrained, paired, declared.alpha)
    primary = _is_primary(roi, layer, declared, {own for name, own in place.cells if name == network})
    status = "primary" if primary else "exploratory"
    more = {"samples": place.samples, "family": f"{network}, {scores.dataset}, {place.measure}: {status}"}
    claims.append((where, more["family"], found))
    contrasts: list[dict[str, object]] = []
    for (a, b), one in found.contrasts.items():
        kind = "vs_backprop" if b == "backprop" else "pair"
        names = {"kind": kind, "rule_a": a, "rule_b": b, "role_b": roles[b]}
        contrasts.append({**names, **where, **_row(one), **more})
    for a, one in found.vs_untrained.items():
        role, b = controls[a]
        names = {"kind": "vs_untrained", "rule_a": a, "rule_b": b, "role_b": role}
        contrasts.append({**names, **where, **_row(one), **more})
    return contrasts


def _contrast_table(rows: list[dict[str, object]], declared: Declared) -> pd.DataFrame:
    """Return contrasts with their family; p is adjusted within it once all rows of a family are there."""
    if not rows:
        return tables.empty("contrasts")
    table = pd.DataFrame(rows).assign(correction=declared.correction, p_adjusted=np.nan, family_size=0)
    return tables.cast("contrasts", table)


def _row(found: Contrast) -> dict[str, object]:
    names = [f.name for f in fields(found) if f.name not in ("scope", "paired", "alpha")]
    scope = {f"scope_{factor}": getattr(found.scope, factor) for factor in ("subjects", "stimuli", "seeds")}
    return {**{name: getattr(found, name) for name in names}, **scope}


def _check_ranking_layer(place: PlaceScores, declared: Declared) -> None:
    layer = declared.ranking_layer.get(place.roi)
    names = dict.fromkeys(one.layer for one in place.models if one.seed is not None)
    if layer is not None and layer not in names and list(names) != [CHOSEN_LAYER]:
        known = ", ".join(names)
        msg = f"Ranking layer {layer!r} of ROI {place.roi!r} is in no network. Choose among: {known}."
        raise SpecError(msg)


def _is_primary(roi: str, layer: str, declared: Declared, own: Collection[str]) -> bool:
    """Return whether a layer's tests are confirmatory.

    Without a ranking layer chosen beforehand, or in a network that does not have it, every layer is in one family; with
    one, the others are exploratory.
    """
    ranked = declared.ranking_layer.get(roi)
    return ranked not in own or ranked == layer


def _adjusted(table: pd.DataFrame, declared: Declared) -> pd.DataFrame:
    """Adjust p within families: all contrasts of a network, data set and measure, primary and exploratory apart."""
    if not len(table):
        return table
    table = table.copy()
    for family in table.family.unique():
        rows = table.family == family
        table.loc[rows, "p_adjusted"] = adjust(table.p[rows].to_numpy(float), declared.correction)
        table.loc[rows, "family_size"] = int(rows.sum())
    # A single test may be significant where its family is not: the verdict is that of the family.
    lost = (table.p_adjusted >= declared.alpha) & table.verdict.isin(["higher", "lower"])
    table["verdict"] = table.verdict.astype(object).mask(lost, "inconclusive")
    return tables.cast("contrasts", table)

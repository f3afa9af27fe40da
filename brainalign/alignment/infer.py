"""What scores support: contrasts, families, ranks and gates, from scores alone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace

import numpy as np
import pandas as pd

from brainalign import tables
from brainalign.alignment.agreement import agreement
from brainalign.alignment.facts import joined_facts
from brainalign.alignment.failure_table import failure_table
from brainalign.alignment.place_scores import Cell, PlaceScores
from brainalign.alignment.result import AlignmentResult
from brainalign.alignment.score_table import controls_of, score_table
from brainalign.alignment.scores import Scores
from brainalign.columns import TRAINED
from brainalign.errors import SpecError
from brainalign.inference.cell import compare_rules
from brainalign.inference.contrast import Contrast
from brainalign.inference.family import adjust
from brainalign.inference.gates import judge
from brainalign.inference.scope import resolve_scope
from brainalign.specs import ScoringSpec


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
    found = AlignmentResult.concatenate([_of_place(place, scores, declared) for place in scores.places])
    sentences = dict.fromkeys([*found.scope_sentences, *scores.notes])
    facts = {**scores.facts, "scope_sentences": list(sentences)}
    return replace(found, contrasts=_adjusted(found.contrasts, declared), facts=facts)


def _of_place(place: PlaceScores, scores: Scores, declared: Declared) -> AlignmentResult:
    """Return the tables of one measure in one ROI at all its times, families not yet adjusted."""
    rows: dict[str, list[dict[str, object]]] = {name: [] for name in ("contrasts", "ranks", "gates")}
    sentences: dict[str, None] = {}
    for time in range(len(place.times)):
        for cell in place.cells:
            for name, found in _claims(place, cell, time, scores, declared, sentences).items():
                rows[name] += found
    ranks, gates = (
        tables.cast(name, pd.DataFrame(rows[name])) if rows[name] else tables.empty(name) for name in ("ranks", "gates")
    )
    return AlignmentResult(
        score_table(place, scores.dataset, scores.simulated),
        _contrast_table(rows["contrasts"], declared),
        ranks,
        gates,
        tables.cast("measures", pd.DataFrame([place.about.row()])),
        facts={"scope_sentences": list(sentences)},
    )


def _claims(
    place: PlaceScores, cell: Cell, time: int, scores: Scores, declared: Declared, sentences: dict[str, None]
) -> dict[str, list[dict[str, object]]]:
    """Return what can be said of the rules of a cell, as rows by table."""
    populations = place.cells[cell]
    if not any(role == TRAINED for role, _ in populations):  # nothing is claimed of untrained networks alone
        return {}
    (network, layer), roi = cell, place.roi
    where = {"network": network, "dataset": scores.dataset, "roi": roi, "time": place.times[time], "layer": layer}
    where["measure"] = place.measure
    draws, rows = place.of_cell(cell, time)
    subjects = declared.subjects or scores.facts["spec"]["recordings"][0]["subjects"]
    asked_of = {"subjects": subjects} | ({"stimuli": "fixed"} if place.own_stimuli else {})
    scope = resolve_scope(asked_of, draws.n_subjects, draws.n_units, min(map(len, rows.values())))
    controls = controls_of(populations)
    trained = {rule: own for (role, rule), own in rows.items() if role == TRAINED}
    trained = dict(sorted(trained.items(), key=lambda item: item[0] == "backprop"))
    untrained = {rule: rows[controls[rule]] for rule in trained if rule in controls}
    found = compare_rules(draws, trained, scope, untrained, alpha=declared.alpha)
    verdict = judge(found)
    more = {
        "samples": place.samples,
        "primary": _is_primary(roi, layer, declared, {own for name, own in place.cells if name == network}),
    }
    contrasts: list[dict[str, object]] = []
    for (a, b), one in found.contrasts.items():
        kind = "vs_backprop" if b == "backprop" else "pair"
        names = {"kind": kind, "rule_a": a, "rule_b": b, "role_b": TRAINED}
        contrasts.append({**names, **where, **_row(one), **more})
    for a, one in found.vs_untrained.items():
        role, b = controls[a]
        names = {"kind": "vs_untrained", "rule_a": a, "rule_b": b, "role_b": role}
        contrasts.append({**names, **where, **_row(one), **more})
    sentences[f"{scores.dataset} {roi}: {found.scope.sentence}"] = None
    return {
        "contrasts": contrasts,
        "ranks": [{**where, **vars(item), "supported": verdict.supported} for item in verdict.ranks],
        "gates": [
            {**where, "gate": one.code, "severity": one.severity, "sentence": one.sentence} for one in verdict.gates
        ],
    }


def _contrast_table(rows: list[dict[str, object]], declared: Declared) -> pd.DataFrame:
    """Return contrasts with their family; p is adjusted within it once all rows of a family are there."""
    if not rows:
        return tables.empty("contrasts")
    for row in rows:
        status = "primary" if row.pop("primary") else "exploratory"
        row["family"] = f"{row['network']}, {row['dataset']}, {row['measure']}: {status}"
    table = pd.DataFrame(rows).assign(correction=declared.correction, p_adjusted=np.nan, family_size=0)
    return tables.cast("contrasts", table)


def _row(found: Contrast) -> dict[str, object]:
    names = [f.name for f in fields(found) if f.name not in ("scope", "paired", "alpha")]
    scope = {f"scope_{factor}": getattr(found.scope, factor) for factor in ("subjects", "stimuli", "seeds")}
    return {**{name: getattr(found, name) for name in names}, **scope}


def _check_ranking_layer(place: PlaceScores, declared: Declared) -> None:
    layer = declared.ranking_layer.get(place.roi)
    names = dict.fromkeys(one.layer for one in place.models if one.seed is not None)
    if layer is not None and layer not in names:
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

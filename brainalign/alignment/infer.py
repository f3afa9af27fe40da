"""What scores support: contrasts, families, ranks and gates, from scores alone."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import pandas as pd

from brainalign import tables
from brainalign.alignment.agreement import agreement
from brainalign.alignment.before_onset import BeforeOnset
from brainalign.alignment.cluster_table import adjusted_clusters, cluster_table
from brainalign.alignment.facts import joined_facts
from brainalign.alignment.failure_table import failure_table
from brainalign.alignment.families import (
    EXPLORATORY,
    MAX_T,
    PRIMARY,
    Test,
    adjusted,
    check_margins,
    confirmatory,
    contrast_table,
)
from brainalign.alignment.latencies import latency_table
from brainalign.alignment.place_scores import Cell as CellName
from brainalign.alignment.place_scores import PlaceScores
from brainalign.alignment.result import AlignmentResult
from brainalign.alignment.score_table import controls_of, score_table
from brainalign.alignment.scores import Scores
from brainalign.errors import SpecError
from brainalign.inference.cell import READOUT, TEST_SPLIT, Cell, compare_rules
from brainalign.inference.contrast import Contrast
from brainalign.inference.gates import judge_family
from brainalign.inference.influence import Influence
from brainalign.inference.pre_stimulus import BEFORE_ONSET
from brainalign.inference.scope import resolve_scope
from brainalign.resampling.score_draws import ScoreDraws
from brainalign.roles import CHOSEN_LAYER, COMPARED, MODEL, READOUT_ONLY
from brainalign.specs import ScoringSpec
from brainalign.time_windows import window_places

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
        ``"holm"``, ``"bh"`` or ``"by"``, within a family; ``"max_t"``: declared tests of a ROI by the largest t of all,
        see :class:`~brainalign.specs.ScoringSpec`.
    ranking_layer
        ROI to the layer at which rules are ranked. Without it every layer is tested.
    unlearned
        Network to the rules that do not exceed readout only after as many steps: they are scored and contrasted, and
        have no rank.
    unlearned_on
        What that was measured on, in words: the test split unless given.
    equivalence
        Measure, by its name in tables, to the largest difference that counts as none.
    clusters, seed
        Of tests over all times together: ``"cluster"``, ``"tfce"`` or ``"none"``, and the seed of their flips.
    """

    subjects: str | None = None
    alpha: float = 0.05
    correction: str = "holm"
    ranking_layer: Mapping[str, str] = field(default_factory=dict)
    unlearned: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unlearned_on: str = TEST_SPLIT
    equivalence: Mapping[str, float] = field(default_factory=dict)
    clusters: str = "none"
    seed: int = 0

    @classmethod
    def of(
        cls, scoring: ScoringSpec, subjects: str | None = None, unlearned: Mapping[str, Sequence[str]] | None = None
    ) -> "Declared":
        """Return what a study declares."""
        return cls(
            subjects=subjects,
            alpha=scoring.alpha,
            correction=scoring.correction,
            ranking_layer=dict(scoring.ranking_layer),
            unlearned=unlearned or {},
            equivalence=dict(scoring.equivalence),
            clusters=scoring.clusters,
            seed=scoring.seed,
        )


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
    check_margins(declared.equivalence, [place.measure for part in parts for place in part.places])
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
    asked |= {"equivalence": dict(declared.equivalence)} if declared.equivalence else {}
    asked |= {"clusters": declared.clusters} if declared.clusters != "none" else {}
    return {"recordings": recordings, "scoring": {**spec["scoring"], **asked}}


def _of_recording(scores: Scores, declared: Declared) -> AlignmentResult:
    declared = _in_windows(declared, scores)
    for place in scores.places:
        _check_ranking_layer(place, declared)
    claims: list[Claim] = []
    found = AlignmentResult.concatenate([_of_place(place, scores, declared, claims) for place in scores.places])
    sentences = dict.fromkeys([*found.scope_sentences, *scores.notes])
    facts = {**scores.facts, "scope_sentences": list(sentences)}
    ranks, gates = _judged(claims)
    contrasts = adjusted(found.contrasts, declared.alpha)
    together = adjusted_clusters(found.clusters)
    return replace(found, ranks=ranks, gates=gates, contrasts=contrasts, clusters=together, facts=facts)


def _in_windows(declared: Declared, scores: Scores) -> Declared:
    """Return what is declared with the layers of ROIs in named windows: those of the ROI unless they have their own."""
    places = _windows_of(scores)
    layers = {place: declared.ranking_layer[roi] for place, roi in places.items() if roi in declared.ranking_layer}
    return replace(declared, ranking_layer={**layers, **declared.ranking_layer})


def _windows_of(scores: Scores) -> dict[str, str]:
    """Return ROIs in named windows, to the ROI."""
    windows = scores.facts["spec"]["recordings"][0].get("windows")
    return window_places([place.roi for place in scores.places], windows)


def _of_place(place: PlaceScores, scores: Scores, declared: Declared, claims: list[Claim]) -> AlignmentResult:
    """Return the tables of one measure in one ROI at all its times, but for what is judged by family."""
    if declared.correction == MAX_T and place.samples == "bootstrap":
        msg = (
            f"correction = {MAX_T!r}, but {scores.dataset!r} was scored with bootstrap samples; expected scores without"
            ' each stimulus. Score it with resampling = "leave_one_out", or correct by "holm".'
        )
        raise SpecError(msg)
    contrasts: list[Test] = []
    here: list[Claim] = []
    for time in range(len(place.times)):
        for cell in place.cells:
            contrasts += _compared(place, cell, time, scores, declared, here)
    early = BeforeOnset.of(_in_full(place, scores), _subjects(scores, declared), declared.alpha)
    here = [
        (where, family, replace(found, before_onset=early.gates.get((str(where["network"]), str(where["layer"])))))
        for where, family, found in here
    ]
    claims += here
    sentences = dict.fromkeys(f"{scores.dataset} {place.roi}: {cell.scope.sentence}" for _, _, cell in here)
    if declared.correction == MAX_T and any(cell.scope.brains_fixed for _, _, cell in here):
        said = "subjects and stimuli are fixed, so that no test can be corrected by the largest t; Holm's method is."
        sentences[f"{scores.dataset} {place.roi}: {said}"] = None
    sentences |= {f"{scores.dataset} {said}": None for said in early.sentences if place.roi not in _windows_of(scores)}
    return AlignmentResult(
        scores=score_table(place, scores.dataset, scores.simulated),
        contrasts=contrast_table(contrasts, declared.correction, declared.equivalence.get(place.measure)),
        ranks=tables.empty("ranks"),
        gates=tables.empty("gates"),
        latencies=latency_table(place, scores.dataset),
        clusters=cluster_table(
            place,
            scores.dataset,
            declared.clusters,
            declared.alpha,
            declared.ranking_layer.get(place.roi),
            declared.seed,
        ),
        equal_accuracy=tables.empty("equal_accuracy"),
        measures=tables.cast("measures", pd.DataFrame([place.about.row()])),
        facts={"scope_sentences": list(sentences)},
    )


def _in_full(place: PlaceScores, scores: Scores) -> PlaceScores:
    """Return the scores at every time of an ROI that is in a named window."""
    roi = _windows_of(scores).get(place.roi, place.roi)
    return next((one for one in scores.places if one.roi == roi and one.measure == place.measure), place)


def _subjects(scores: Scores, declared: Declared) -> str:
    return declared.subjects or str(scores.facts["spec"]["recordings"][0]["subjects"])


def _judged(claims: Sequence[Claim]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the ranks and gates of all cells: those of one family are judged together."""
    families: dict[str, dict[int, Cell]] = {}
    for number, (_, family, cell) in enumerate(claims):
        families.setdefault(family, {})[number] = cell
    verdicts = {number: one for cells in families.values() for number, one in judge_family(cells).items()}
    rows: dict[str, list[dict[str, object]]] = {"ranks": [], "gates": []}
    early: set[tuple[object, ...]] = set()
    for number, (place, _, _) in enumerate(claims):
        found = verdicts[number]
        rows["ranks"] += [{**place, **vars(item), "supported": found.supported} for item in found.ranks]
        for gate in found.gates:
            row = {**place, "gate": gate.code, "severity": gate.severity, "sentence": gate.sentence}
            if gate.code == BEFORE_ONSET:  # it holds at all times of a layer, and is said once
                said = tuple(value for name, value in row.items() if name != "time")
                if said in early:
                    continue
                early.add(said)
                row["time"] = math.nan
            rows["gates"].append(row)
    ranks, gates = (tables.cast(name, pd.DataFrame(own)) if own else tables.empty(name) for name, own in rows.items())
    return ranks, gates


def _compared(
    place: PlaceScores, cell: CellName, time: int, scores: Scores, declared: Declared, claims: list[Claim]
) -> list[Test]:
    """Return the contrasts of a cell, and note what is known of its rules."""
    populations = place.cells[cell]
    if not any(role in COMPARED for role, _ in populations):  # nothing is claimed of untrained networks alone
        return []
    (network, layer), roi = cell, place.roi
    where = {"network": network, "dataset": scores.dataset, "roi": roi, "time": place.times[time], "layer": layer}
    where["measure"] = place.measure
    draws, rows = place.of_cell(cell, time)
    asked_of = {"subjects": _subjects(scores, declared)} | ({"stimuli": "fixed"} if place.own_stimuli else {})
    scope = resolve_scope(asked_of, draws.n_subjects, draws.n_units, min(map(len, rows.values())))
    controls = controls_of(populations)
    roles = {rule: role for role, rule in rows if role in COMPARED}
    trained = {rule: rows[role, rule] for rule, role in roles.items()}
    trained = dict(sorted(trained.items(), key=lambda item: item[0] == "backprop"))
    untrained = {rule: rows[controls[rule]] for rule in trained if rule in controls}
    # networks from elsewhere share nothing by seed
    paired = not any(role == MODEL for role, _ in rows) or all(len(own) == 1 for own in rows.values())
    readout = next((own for (role, _), own in rows.items() if role == READOUT_ONLY), None)
    found = compare_rules(draws, trained, scope, untrained, paired, declared.alpha, readout)
    unlearned = tuple(rule for rule in declared.unlearned.get(network, ()) if rule in trained)
    found = replace(found, unlearned=unlearned, unlearned_on=declared.unlearned_on)
    primary = _is_primary(roi, layer, declared, {own for name, own in place.cells if name == network})
    if windows := _windows_of(scores):
        primary = primary and roi in windows
    family = f"{network}, {scores.dataset}, {place.measure}: {PRIMARY if primary else EXPLORATORY}"
    claims.append((where, family, found))
    tests = [
        Test(one, {**names, **where, "samples": place.samples}, family)
        for names, one in _named(found, roles, controls, next((b for role, b in rows if role == READOUT_ONLY), ""))
    ]
    return _by_largest(tests, found, draws) if declared.correction == MAX_T and primary else tests


def _named(
    found: Cell, roles: Mapping[str, str], controls: Mapping[str, tuple[str, str]], readout: str
) -> list[tuple[dict[str, object], Contrast]]:
    """Return every contrast of a cell with its kind and its two rules."""
    contrasts: list[tuple[dict[str, object], Contrast]] = []
    for (a, b), one in found.contrasts.items():
        kind = "vs_backprop" if b == "backprop" else "pair"
        contrasts.append(({"kind": kind, "rule_a": a, "rule_b": b, "role_b": roles[b]}, one))
    for a, one in found.vs_readout_only.items():
        names: dict[str, object] = {"kind": "vs_readout_only", "rule_a": a, "rule_b": readout, "role_b": READOUT_ONLY}
        contrasts.append((names, one))
    for a, one in found.vs_untrained.items():
        role, b = controls[a]
        contrasts.append(({"kind": "vs_untrained", "rule_a": a, "rule_b": b, "role_b": role}, one))
    return contrasts


def _by_largest(tests: Sequence[Test], found: Cell, draws: ScoreDraws) -> list[Test]:
    """Return the tests of a declared cell: those with controls with their influences, the others as exploratory."""
    if found.scope.brains_fixed:
        return list(tests)
    kinds = confirmatory({str(one.place["kind"]) for one in tests})
    made = []
    for one in tests:
        place = one.place
        if place["kind"] not in kinds:
            family = one.family.removesuffix(PRIMARY) + EXPLORATORY
            made.append(replace(one, family=family))
            continue
        a, b = str(place["rule_a"]), READOUT if place["kind"] == "vs_readout_only" else str(place["rule_b"])
        own = Influence.of(draws, found.rows[a], found.rows[b], one.contrast.scope, found.paired, found.seeds)
        family = f"{place['network']}, {place['dataset']}, {place['roi']}, {place['measure']}: {PRIMARY}"
        made.append(replace(one, family=family, influence=own))
    return made


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

"""What the data of a cell cannot support, as gates, and the verdict on its ranking."""

import math
from collections.abc import Sequence

import numpy as np

from brainalign.inference.cell import Cell
from brainalign.inference.family import adjust
from brainalign.inference.gate import Gate
from brainalign.inference.rank_set import RankSet
from brainalign.inference.ranks import rank_sets
from brainalign.inference.scope import MIN_RANDOM_STIMULI, MIN_SEEDS, MIN_SUBJECTS
from brainalign.inference.verdict import Verdict

_MANY_STIMULI = 50
_MANY_SEEDS = 5
_SEEDS_IF_VARIABLE = 10
_LARGEST_SEED_SHARE = 0.3
_CEILING_TO_ERROR = 4.0


def judge(cell: Cell) -> Verdict:
    """Return which gates fire in a cell, its rank sets, and whether its rules may be ranked.

    Gates: G1 few subjects, G2 few stimuli, G3 few seeds, G4 no reliable geometry, G5 ceiling too uncertain to
    divide by, G6 differences below what can be resolved, G7 permutation resolution, G9 no learning effect. A
    gate of severity ``"stop"`` forbids a ranking.
    """
    ranks = rank_sets({rule: item.mean for rule, item in cell.scores.items()}, cell.contrasts, cell.alpha)
    found = [
        *_subjects(cell),
        *_stimuli(cell),
        *_seeds(cell),
        *_ceiling(cell),
        *_resolution(cell, ranks),
        *_permutations(cell),
        *_learning(cell),
    ]
    gates = tuple(sorted(found, key=lambda gate: gate.code))
    stops = [gate for gate in gates if gate.severity == "stop"]
    normalised = cell.ceiling is not None and not any(gate.code in ("G4", "G5") for gate in gates)
    supported = not stops and len(cell.scores) > 1
    return Verdict(supported, normalised, gates, ranks, _sentence(cell, stops, ranks))


def _sentence(cell: Cell, stops: Sequence[Gate], ranks: Sequence[RankSet]) -> str:
    refusal = [gate.sentence for gate in stops if gate.sentence.startswith("RANKING NOT SUPPORTED")]
    if refusal:
        return refusal[0]
    if stops:
        return f"RANKING NOT SUPPORTED: {stops[0].sentence}"
    if len(ranks) < 2:
        return f"One rule only, nothing to rank. {cell.scope.sentence}"
    order = "; ".join(f"{item.rule} {_span(item)}" for item in ranks)
    return f"Ranks (simultaneous {100 * (1 - cell.alpha):g}% sets): {order}. {cell.scope.sentence}"


def _span(item: RankSet) -> str:
    return str(item.rank_low) if item.rank_low == item.rank_high else f"{item.rank_low}-{item.rank_high}"


def _subjects(cell: Cell) -> list[Gate]:
    if cell.n_subjects >= MIN_SUBJECTS:
        return []
    smallest = min(1.0, 2.0 ** (1 - cell.n_subjects))
    return [
        Gate(
            "G1",
            "warn",
            f"{_count(cell.n_subjects, 'subject')}, fewer than {MIN_SUBJECTS}: a population claim is impossible"
            f" (the smallest attainable sign-flip p is {smallest:g}); subjects are fixed and conclusions hold for"
            " these subjects only.",
        )
    ]


def _stimuli(cell: Cell) -> list[Gate]:
    if cell.n_stimuli >= _MANY_STIMULI:
        return []
    if cell.n_stimuli >= MIN_RANDOM_STIMULI:
        sentence = (
            f"{cell.n_stimuli} independent stimuli, fewer than {_MANY_STIMULI}: generalisation to new stimuli is"
            " estimated with little precision."
        )
    else:
        sentence = (
            f"{cell.n_stimuli} independent stimuli, fewer than {MIN_RANDOM_STIMULI}: stimuli are fixed and"
            " conclusions hold for these stimuli only."
        )
    return [Gate("G2", "warn", sentence)]


def _seeds(cell: Cell) -> list[Gate]:
    n = cell.n_seeds
    if n < MIN_SEEDS:
        sentence = (
            f"{_count(n, 'seed')} per rule, fewer than {MIN_SEEDS}: seeds are fixed and conclusions hold for these"
            " network instances, not for the learning rules."
        )
        return [Gate("G3", "warn", sentence)]
    if n < _MANY_SEEDS:
        sentence = f"{n} seeds per rule, fewer than {_MANY_SEEDS}: statements about learning rules are provisional."
        return [Gate("G3", "warn", sentence)]
    share = _seed_share(cell)
    if share > _LARGEST_SEED_SHARE and n < _SEEDS_IF_VARIABLE:
        sentence = (
            f"Seeds carry {100 * share:.0f}% of the error variance (above {100 * _LARGEST_SEED_SHARE:.0f}%) with"
            f" {n} seeds per rule: train {_SEEDS_IF_VARIABLE}."
        )
        return [Gate("G3", "warn", sentence)]
    return []


def _seed_share(cell: Cell) -> float:
    shares = [
        item.se_seeds**2 / item.se**2
        for item in cell.contrasts.values()
        if item.se > 0 and math.isfinite(item.se_seeds)
    ]
    return float(np.median(shares)) if shares else 0.0


def _ceiling(cell: Cell) -> list[Gate]:
    ceiling = cell.ceiling
    if ceiling is None:
        sentence = "This measure has no lower noise ceiling over subjects here: no normalised scores are shown."
        return [Gate("G5", "warn", sentence)]
    interval = f"{ceiling.mean:.3g}, {100 * (1 - cell.alpha):g}% interval [{ceiling.ci_low:.3g}, {ceiling.ci_high:.3g}]"
    if not math.isfinite(ceiling.ci_low):
        sentence = f"The lower noise ceiling ({ceiling.mean:.3g}) has no interval: no normalised scores are shown."
        return [Gate("G5", "warn", sentence)]
    if ceiling.ci_low <= 0:
        sentence = (
            f"The lower noise ceiling ({interval}) includes 0: the data carry no reliable geometry and rules are"
            " not compared."
        )
        return [Gate("G4", "stop", sentence)]
    if ceiling.mean < _CEILING_TO_ERROR * ceiling.se:
        sentence = (
            f"The lower noise ceiling is {ceiling.mean / ceiling.se:.2g} standard errors from 0 (below"
            f" {_CEILING_TO_ERROR:g}): no normalised scores are shown."
        )
        return [Gate("G5", "warn", sentence)]
    return []


def _resolution(cell: Cell, ranks: Sequence[RankSet]) -> list[Gate]:
    if len(ranks) < 2:
        return []
    detectable = [item.mde for item in cell.contrasts.values() if math.isfinite(item.mde)]
    means = np.array([item.mean_score for item in ranks])
    if not detectable or not np.isfinite(means).all():
        sentence = (
            "RANKING NOT SUPPORTED: subjects, stimuli and seeds are all fixed or scores are undefined; no"
            " inference possible."
        )
        return [Gate("G6", "stop", sentence)]
    # the typical pair: one noisy rule should not forbid ordering the others
    mde, spread = float(np.median(detectable)), float(means.max() - means.min())
    width = float(np.mean([item.rank_high - item.rank_low for item in ranks]))
    widest = (len(ranks) - 1) / 2
    if mde <= spread and width <= widest:
        return []
    sentence = (
        f"RANKING NOT SUPPORTED: differences below {mde:.2g} cannot be resolved with this recording (observed range"
        f" {spread:.2g})."
    )
    if mde <= spread:
        sentence += f" Rank sets span {width:.2g} places on average (above {widest:g})."
    return [Gate("G6", "stop", sentence)]


def _permutations(cell: Cell) -> list[Gate]:
    tests = max(1, len(cell.contrasts))
    if cell.resolution <= cell.alpha / tests:
        return []
    sentence = (
        f"The smallest attainable p is {cell.resolution:.3g}, above {cell.alpha:g}/{tests} ="
        f" {cell.alpha / tests:.3g}: no test of this family can be significant; use more permutations or subjects."
    )
    return [Gate("G7", "stop", sentence)]


def _learning(cell: Cell) -> list[Gate]:
    if not cell.vs_untrained:
        sentence = "There is no untrained control: scores may owe nothing to learning."
        return [Gate("G9", "warn", sentence)]
    adjusted = adjust([item.p for item in cell.vs_untrained.values()])
    without = [
        rule
        for (rule, item), p in zip(cell.vs_untrained.items(), adjusted, strict=True)
        if not (p < cell.alpha and item.delta > 0)
    ]
    if not without:
        return []
    if len(without) == len(cell.vs_untrained):
        gains = ", ".join(f"{rule} {_gain(cell, rule)}" for rule in without)
        sentence = (
            f"No rule scores significantly above its untrained control, by Holm's method ({gains}, unadjusted"
            " intervals): no learning effect demonstrated, rules are not ordered."
        )
        return [Gate("G9", "stop", sentence)]
    gains = ", ".join(f"{rule} {_gain(cell, rule)}" for rule in without)
    return [
        Gate(
            "G9",
            "warn",
            f"No learning effect demonstrated for {gains} (trained minus untrained, unadjusted interval; tested by"
            " Holm's method).",
        )
    ]


def _gain(cell: Cell, rule: str) -> str:
    item = cell.vs_untrained[rule]
    return f"{item.delta:+.2g} [{item.ci_low:.2g}, {item.ci_high:.2g}]"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"

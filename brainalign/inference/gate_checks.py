"""Each thing that the data of a cell may not support: gates G1 to G10, and G12."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from brainalign.inference.cell import Cell
from brainalign.inference.family import adjust
from brainalign.inference.gate import Gate
from brainalign.inference.measurement import MIN_REPEATS
from brainalign.inference.rank_set import RankSet
from brainalign.inference.scope import MIN_RANDOM_STIMULI, MIN_SEEDS, MIN_SUBJECTS
from brainalign.inference.student import t_test

#: How a sentence begins that forbids a ranking.
REFUSED = "RANKING NOT SUPPORTED"

_MANY_STIMULI = 50
_MANY_SEEDS = 5
_SEEDS_IF_VARIABLE = 10
_LARGEST_SEED_SHARE = 0.3
_CEILING_TO_ERROR = 4.0


def gates_of(cell: Cell, ranks: Sequence[RankSet], learned: Mapping[str, float], n_tests: int) -> list[Gate]:
    """Return the gates that fire in a cell, in order of code.

    Parameters
    ----------
    cell
        What is known of its rules.
    ranks
        Their rank sets.
    learned
        Rule to the p of its contrast with its untrained control, adjusted within the family.
    n_tests
        Tests of the family.
    """
    found = [
        *_subjects(cell),
        *_stimuli(cell),
        *_seeds(cell),
        *_collapsed(cell),
        *_ceiling(cell),
        *_resolution(cell, ranks),
        *_permutations(cell, n_tests),
        *((cell.before_onset,) if cell.before_onset else ()),
        *_learning(cell, learned),
        *_measurement(cell),
        *_unlearned(cell),
    ]
    return sorted(found, key=lambda gate: int(gate.code[1:]))


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


def _collapsed(cell: Cell) -> list[Gate]:
    if not cell.collapsed:
        return []
    lost = len({place for places in cell.collapsed.values() for place in places})
    whose = ", ".join(f"{name} ({_count(len(places), 'seed')})" for name, places in cell.collapsed.items())
    sentence = (
        f"{_count(lost, 'seed')} of {cell.n_seeds + lost} left out of all rules, since scores are undefined there for"
        f" {whose}: conclusions hold for networks that do not collapse."
    )
    return [Gate("G3", "warn", sentence)]


def _ceiling(cell: Cell) -> list[Gate]:
    ceiling = cell.ceiling
    if ceiling is None:
        return _signal(cell)
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


def _signal(cell: Cell) -> list[Gate]:
    """Without a ceiling over subjects, a rule that scores above 0 shows that there is something to explain."""
    sentence = "This measure has no lower noise ceiling over subjects here: no normalised scores are shown."
    found = [Gate("G5", "warn", sentence)]
    tests = {name: t_test(one.mean, one.se, one.dof) for name, one in cell.scores.items()}
    above = [
        p < cell.alpha and cell.scores[name].mean > 0
        for name, p in zip(tests, adjust(list(tests.values())).tolist(), strict=True)
    ]
    if any(above) or not np.isfinite(list(tests.values())).any():
        return found
    means = ", ".join(
        f"{name} {one.mean:.2g} [{one.ci_low:.2g}, {one.ci_high:.2g}]" for name, one in cell.scores.items()
    )
    sentence = (
        f"There is no noise ceiling over subjects, and no rule scores above 0 by Holm's method ({means}, unadjusted"
        " intervals): nothing shows that the data carry reliable geometry, and rules are not compared."
    )
    return [Gate("G4", "stop", sentence), *found]


def _resolution(cell: Cell, ranks: Sequence[RankSet]) -> list[Gate]:
    if len(ranks) < 2:
        return []
    detectable = [item.mde for item in cell.contrasts.values() if math.isfinite(item.mde)]
    means = np.array([item.mean_score for item in ranks])
    if not detectable or not np.isfinite(means).all():
        # where no measurement is random G10 says why
        if cell.scope.brains_fixed and np.isfinite(means).all():
            return []
        sentence = (
            f"{REFUSED}: subjects, stimuli and seeds are all fixed or scores are undefined; no inference possible."
        )
        return [Gate("G6", "stop", sentence)]
    width = float(np.mean([item.rank_high - item.rank_low for item in ranks]))
    widest = (len(ranks) - 1) / 2
    if width <= widest:
        return []
    # the typical pair; it is printed and forbids nothing: a larger true difference may have been found all the same
    mde, spread = float(np.median(detectable)), float(means.max() - means.min())
    sentence = (
        f"{REFUSED}: differences below {mde:.2g} cannot be resolved with this recording (observed range {spread:.2g})."
        f" Rank sets span {width:.2g} places on average (above {widest:g})."
    )
    return [Gate("G6", "stop", sentence)]


def _permutations(cell: Cell, n_tests: int) -> list[Gate]:
    level = cell.alpha / max(1, n_tests)
    if cell.resolution > level:
        sentence = (
            f"The smallest attainable p is {cell.resolution:.3g}, above {cell.alpha:g}/{n_tests} = {level:.3g}: no test"
            " of this family can be significant; use more permutations or subjects."
        )
        return [Gate("G7", "stop", sentence)]
    if cell.sign_flip > level:
        factor = "subjects" if cell.scope.subjects == "random" else "seeds"
        n = cell.n_subjects if factor == "subjects" else cell.n_seeds
        sentence = (
            f"{n} {factor} are all that is random: a sign-flip test reaches p = {cell.sign_flip:.3g} at best, above"
            f" {cell.alpha:g}/{n_tests} = {level:.3g}; smaller p rest on the t distribution."
        )
        return [Gate("G7", "warn", sentence)]
    return []


def _measurement(cell: Cell) -> list[Gate]:
    if not cell.scope.brains_fixed or any(math.isfinite(item.p) for item in cell.contrasts.values()):
        return []
    sentence = (
        f"{REFUSED}: subjects and stimuli are both fixed, and no repeats say how noisy the measurement is, so that"
        f" noise could be ranked; no inference possible. Record {MIN_SUBJECTS} subjects, {MIN_RANDOM_STIMULI} stimuli"
        f" or {MIN_REPEATS} repeats."
    )
    return [Gate("G10", "stop", sentence)]


def _learning(cell: Cell, learned: Mapping[str, float]) -> list[Gate]:
    if not cell.vs_untrained:
        sentence = "There is no untrained control: scores may owe nothing to learning."
        return [Gate("G9", "warn", sentence)]
    without = [rule for rule, item in cell.vs_untrained.items() if not (learned[rule] < cell.alpha and item.delta > 0)]
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


def _unlearned(cell: Cell) -> list[Gate]:
    """Say which rules are scored and not ranked, since nothing shows that their hidden layers learned."""
    rules = [rule for rule in cell.scores if rule in cell.unlearned]
    if not rules:
        return []
    does, are = ("does", "is") if len(rules) == 1 else ("do", "are")
    sentence = (
        f"{', '.join(rules)} {does} not exceed readout only after as many steps ({cell.unlearned_on}, paired over "
        f"seeds): {are} scored and not ranked."
    )
    return [Gate("G12", "warn", sentence)]


def _gain(cell: Cell, rule: str) -> str:
    item = cell.vs_untrained[rule]
    return f"{item.delta:+.2g} [{item.ci_low:.2g}, {item.ci_high:.2g}]"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"

"""False positives of the contrast without each stimulus where seeds are not paired.

Two sets of networks differ by nothing in the population. Scores are means over stimuli. Subjects, stimuli and seeds
have effects of their own and with each other, and each set suits stimuli and subjects in a way of its own.
"""

import numpy as np
import pytest

from brainalign.inference.contrast import contrast
from brainalign.inference.scope import Scope
from brainalign.resampling.score_draws import ScoreDraws

N_WORLDS = 400
LIMIT = 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / N_WORLDS)


def world(number: int, n_subjects: int, n_stimuli: int, seeds: tuple[int, int], scope: Scope) -> ScoreDraws:
    rng = np.random.default_rng(number)
    several, random = n_subjects > 1, scope.seeds == "random"
    n, group = sum(seeds), np.repeat([0, 1], seeds)

    def effect(stimuli: int, networks: int, subjects: int, size: float = 1.0) -> np.ndarray:
        shape = (n_stimuli if stimuli else 1, {0: 1, 1: n, 2: 2}[networks], n_subjects if subjects else 1)
        found = size * rng.standard_normal(shape)
        return found[:, group] if networks == 2 else found

    scores = effect(1, 0, 0) + effect(0, 0, 1) + effect(1, 0, 1)
    scores = scores + 0.3 * random * (effect(0, 1, 0) + effect(1, 1, 0) + several * effect(0, 1, 1))
    scores = scores + effect(1, 2, 0) + 0.5 * several * effect(0, 2, 1) + effect(1, 1, 1)
    without = (scores.sum(axis=0) - scores) / (n_stimuli - 1)
    return ScoreDraws.without_each(scores.mean(axis=0), without, np.arange(n_stimuli), 1)


@pytest.mark.parametrize(
    ("n_subjects", "n_stimuli", "seeds", "scope"),
    [
        (8, 40, (3, 5), Scope()),
        (8, 40, (1, 5), Scope(seeds="fixed")),
        (15, 60, (3, 10), Scope()),
        (1, 60, (4, 6), Scope(subjects="fixed")),
    ],
    ids=str,
)
def test_false_positives_are_near_nominal(
    n_subjects: int, n_stimuli: int, seeds: tuple[int, int], scope: Scope
) -> None:
    rows = range(seeds[0]), range(seeds[0], sum(seeds))
    draws = (world(number, n_subjects, n_stimuli, seeds, scope) for number in range(N_WORLDS))
    p = np.array([contrast(one, *rows, scope, paired=False).p for one in draws])
    assert 0.02 <= np.mean(p < 0.05) <= LIMIT


def test_pairing_seeds_that_share_nothing_changes_little_and_unequal_numbers_need_none() -> None:
    draws = world(3, 8, 40, (5, 5), Scope())
    apart, paired = (contrast(draws, range(5), range(5, 10), Scope(), one) for one in (False, True))
    assert apart.delta == paired.delta
    assert 0.6 < apart.se / paired.se < 1.6

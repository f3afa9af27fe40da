"""Noise of one measurement is not ranked: where subjects and stimuli are fixed, repeats say how large it is."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.worlds import World, cell, left_out
from brainalign.inference.gates import judge
from brainalign.inference.measurement import MIN_REPEATS, measurement_variance

N_SIMS = 300
LIMIT = 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / N_SIMS)
#: Three subjects, 16 stimuli, five seeds that differ little: neither subjects nor stimuli are random.
EQUAL = World(3, 16, 5, "swap", seed_sd=0.1, subject_sd=0.0)


def test_seeds_alone_would_call_noise_a_difference_and_no_claim_is_made() -> None:
    cells = [cell(EQUAL, left_out(EQUAL, number)) for number in range(100)]
    assert all(np.isnan(one.contrasts["a", "b"].p) for one in cells)
    assert not any(judge(one).supported for one in cells)
    draws = [left_out(EQUAL, number).observed.mean(axis=1) for number in range(100)]
    over_seeds = [stats.ttest_1samp(one[:5] - one[5:], 0).pvalue < 0.05 for one in draws]
    assert np.mean(over_seeds) > 0.3  # the world catches a test that takes seeds for all there is


@pytest.mark.parametrize("n_repeats", [4, 8])
@pytest.mark.parametrize("kind", ["swap", "noise"])
def test_with_repeats_false_positives_are_nominal(kind: str, n_repeats: int) -> None:
    world = World(3, 16, 5, kind, seed_sd=0.1, subject_sd=0.0, n_repeats=n_repeats)
    cells = [cell(world, left_out(world, number)) for number in range(N_SIMS)]
    least = 0.01 if kind == "swap" else 0
    assert least <= np.mean([one.contrasts["a", "b"].p < 0.05 for one in cells]) <= LIMIT
    assert np.mean([judge(one).supported for one in cells]) <= LIMIT


@pytest.mark.parametrize(
    "world", [World(3, 16, 5, "noise"), World(4, 92, 5, "noise"), World(1, 92, 5, "noise")], ids=str
)
def test_brains_of_noise_are_not_ranked(world: World) -> None:
    found = [judge(cell(world, left_out(world, number))).supported for number in range(100)]
    assert np.mean(found) <= 0.05


def test_too_few_repeats_have_no_variance() -> None:
    scores = np.zeros((5, 3))
    assert np.isnan(measurement_variance(scores, np.zeros((MIN_REPEATS - 1, 5, 3)), True).total)

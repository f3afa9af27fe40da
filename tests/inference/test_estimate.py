import numpy as np
import pytest
from scipy import stats
from simulated_null import Design, null_world
from test_contrast import some_draws

from brainalign.inference.estimate import estimate_ceiling, estimate_score
from brainalign.inference.scope import Scope
from brainalign.resampling.pairs_bootstrap import bootstrap_pairs


def test_only_subjects_random_is_a_t_interval_over_subjects():
    draws = some_draws()
    result = estimate_score(draws, [0, 1, 2], Scope(stimuli="fixed", seeds="fixed"))
    test = stats.ttest_1samp(draws.observed[:3].mean(axis=0), 0)
    assert (result.ci_low, result.ci_high) == pytest.approx(tuple(test.confidence_interval()))


def test_seeds_widen_the_interval():
    draws = some_draws()
    with_seeds = estimate_score(draws, [0, 1, 2], Scope())
    without = estimate_score(draws, [0, 1, 2], Scope(seeds="fixed"))
    by_seed = draws.observed[:3].mean(axis=1)
    assert with_seeds.se**2 == pytest.approx(without.se**2 + by_seed.var(ddof=1) / 3)


def test_ceiling_of_noise_includes_zero_and_of_signal_does_not():
    models, subjects = null_world(Design(10, 30, 2), np.random.default_rng(0))
    signal = estimate_ceiling(bootstrap_pairs(models, subjects, "corr", 200, 0), Scope())
    assert signal is not None
    assert signal.ci_low > 0
    noise = np.random.default_rng(1).random(subjects.shape)
    draws = bootstrap_pairs(models, noise, "corr", 200, 0)
    lower, upper = estimate_ceiling(draws, Scope()), estimate_ceiling(draws, Scope(), upper=True)
    assert lower is not None
    assert upper is not None
    assert lower.ci_low <= 0
    assert upper.mean > lower.mean


def test_no_ceiling_without_draws_of_it():
    assert estimate_ceiling(some_draws(), Scope()) is None

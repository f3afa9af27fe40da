import dataclasses

import numpy as np
import pytest
from scipy import stats
from simulated_null import Design, rates

from brainalign.errors import SpecError
from brainalign.inference.contrast import contrast
from brainalign.inference.scope import Scope
from brainalign.resampling.score_draws import ScoreDraws

ALL_FIXED = Scope("fixed", "fixed", "fixed")


def some_draws(n_models=6, n_subjects=8, n_draws=300, n_units=30):
    rng = np.random.default_rng(0)
    observed = rng.standard_normal((n_models, n_subjects)) * 0.05 + 0.3
    draws = observed + rng.standard_normal((n_draws, n_models, n_subjects)) * 0.03
    counts = rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=n_draws)
    return ScoreDraws(observed, draws, counts, rng.integers(0, n_subjects, (n_draws, n_subjects)), n_units)


def test_only_subjects_random_is_a_paired_t_test_over_subjects():
    draws = some_draws()
    result = contrast(draws, [0, 1, 2], [3, 4, 5], Scope(stimuli="fixed", seeds="fixed"))
    test = stats.ttest_rel(draws.observed[:3].mean(axis=0), draws.observed[3:].mean(axis=0))
    assert result.p == pytest.approx(test.pvalue)
    assert (result.ci_low, result.ci_high) == pytest.approx(tuple(test.confidence_interval()))
    assert result.dof == 7
    assert np.isnan(result.se_stimuli)
    assert np.isnan(result.se_seeds)


@pytest.mark.parametrize("paired", [True, False])
def test_only_seeds_random_is_a_t_test_over_seeds(paired):
    draws = some_draws()
    if paired:  # repeats that agree: there is no noise of measurement
        draws = dataclasses.replace(draws, repeats=np.stack([draws.observed] * 4))
    scope = Scope("fixed", "fixed") if paired else Scope("fixed", "random")
    draws = draws if paired else dataclasses.replace(draws, draws=np.stack([draws.observed] * 9))
    result = contrast(draws, [0, 1, 2], [3, 4, 5], scope, paired=paired)
    a, b = draws.observed[:3].mean(axis=1), draws.observed[3:].mean(axis=1)
    test = stats.ttest_rel(a, b) if paired else stats.ttest_ind(a, b, equal_var=False)
    assert result.p == pytest.approx(test.pvalue)
    assert result.se_seeds == pytest.approx(result.se)


def test_only_seeds_random_and_no_repeats_gives_no_p():
    result = contrast(some_draws(), [0, 1, 2], [3, 4, 5], Scope("fixed", "fixed"))
    assert np.isnan([result.p, result.se, result.ci_low]).all()
    assert result.verdict == "no inference possible"


def test_swapping_rules_flips_the_sign_and_keeps_p():
    draws = some_draws()
    ab, ba = contrast(draws, [0, 1, 2], [3, 4, 5], Scope()), contrast(draws, [3, 4, 5], [0, 1, 2], Scope())
    assert ba.delta == pytest.approx(-ab.delta)
    assert (ba.ci_low, ba.ci_high) == pytest.approx((-ab.ci_high, -ab.ci_low))
    assert (ba.p, ba.se, ba.mde) == pytest.approx((ab.p, ab.se, ab.mde))


def test_order_of_seeds_is_irrelevant_when_permuted_alike():
    draws = some_draws()
    one, two = contrast(draws, [0, 1, 2], [3, 4, 5], Scope()), contrast(draws, [2, 0, 1], [5, 3, 4], Scope())
    assert dataclasses.astuple(two)[:10] == pytest.approx(dataclasses.astuple(one)[:10])


def test_nothing_random_gives_no_p():
    result = contrast(some_draws(), [0, 1], [2, 3], ALL_FIXED)
    assert np.isnan([result.p, result.ci_low, result.mde]).all()
    assert result.verdict == "no inference possible"


def test_a_rule_against_itself_is_no_difference():
    result = contrast(some_draws(), [0, 1, 2], [0, 1, 2], Scope())
    assert (result.delta, result.p, result.verdict) == (0, 1, "inconclusive")


def test_undefined_scores_give_no_p():
    draws = some_draws()
    draws.observed[0, 0] = np.nan
    assert contrast(draws, [0, 1, 2], [3, 4, 5], Scope()).verdict == "no inference possible"


def test_a_large_difference_is_found():
    draws = some_draws()
    draws.observed[:3] += 1
    draws.draws[:, :3] += 1
    result = contrast(draws, [0, 1, 2], [3, 4, 5], Scope())
    assert result.verdict == "higher"
    assert result.ci_low > 0.5


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [([0, 1, 2], [3, 4], "equal numbers"), ([0], [3], "at least 2"), ([], [], "at least")],
)
def test_impossible_contrasts_are_refused(a, b, message):
    with pytest.raises(SpecError, match=message):
        contrast(some_draws(), a, b, Scope())


def largest_valid(n):
    return 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / n)


@pytest.mark.filterwarnings("ignore:Precision loss")
@pytest.mark.parametrize("design", [Design(10, 40, 5), Design(20, 20, 5)])
def test_false_positive_rate(design):
    found = rates(design, 250)
    assert 0.004 <= found["shipped"] <= largest_valid(250), found
    assert found["pair_bootstrap"] > 0.15, found
    assert found["seeds_as_sample"] > 0.15, found


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Precision loss")
@pytest.mark.parametrize(
    ("design", "n", "method"),
    [
        (Design(10, 40, 5), 1500, "corr"),
        (Design(20, 20, 5), 1500, "corr"),
        (Design(10, 40, 10), 1000, "corr"),
        (Design(20, 20, 5), 400, "spearman"),
    ],
)
def test_false_positive_rate_of_many_simulations(design, n, method):
    found = rates(design, n, method)
    assert 0.01 <= found["shipped"] <= largest_valid(n), found
    assert found["pair_bootstrap"] > 0.15, found
    if design.n_subjects == design.n_stimuli:
        assert found["subject_t"] > 0.15, found


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Precision loss")
def test_one_seed_per_rule_supports_no_claim_about_rules():
    # large differences between seeds, little other noise: what gate G3 guards against
    one, five = (rates(Design(20, 100, n, seed_sd=1.5, subject_sd=0.05, noise=0.3), 300) for n in (1, 5))
    assert one["shipped"] > largest_valid(300), one
    assert 0.01 <= five["shipped"] <= largest_valid(300), five

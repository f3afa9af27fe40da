import numpy as np
import pytest
from scipy import stats

from brainalign.inference.student import minimum_detectable, satterthwaite, t_interval, t_test


def test_satterthwaite_equals_welch():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal(7), 3 * rng.standard_normal(12)
    dof = satterthwaite([a.var(ddof=1) / 7, b.var(ddof=1) / 12], [6, 11])
    assert dof == pytest.approx(stats.ttest_ind(a, b, equal_var=False).df)
    assert satterthwaite([2.0, 0.0], [9, 4]) == 9
    assert np.isnan(satterthwaite([0.0], [np.inf]))


def test_interval_and_p_equal_a_one_sample_t_test():
    x = np.random.default_rng(0).standard_normal(9) + 0.4
    test = stats.ttest_1samp(x, 0)
    se = x.std(ddof=1) / 3
    assert t_test(x.mean(), se, 8) == pytest.approx(test.pvalue)
    assert t_interval(x.mean(), se, 8, 0.1) == pytest.approx(tuple(test.confidence_interval(0.9)))
    assert np.isnan(t_test(0.3, 0.0, np.nan))


@pytest.mark.parametrize(
    ("dof", "multiplier"), [(2, 5.65), (3, 4.26), (4, 3.76), (5, 3.51), (9, 3.15), (14, 3.01), (39, 2.87)]
)
def test_minimum_detectable_difference_has_the_tabulated_multipliers(dof, multiplier):
    assert minimum_detectable(2.0, dof) == pytest.approx(2 * multiplier, abs=0.012)


def test_minimum_detectable_difference_is_found_with_its_power():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((20000, 8)) + minimum_detectable(1 / np.sqrt(8), 7)
    assert (stats.ttest_1samp(x, 0, axis=1).pvalue < 0.05).mean() == pytest.approx(0.8, abs=0.012)

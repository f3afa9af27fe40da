import numpy as np
import pytest

from brainalign.inference.scope import Scope
from brainalign.inference.variance import score_variance, two_factor_variance


def test_equals_rsatoolbox_on_the_same_covariances():
    inference_util = pytest.importorskip("rsatoolbox.util.inference_util")
    rng = np.random.default_rng(0)
    samples = rng.standard_normal((3, 6, 40))
    covariances = np.stack([np.cov(sample) for sample in samples]) * np.array([2.5, 1, 1])[:, None, None]
    models, differences, _ = inference_util.extract_variances(covariances, False, n_rdm=8, n_pattern=20)
    ours = two_factor_variance(*np.einsum("kii->ki", covariances), 8 / 7, 20 / 19)
    np.testing.assert_allclose(ours, models, rtol=1e-12)
    i, j = np.triu_indices(6, 1)
    spread = covariances[:, i, i] + covariances[:, j, j] - 2 * covariances[:, i, j]
    np.testing.assert_allclose(two_factor_variance(*spread, 8 / 7, 20 / 19), differences, rtol=1e-12)


@pytest.mark.parametrize(
    ("both", "expected"),
    [
        (3.2, 2 * 1 + 1.5 * 2 - 3 * 0.2),  # inside the limits, but above V_rp: limited to 3.2
        (4.5, 3.0),  # 2 + 3 - 3 * 1.5 = 0.5: raised to the larger single factor
        (2.5, 2.5),  # V_rp wins over everything
    ],
)
def test_hand_arithmetic_and_limits(both, expected):
    assert two_factor_variance(both, 1.0, 2.0, 2.0, 1.5) == pytest.approx(min(expected, both))


def some_scores(n_subjects=6, n_draws=4000):
    rng = np.random.default_rng(1)
    observed = rng.standard_normal(n_subjects)
    shared, own = rng.standard_normal((n_draws, 1)), rng.standard_normal((n_draws, n_subjects))
    return observed, observed + 0.3 * shared + 0.2 * own


def test_double_bootstrap_variance_is_the_expectation_over_subject_resamples():
    observed, draws = some_scores()
    rng = np.random.default_rng(2)
    resampled = np.take_along_axis(draws, rng.integers(0, 6, draws.shape), axis=1).mean(axis=1)
    by_subjects, by_stimuli = observed.var() / 6, draws.mean(axis=1).var(ddof=1)
    expected = two_factor_variance(resampled.var(ddof=1), by_subjects, by_stimuli, 6 / 5, 30 / 29)
    assert score_variance(observed, draws, Scope(), 30).total == pytest.approx(float(expected), rel=0.05)


def test_scope_decides_which_variance_counts():
    observed, draws = some_scores()
    subjects = score_variance(observed, draws, Scope(stimuli="fixed"), 30)
    stimuli = score_variance(observed, draws, Scope(subjects="fixed"), 30)
    neither = score_variance(observed, draws, Scope("fixed", "fixed"), 30)
    both = score_variance(observed, draws, Scope(), 30)
    assert subjects.total == pytest.approx(observed.var(ddof=1) / 6)
    assert stimuli.total == pytest.approx(30 / 29 * draws.mean(axis=1).var(ddof=1))
    assert (subjects.dof, stimuli.dof, both.dof) == (5, 29, 5)
    assert neither.total == 0
    assert np.isnan(subjects.stimuli)
    assert np.isnan(stimuli.subjects)
    assert both.total >= max(subjects.total, stimuli.total) * (1 - 1e-12)


def test_strata_cost_degrees_of_freedom():
    observed, draws = some_scores(1)
    result = score_variance(observed, draws, Scope(subjects="fixed"), 30, n_strata=5)
    assert result.dof == 25
    assert result.total == pytest.approx(30 / 25 * draws.var(ddof=1))


def test_undefined_scores_have_no_variance():
    observed, draws = some_scores()
    assert np.isnan(score_variance(observed * np.nan, draws, Scope(), 30).total)
    draws[: len(draws) // 4] = np.nan
    assert np.isfinite(score_variance(observed, draws, Scope(), 30).total)
    draws[: 3 * len(draws) // 4] = np.nan
    assert np.isnan(score_variance(observed, draws, Scope(), 30).total)

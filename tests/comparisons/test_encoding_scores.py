import numpy as np
import pytest

from brainalign.comparisons.encoding_scores import LARGEST_R, fold_correlations


def test_correlations_are_taken_within_folds_and_averaged_as_fisher_z():
    rng = np.random.default_rng(0)
    predictions, responses = rng.standard_normal((2, 40, 3))
    folds = np.arange(40) % 2
    # a shift between folds would change a pooled correlation
    shifted = predictions + 100 * folds[:, None]
    z = [
        [np.arctanh(np.corrcoef(predictions[folds == f, t], responses[folds == f, t])[0, 1]) for t in range(3)]
        for f in range(2)
    ]
    np.testing.assert_allclose(fold_correlations(shifted, responses, folds), np.tanh(np.mean(z, axis=0)), atol=1e-12)


def test_constant_predictions_count_as_zero_and_perfect_ones_stay_finite():
    responses = np.random.default_rng(1).standard_normal((20, 2))
    folds = np.arange(20) % 4
    np.testing.assert_array_equal(fold_correlations(np.ones((20, 2)), responses, folds), 0)
    assert fold_correlations(responses, responses, folds) == pytest.approx(LARGEST_R)

"""Scores without each stimulus equal scoring the predictions that are left."""

import numpy as np
import pytest

from brainalign.comparisons.encoding_scores import fold_correlations
from brainalign.resampling.predictions_bootstrap import bootstrap_predictions
from brainalign.resampling.predictions_left_out import predictions_left_out


def world(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    responses = rng.standard_normal((40, 6)) + 5
    return responses + rng.standard_normal((40, 6)), responses, rng.permutation(np.arange(40) % 5)


@pytest.mark.parametrize("groups", [np.arange(40), None])
def test_each_score_is_that_of_the_stimuli_that_are_left(groups: np.ndarray | None) -> None:
    predictions, responses, folds = world()
    units = np.arange(40)
    if groups is None:  # two stimuli of one fold are one unit
        first, second = np.flatnonzero(folds == 2)[:2]
        units[second] = units[first]
        units = np.unique(units, return_inverse=True)[1]
    observed, without = predictions_left_out(predictions, responses, folds, units)
    assert observed == pytest.approx(fold_correlations(predictions, responses, folds).mean(), abs=1e-12)
    for unit in range(units.max() + 1):
        left = units != unit
        expected = fold_correlations(predictions[left], responses[left], folds[left]).mean()
        assert without[unit] == pytest.approx(expected, abs=1e-12)


def test_the_observed_score_is_that_of_the_bootstrap() -> None:
    predictions, responses, folds = world(1)
    draws = bootstrap_predictions(predictions[None], responses, folds, 5, 0)
    assert predictions_left_out(predictions, responses, folds, np.arange(40))[0] == pytest.approx(draws.observed[0, 0])


def test_a_constant_prediction_scores_zero_with_and_without() -> None:
    predictions, responses, folds = world(2)
    predictions[:] = 0.1 * 3
    predictions[::2] = 0.3
    observed, without = predictions_left_out(predictions, responses, folds, np.arange(40))
    assert observed == 0
    np.testing.assert_array_equal(without, 0)


def test_blocks_of_targets_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    predictions, responses, folds = world(3)
    expected = predictions_left_out(predictions, responses, folds, np.arange(40))
    monkeypatch.setattr("brainalign.resampling.predictions_left_out._BLOCK_BYTES", 64 * 40 * 2)
    found = predictions_left_out(predictions, responses, folds, np.arange(40))
    assert found[0] == pytest.approx(expected[0], abs=1e-12)
    np.testing.assert_allclose(found[1], expected[1], atol=1e-12)

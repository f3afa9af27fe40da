"""Bootstrap of held-out predictions over stimuli, within cross-validation folds."""

from collections.abc import Sequence

import numpy as np

from brainalign.errors import DataError, SpecError
from brainalign.resampling.draw_units import draw_stimuli, draw_subjects
from brainalign.resampling.score_draws import ScoreDraws

# a correlation within a test fold of fewer stimuli says nothing
MIN_FOLD = 4
# Fisher's z of a bootstrap sample of two distinct stimuli would be infinite
_LARGEST_R = 0.999
_BLOCK_BYTES = 2**27


def bootstrap_predictions(
    predictions: np.ndarray,
    responses: np.ndarray,
    folds: Sequence[int] | np.ndarray,
    n_draws: int,
    seed: int,
    groups: Sequence[str | int] | np.ndarray | None = None,
) -> ScoreDraws:
    """Do what ``bootstrap_encoding`` of the inference room does with arrays whose stimuli are in one order.

    ``predictions`` are ``(n_models, n_stimuli, n_targets)``, ``responses`` ``(n_stimuli, n_targets)``, ``folds`` and
    ``groups`` ``(n_stimuli,)``. Shapes that do not fit raise :class:`SpecError`, NaN and infinity :class:`DataError`.
    """
    predictions, responses = np.asarray(predictions, np.float64), np.asarray(responses, np.float64)
    labels = np.asarray(folds)
    _check(predictions, responses, labels, n_draws)
    counts, n_units, n_strata = draw_stimuli(len(responses), n_draws, seed, groups, labels)
    all_counts = np.concatenate([np.ones((1, len(responses)), counts.dtype), counts]).astype(np.float64)
    scores = np.empty((n_draws + 1, len(predictions)))
    width = max(1, _BLOCK_BYTES // (64 * (n_draws + 1)))
    n_targets = responses.shape[1]
    for model, prediction in enumerate(predictions):
        total = np.zeros(n_draws + 1)
        for start in range(0, n_targets, width):
            columns = slice(start, start + width)
            total += _target_scores(prediction[:, columns], responses[:, columns], labels, all_counts).sum(axis=1)
        scores[:, model] = total / n_targets
    return ScoreDraws(
        observed=scores[0][:, None],
        draws=scores[1:, :, None],
        stimulus_counts=counts,
        subject_resamples=draw_subjects(1, n_draws, seed),
        n_units=n_units,
        n_strata=n_strata,
    )


def _target_scores(prediction: np.ndarray, response: np.ndarray, folds: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return ``(n_draws, n_targets)`` scores of one model."""
    labels = np.unique(folds)
    z = np.zeros((len(counts), prediction.shape[1]))
    for label in labels:
        test = folds == label
        r = _weighted_correlation(prediction[test], response[test], counts[:, test])
        z += np.arctanh(np.clip(r, -_LARGEST_R, _LARGEST_R))
    return np.tanh(z / len(labels))


def _weighted_correlation(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    x, y = _standardise(x), _standardise(y)
    total = weights.sum(axis=1, keepdims=True)
    mean_x, mean_y = weights @ x / total, weights @ y / total
    covariance = weights @ (x * y) / total - mean_x * mean_y
    variances = (weights @ x**2 / total - mean_x**2) * (weights @ y**2 / total - mean_y**2)
    varies = variances > 1e-20
    return np.where(varies, covariance / np.sqrt(np.where(varies, variances, 1)), 0.0)


def _standardise(values: np.ndarray) -> np.ndarray:
    largest = np.abs(values).max(axis=0, initial=0.0)
    values = values - values.mean(axis=0)
    size = values.std(axis=0)
    varies = size > 1e-12 * largest
    return np.where(varies, values / np.where(varies, size, 1), 0.0)


def _check(predictions: np.ndarray, responses: np.ndarray, folds: np.ndarray, n_draws: int) -> None:
    if predictions.ndim != 3 or predictions.shape[1:] != responses.shape or folds.shape != responses.shape[:1]:
        msg = (
            f"Shapes {predictions.shape}, {responses.shape}, {folds.shape} do not fit: expected predictions"
            " (models, stimuli, targets), responses (stimuli, targets), folds (stimuli,)."
        )
        raise SpecError(msg)
    smallest = int(np.unique(folds, return_counts=True)[1].min())
    if smallest < MIN_FOLD or n_draws < 2:
        msg = (
            f"Smallest fold has {smallest} stimuli, n_draws = {n_draws}: expected at least {MIN_FOLD} and 2. Use"
            " fewer folds."
        )
        raise SpecError(msg)
    if not (np.isfinite(predictions).all() and np.isfinite(responses).all()):
        msg = "Predictions or responses hold NaN or infinite values, expected finite ones. Drop those targets first."
        raise DataError(msg)

"""Scores of held-out predictions without each stimulus in turn; nothing is fitted again."""

import numpy as np

from brainalign.rounding import no_spread

# Fisher's z of a perfect correlation would be infinite
_LARGEST_R = 0.999
_BLOCK_BYTES = 2**27


def predictions_left_out(
    predictions: np.ndarray, responses: np.ndarray, folds: np.ndarray, units: np.ndarray
) -> tuple[float, np.ndarray]:
    """Return the score of held-out predictions, and the scores without each unit, ``(n_units,)``.

    Equation: ``mean_targets tanh(mean_folds atanh r_ft)``, as in the bootstrap of predictions. Without a unit,
    the correlation within its fold is that of the stimuli that are left: with centred sums ``C`` of a fold of n
    stimuli and sums ``A, B, C_u`` over the m stimuli of the unit, ``C - C_u - A B / (n - m)``. The fit stays, so
    that the spread is conditional on the fitted folds.

    Parameters
    ----------
    predictions, responses
        ``(n_stimuli, n_targets)``.
    folds, units
        ``(n_stimuli,)`` labels from 0; a unit lies in one fold.
    """
    n_units, n_targets = int(units.max()) + 1, responses.shape[1]
    observed, without = 0.0, np.zeros(n_units)
    width = max(1, _BLOCK_BYTES // (64 * len(responses)))
    for start in range(0, n_targets, width):
        part = slice(start, start + width)
        own, left = _targets(predictions[:, part], responses[:, part], folds, units, n_units)
        observed += float(own.sum())
        without += left.sum(axis=1)
    return observed / n_targets, without / n_targets


def _targets(
    predictions: np.ndarray, responses: np.ndarray, folds: np.ndarray, units: np.ndarray, n_units: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return ``(n_targets,)`` scores and ``(n_units, n_targets)`` without each unit."""
    labels = np.unique(folds)
    z = np.zeros((len(labels), responses.shape[1]))
    change = np.zeros((n_units, responses.shape[1]))
    for row, label in enumerate(labels):
        test = folds == label
        a, b = _unit_spread(predictions[test]), _unit_spread(responses[test])
        n, (c, va, vb) = int(test.sum()), ((a * b).sum(axis=0), (a * a).sum(axis=0), (b * b).sum(axis=0))
        z[row] = _z(c, va, vb)
        inside = np.unique(units[test])
        sums = [np.zeros((n_units, a.shape[1])) for _ in range(5)]
        for total, values in zip(sums, (a, b, a * b, a * a, b * b), strict=True):
            np.add.at(total, units[test], values)
        size = n - np.bincount(units[test], minlength=n_units)[inside, None]
        of_a, of_b, of_c, of_va, of_vb = (total[inside] for total in sums)
        left = _z(c - of_c - of_a * of_b / size, va - of_va - of_a**2 / size, vb - of_vb - of_b**2 / size)
        change[inside] = left - z[row]
    return np.tanh(z.mean(axis=0)), np.tanh(z.mean(axis=0) + change / len(labels))


def _unit_spread(values: np.ndarray) -> np.ndarray:
    """Return columns minus their means with unit mean square; 0 where a column is constant but for rounding."""
    centred = values - values.mean(axis=0)
    spread, size = centred.std(axis=0), np.sqrt((values**2).mean(axis=0))
    varies = ~no_spread(spread, size)
    return np.where(varies, centred / np.where(varies, spread, 1), 0.0)


def _z(cross: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return Fisher's z of correlations; 0 where a side does not vary."""
    size = left * right
    varies = (left > 1e-10) & (right > 1e-10)
    r = np.divide(cross, np.sqrt(np.where(varies, size, 1)), out=np.zeros_like(cross), where=varies)
    return np.arctanh(np.clip(r, -_LARGEST_R, _LARGEST_R))

"""Dissimilarities on a scale on which their sampling errors are independent and alike."""

import numpy as np

from brainalign.errors import DataError

#: Eigenvalues below this share of the largest are zero but for rounding.
_NO_VARIANCE = 1e-10


def squares(rows: np.ndarray, n_stimuli: int) -> np.ndarray:
    """Return the symmetric forms ``(n_rows, n_stimuli, n_stimuli)`` with zero diagonal of condensed rows."""
    square = np.zeros((len(rows), n_stimuli, n_stimuli))
    first, second = np.triu_indices(n_stimuli, 1)
    square[:, first, second] = square[:, second, first] = rows
    return square


def whitened(rows: np.ndarray, n_stimuli: int, sigma: np.ndarray | None = None) -> np.ndarray:
    """Return features whose inner products are ``x' V^-1 y`` of condensed RDMs, ``(n_rows, n_features)``.

    ``V`` is the covariance of the dissimilarities of patterns whose errors have the covariance ``S`` over stimuli (up
    to a factor, where there is no signal): ``V = (C S C') o (C S C')`` with the pair contrasts ``C`` (Diedrichsen et
    al. 2021, Neurons Behav Data Anal Theory 5(3)). It is never formed: with symmetric forms ``X``, ``Y`` and
    ``A = (H S H)^+``, ``H = I - 11'/K``, ``x' V^-1 y = tr(X A Y A) / 4``.

    Parameters
    ----------
    rows
        ``(n_rows, n_pairs)``.
    n_stimuli
        ``n_pairs = n_stimuli (n_stimuli - 1) / 2``.
    sigma
        ``S``, ``(n_stimuli, n_stimuli)``; the identity unless given.

    Raises
    ------
    DataError
        If ``sigma`` is not a covariance of that many stimuli.
    """
    root = None if sigma is None else _root(sigma, n_stimuli)
    size = n_stimuli if root is None else root.shape[1]
    found = np.empty((len(rows), size * (size + 1) // 2))
    first, second = np.triu_indices(size, 1)
    for k, row in enumerate(rows):
        square = squares(row[None], n_stimuli)[0]
        if root is None:
            means = square.mean(axis=0)
            square = square - means - means[:, None] + means.mean()
        else:
            square = root.T @ square @ root
        found[k] = np.concatenate([square[first, second] * np.sqrt(0.5), np.diagonal(square) / 2])
    return found


def _root(sigma: np.ndarray, n_stimuli: int) -> np.ndarray:
    """Return ``W (n_stimuli, n_stimuli - 1)`` with ``W W' = (H S H)^+``."""
    given = np.asarray(sigma, dtype=np.float64)
    if given.shape != (n_stimuli, n_stimuli) or not np.allclose(given, given.T):
        msg = (
            f"sigma has shape {given.shape}, expected a symmetric ({n_stimuli}, {n_stimuli}) covariance of the errors "
            "of the stimuli; for unequal repeats give np.diag(1 / repeats)."
        )
        raise DataError(msg)
    centre = np.eye(n_stimuli) - 1 / n_stimuli
    values, axes = np.linalg.eigh(centre @ given @ centre)
    kept = values > _NO_VARIANCE * max(values[-1], 0)
    if kept.sum() < n_stimuli - 1:
        msg = (
            f"sigma leaves {int(kept.sum())} of {n_stimuli - 1} differences between stimuli an error, expected all; a "
            "covariance that is positive definite is needed."
        )
        raise DataError(msg)
    return axes[:, kept] / np.sqrt(values[kept])

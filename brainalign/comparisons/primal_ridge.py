"""Ridge regression of many stimuli on few features, each target with a penalty chosen in inner folds."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from brainalign.computing import get

#: Elements of one temporary of a solver: 64 MB in double precision.
BLOCK = 2**23


def primal_ridge(
    train: np.ndarray, test: np.ndarray, targets: np.ndarray, inner: np.ndarray, alphas: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions for test rows, and the penalty of each target.

    What :class:`himalaya.ridge.RidgeCV` gives, to rounding. It multiplies by matrices of penalties x validation rows x
    training rows; here all that depends on a penalty has the size of the features. ``docs/results/cost-and-speed.md``
    has the figures.

    Parameters
    ----------
    train, test
        ``(n_train, n_features)`` and ``(n_test, n_features)``.
    targets
        ``(n_train, n_targets)``.
    inner
        ``(n_train,)`` inner fold of each training row.
    alphas
        Penalties on offer, ascending.

    Returns
    -------
    predictions
        ``(n_test, n_targets)``.
    chosen
        ``(n_targets,)``, those with the least mean of the inner folds' mean squared errors.
    """
    from himalaya.backend import get_backend

    backend = get_backend()
    errors = np.zeros((len(alphas), targets.shape[1]))
    for fold in np.unique(inner):
        kept, left = inner != fold, inner == fold
        own = _Decomposed(backend, train[kept], targets[kept])
        rows = own.turned(train[left])
        for k, alpha in enumerate(alphas):
            for part, predicted in own.predictions(rows, np.full(targets.shape[1], alpha)):
                errors[k, part] += get(((predicted - backend.asarray(targets[left][:, part])) ** 2).mean(0))
    chosen = alphas[errors.argmin(axis=0)]
    found = np.empty((len(test), targets.shape[1]), targets.dtype)
    whole = _Decomposed(backend, train, targets)
    for part, predicted in whole.predictions(whole.turned(test), chosen):
        found[:, part] = get(predicted)
    return found, chosen


class _Decomposed:
    """Training rows by singular values, with what targets are in their directions."""

    def __init__(self, backend: Any, x: np.ndarray, y: np.ndarray) -> None:
        self.backend = backend
        self.mean, self.level = x.mean(axis=0), y.mean(axis=0)
        u, self.values, self.axes = backend.svd(backend.asarray(x - self.mean), full_matrices=False)
        self.along = u.T @ backend.asarray(y - self.level)

    def turned(self, rows: np.ndarray) -> Any:
        """Return rows in the directions of the singular values."""
        return self.backend.asarray(rows - self.mean) @ self.axes.T

    def predictions(self, turned: Any, alphas: np.ndarray) -> Iterator[tuple[slice, Any]]:
        """Yield some targets after others, and what is predicted of them for turned rows, with a penalty each."""
        backend, n_targets = self.backend, len(self.level)
        width = max(1, BLOCK // max(len(turned), len(self.axes)))
        penalties = backend.asarray(alphas.astype(self.level.dtype))
        for start in range(0, n_targets, width):
            part = slice(start, start + width)
            shrunk = self.values[:, None] / (self.values[:, None] ** 2 + penalties[None, part])
            yield part, turned @ (shrunk * self.along[:, part]) + backend.asarray(self.level[part])

"""A brain's RDM as a weighted sum of several model RDMs, and what each explains alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from brainalign.condensed import Condensed
from brainalign.errors import DataError, SpecError
from brainalign.rdms import RDMs, match
from brainalign.whitening import whitened

#: What brain RDMs can be regressed by.
METHODS = ("corr", "corr_cov", "spearman")


@dataclass(frozen=True, eq=False)
class RDMRegression:
    """Regression of brain RDMs on model RDMs with an intercept.

    Parameters
    ----------
    names
        Of the models.
    weights
        ``(n_brains, n_models)``, of RDMs of unit variance.
    r2
        ``(n_brains,)`` share of the variance of the brain's dissimilarities that all models explain.
    unique
        ``(n_brains, n_models)`` what ``r2`` loses without a model.
    partial
        ``(n_brains, n_models)`` partial correlation of a model given the others; with non-negative weights that of the
        weights alone is meant by ``unique``, and this is as without the constraint.
    """

    names: tuple[str, ...]
    weights: np.ndarray
    r2: np.ndarray
    unique: np.ndarray
    partial: np.ndarray

    @classmethod
    def fit(
        cls, models: Mapping[str, RDMs], brains: RDMs, method: str = "corr_cov", nonnegative: bool = True
    ) -> "RDMRegression":
        """Fit the brain RDMs by one RDM of each model, joined on stimulus ids.

        ``r2`` grows with the number of models, signal or none: compare models of equal number, or hold stimuli out
        (``weighted_rsa``).

        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> ids = tuple(map(str, range(12)))
        >>> a, b = (RDMs(rng.random((1, 66)), ids, "x") for _ in range(2))
        >>> brain = RDMs(a.dissimilarities + 0.1 * rng.random((1, 66)), ids, "x")
        >>> found = RDMRegression.fit({"a": a, "b": b}, brain, "corr")
        >>> bool(found.unique[0, 0] > 0.8 > 0.05 > found.unique[0, 1] >= 0)
        True

        Parameters
        ----------
        models
            One RDM each.
        brains
            One RDM per subject.
        method
            ``"corr"``; ``"corr_cov"``: generalised least squares, with independent errors of patterns;
            ``"spearman"``: ranks.
        nonnegative
            Whether weights below 0, which no distance has, are excluded.

        Raises
        ------
        SpecError
            If the method is another, or a model is not one RDM.
        StimulusMismatchError
            If stimuli differ.
        DataError
            If an RDM is constant, or a model is a linear function of the others.
        """
        if method not in METHODS:
            msg = f"Regression of RDMs by {method!r}; expected one of: {', '.join(METHODS)}."
            raise SpecError(msg)
        wrong = [name for name, one in models.items() if len(one) != 1]
        if wrong or not models:
            msg = f"Models {wrong or 'none'} are not one RDM each; expected one RDM by name."
            raise SpecError(msg)
        n = len(brains.stimulus_ids)
        y = _rows(Condensed.of(brains), "brain", method, n)
        x = np.concatenate(
            [_rows(Condensed.of(match(brains, one)[1]), name, method, n) for name, one in models.items()]
        )
        _refuse_dependent(x, tuple(models))
        every = list(range(len(x)))
        weights, r2 = _fit(x, y, nonnegative)
        unique = np.stack([r2 - _fit(x[[j for j in every if j != k]], y, nonnegative)[1] for k in every], axis=1)
        return cls(names=tuple(models), weights=weights, r2=r2, unique=unique, partial=_partial(x, y))


def _rows(rdms: Condensed, which: str, method: str, n: int) -> np.ndarray:
    """Return rows of unit norm on the scale of the method, means taken out."""
    if method == "corr_cov":
        rows = whitened(rdms.centred(which), n)
    else:
        rows = rdms.centred_ranks(which) if method == "spearman" else rdms.centred(which)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _fit(x: np.ndarray, y: np.ndarray, nonnegative: bool) -> tuple[np.ndarray, np.ndarray]:
    from scipy.optimize import nnls

    if not len(x):
        return np.empty((len(y), 0)), np.zeros(len(y))
    weights = np.array([nnls(x.T, one)[0] if nonnegative else np.linalg.lstsq(x.T, one)[0] for one in y])
    return weights, 1 - ((y - weights @ x) ** 2).sum(axis=1)


def _partial(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    found = np.empty((len(y), len(x)))
    for k in range(len(x)):
        rest = np.delete(x, k, axis=0)
        left, brain = x[k : k + 1], y
        if len(rest):
            basis = np.linalg.qr(rest.T)[0]
            left, brain = (side - (side @ basis) @ basis.T for side in (left, brain))
        sizes = np.linalg.norm(brain, axis=1) * np.linalg.norm(left)
        found[:, k] = (brain @ left[0]) / np.where(sizes > 0, sizes, np.nan)
    return found


def _refuse_dependent(x: np.ndarray, names: tuple[str, ...]) -> None:
    for k, name in enumerate(names):
        rest = np.delete(x, k, axis=0)
        if len(rest):
            left = x[k] - rest.T @ np.linalg.lstsq(rest.T, x[k])[0]
            if np.linalg.norm(left) < 1e-9:
                msg = f"Model RDM {name!r} is a linear function of the others, expected one with its own; leave it out."
                raise DataError(msg)

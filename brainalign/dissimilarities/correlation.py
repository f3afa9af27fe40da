"""One minus the correlation of two patterns."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from brainalign.dissimilarities.dissimilarity import Dissimilarity, refuse
from brainalign.dissimilarities.gram import gram
from brainalign.rounding import EPSILON, no_spread, sum_error

# Of the largest value of all patterns: a pattern that varies by less holds the rounding of what it should be.
_NEGLIGIBLE = 1e-14


@dataclass(frozen=True)
class Correlation(Dissimilarity):
    """``1 - r(x_i, x_j)``, Pearson's r over features; from 0 to 2."""

    def pairs(self, patterns: np.ndarray, ids: Sequence[str]) -> tuple[np.ndarray, float]:
        """Return ``(n_pairs,)`` distances and their rounding error; a constant pattern has none."""
        n_features = patterns.shape[1]
        means = patterns.sum(axis=1, dtype=np.float64) / n_features
        product = gram(patterns, shift=means)
        own = np.diagonal(product).copy()
        norms, sizes = np.sqrt(own), np.sqrt(own + n_features * means**2)
        constant = no_spread(norms, sizes, patterns.dtype) | (norms <= _NEGLIGIBLE * sizes.max())
        refuse(constant, ids, "constant", "correlation")
        product /= norms[:, None]
        product /= norms
        # a mask takes a fraction of the time of pairs of indices
        distances = 1 - product[~np.tri(len(patterns), dtype=bool)]
        # A large common value costs digits: what is left of it after centring is quadratic in its rounding.
        offset = float((sizes / norms).max()) ** 2
        return np.maximum(distances, 0.0), sum_error(n_features) * max(1.0, EPSILON * offset)

    def of_sets(self, sets: np.ndarray, ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return ``(n_sets, n_pairs)`` distances and ``(n_sets,)`` rounding errors, all sets at once."""
        n_features = sets.shape[1]
        means = sets.mean(axis=1, dtype=np.float64)
        centred = sets - means[:, None]
        own = np.einsum("kpn,kpn->kn", centred, centred)
        norms, sizes = np.sqrt(own), np.sqrt(own + n_features * means**2)
        constant = no_spread(norms, sizes, sets.dtype) | (norms <= _NEGLIGIBLE * sizes.max(axis=1, keepdims=True))
        norms[constant] = np.nan
        centred /= norms[:, None]
        product = centred.transpose(0, 2, 1) @ centred
        distances = 1 - product.reshape(len(sets), -1).take(_upper(len(ids)), axis=1)
        np.maximum(distances, 0.0, out=distances)
        undefined = constant.any(axis=1)
        distances[undefined] = np.nan
        offset = np.where(undefined, 0.0, (sizes / norms).max(axis=1)) ** 2
        return distances, sum_error(n_features) * np.maximum(1.0, EPSILON * offset)


@cache
def _upper(n: int) -> np.ndarray:
    """Return the positions of pairs in a flat ``(n, n)`` matrix."""
    return np.flatnonzero(~np.tri(n, dtype=bool))

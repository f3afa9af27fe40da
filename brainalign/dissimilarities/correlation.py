"""One minus the correlation of two patterns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from brainalign.dissimilarities.dissimilarity import Dissimilarity, refuse
from brainalign.dissimilarities.gram import gram, squares
from brainalign.rounding import EPSILON, is_constant, sum_error

# Of the largest value of all patterns: a pattern that varies by less holds the rounding of what it should be.
_NEGLIGIBLE = 1e-14


@dataclass(frozen=True)
class Correlation(Dissimilarity):
    """``1 - r(x_i, x_j)``, Pearson's r over features; from 0 to 2."""

    def pairs(self, patterns: np.ndarray, ids: Sequence[str]) -> tuple[np.ndarray, float]:
        """Return ``(n_pairs,)`` distances and their rounding error; a constant pattern has none."""
        low, high = patterns.min(axis=1).astype(np.float64), patterns.max(axis=1).astype(np.float64)
        largest = max(abs(float(low.min())), abs(float(high.max())))
        refuse(is_constant(patterns, axis=1) | (high - low <= _NEGLIGIBLE * largest), ids, "constant", "correlation")
        n_features = patterns.shape[1]
        product = gram(patterns, shift=patterns.sum(axis=1, dtype=np.float64) / n_features)
        own = np.diagonal(product).copy()
        norms = np.sqrt(own)
        first, second = np.triu_indices(len(patterns), 1)
        distances = 1 - product[first, second] / norms[first] / norms[second]
        # A large common value costs digits: what is left of it after centring is quadratic in its rounding.
        offset = float((squares(patterns) / own).max())
        return np.maximum(distances, 0.0), sum_error(n_features) * max(1.0, EPSILON * offset)

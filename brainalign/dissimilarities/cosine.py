"""One minus the cosine of the angle between two patterns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from brainalign.dissimilarities.dissimilarity import Dissimilarity, refuse
from brainalign.dissimilarities.gram import gram
from brainalign.rounding import sum_error

# Of the longest pattern: a shorter one holds the rounding of zeros.
_NEGLIGIBLE = 1e-14


@dataclass(frozen=True)
class Cosine(Dissimilarity):
    """``1 - cos(x_i, x_j)``; from 0 to 2."""

    def pairs(self, patterns: np.ndarray, ids: Sequence[str]) -> tuple[np.ndarray, float]:
        """Return ``(n_pairs,)`` distances and their rounding error; a zero pattern has none."""
        product = gram(patterns)
        norms = np.sqrt(np.diagonal(product))
        refuse(norms <= _NEGLIGIBLE * norms.max(initial=0.0), ids, "zero", "cosine")
        first, second = np.triu_indices(len(patterns), 1)
        distances = 1 - product[first, second] / norms[first] / norms[second]
        return np.maximum(distances, 0.0), sum_error(patterns.shape[1])

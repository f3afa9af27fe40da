"""The squared Euclidean distance of two patterns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from brainalign.dissimilarities.dissimilarity import Dissimilarity
from brainalign.dissimilarities.gram import gram
from brainalign.rounding import sum_error


@dataclass(frozen=True)
class SquaredEuclidean(Dissimilarity):
    """``|x_i - x_j|^2 / n_features``: squared and per feature, the convention of rsatoolbox; from 0."""

    def pairs(self, patterns: np.ndarray, ids: Sequence[str]) -> tuple[np.ndarray, float]:
        """Return ``(n_pairs,)`` distances and their rounding error."""
        del ids
        n_features = patterns.shape[1]
        product = gram(patterns, columns=True)
        own = np.diagonal(product)
        first, second = np.triu_indices(len(patterns), 1)
        distances = (own[first] + own[second] - 2 * product[first, second]) / n_features
        return np.maximum(distances, 0.0), sum_error(n_features) * 2 * float(own.max()) / n_features

"""The Euclidean distance of two patterns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from brainalign.dissimilarities.dissimilarity import Dissimilarity
from brainalign.dissimilarities.squared_euclidean import SquaredEuclidean


@dataclass(frozen=True)
class Euclidean(Dissimilarity):
    """``sqrt(|x_i - x_j|^2 / n_features)``, from 0, in the unit of the features."""

    def pairs(self, patterns: np.ndarray, ids: Sequence[str]) -> tuple[np.ndarray, float]:
        """Return ``(n_pairs,)`` distances and their rounding error.

        Values within rounding of 0 become 0, since the root would spread them.
        """
        squared, error = SquaredEuclidean().pairs(patterns, ids)
        squared = np.where(squared <= error, 0.0, squared)
        distances = np.sqrt(squared)
        smallest = float(distances[distances > 0].min(initial=np.inf))
        # the root moves an error of the square by a share of twice the distance
        return distances, error / (2 * smallest) if np.isfinite(smallest) else float(np.sqrt(error))

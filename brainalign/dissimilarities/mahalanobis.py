"""The squared Mahalanobis distance of two mean responses, in the metric of the noise."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brainalign.dissimilarities.noise import check_noise, noise_precision
from brainalign.dissimilarities.of_trials import OfTrials
from brainalign.dissimilarities.trials import Trials
from brainalign.errors import SpecError
from brainalign.rounding import sum_error


@dataclass(frozen=True)
class Mahalanobis(OfTrials):
    """``(x_i - x_j)' P (x_i - x_j) / n_channels`` of mean responses; ``P`` inverts the noise covariance.

    Noise adds to every value: where repeats are unequal, pairs of stimuli that were shown less often look farther
    apart. Use ``crossnobis`` where there are runs.

    Parameters
    ----------
    noise
        ``"ledoit_wolf"``, ``"diagonal_target"`` or ``"univariate"``, see
        :func:`brainalign.dissimilarities.noise.noise_covariance`.
    """

    needs: ClassVar[str] = "precision"
    unit: ClassVar[str] = "noise variances per channel"
    citation: ClassVar[str] = (
        "Walther A, Nili H, Ejaz N, Alink A, Kriegeskorte N, Diedrichsen J (2016). Reliability of dissimilarity "
        "measures for multi-voxel pattern analysis. NeuroImage 137:188-200. doi:10.1016/j.neuroimage.2015.12.012"
    )

    noise: str = "ledoit_wolf"

    def __post_init__(self) -> None:
        check_noise(self.noise)
        if self.noise == "none":
            msg = "noise = 'none' makes a Mahalanobis distance a Euclidean one; use 'squared_euclidean'."
            raise SpecError(msg)

    def of_trials(self, trials: Trials) -> tuple[np.ndarray, np.ndarray]:
        """Return ``(n_times, n_pairs)`` distances and their rounding errors."""
        precision = noise_precision(trials, self.noise)
        assert precision is not None
        first, second = np.triu_indices(len(trials.ids), 1)
        values, errors = [], []
        for k in range(trials.n_times):
            means = trials.means(k)
            means = means - means.mean(axis=0)
            product = means @ precision @ means.T
            own = np.diagonal(product)
            distances = (own[first] + own[second] - 2 * product[first, second]) / means.shape[1]
            values.append(np.maximum(distances, 0.0))
            errors.append(sum_error(means.shape[1]) * 2 * float(own.max()) / means.shape[1])
        return np.stack(values), np.array(errors)

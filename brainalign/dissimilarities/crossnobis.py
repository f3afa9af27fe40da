"""The cross-validated Mahalanobis distance of two responses: unbiased, and 0 where they do not differ."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brainalign.dissimilarities.noise import check_noise, inverse, noise_precision, run_covariances
from brainalign.dissimilarities.of_trials import OfTrials
from brainalign.dissimilarities.trials import Trials, check_folds, counts_of, sums_of
from brainalign.errors import DataError, SpecError
from brainalign.options import SET, Needs
from brainalign.rounding import sum_error


@dataclass(frozen=True)
class Crossnobis(OfTrials):
    """``mean over folds m != n of (x_i^m - x_j^m)' P (x_i^n - x_j^n) / n_channels``, ``P`` the precision of noise.

    Noise of different folds is independent, so its products are 0 on average: values are unbiased, and negative where
    noise makes them so. They are kept negative. Trials are weighted equally, and products of trials of one fold never
    count, so that unequal repeats and stimuli that are missing in a fold are no matter; what differs between runs
    should then be taken out first (``Recording.centred``). Layers have no noise: their counterpart is
    ``squared_euclidean``. Walther et al. 2016, NeuroImage 137:188.

    Parameters
    ----------
    noise
        ``"ledoit_wolf"``, ``"diagonal_target"``, ``"univariate"`` or ``"none"``, see
        :func:`brainalign.dissimilarities.noise.noise_covariance`.
    n_folds
        0: runs are folds. 2 or more: trials of each stimulus are dealt to so many.
    per_run
        Whether every run has a noise covariance of its own; two of them share the mean of theirs.
    seed
        Of the dealing.
    """

    needs: ClassVar[str] = "runs"
    signed: ClassVar[bool] = True
    unit: ClassVar[str] = "noise variances per channel"
    citation: ClassVar[str] = (
        "Walther A, Nili H, Ejaz N, Alink A, Kriegeskorte N, Diedrichsen J (2016). Reliability of dissimilarity "
        "measures for multi-voxel pattern analysis. NeuroImage 137:188-200. doi:10.1016/j.neuroimage.2015.12.012"
    )

    only_with: ClassVar[Needs] = {"seed": {"n_folds": SET}}
    noise: str = "ledoit_wolf"
    n_folds: int = 0
    per_run: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        check_noise(self.noise)
        check_folds(self.n_folds)
        if self.per_run and (self.n_folds or self.noise == "none"):
            msg = "per_run needs runs as folds and a noise covariance; leave n_folds and noise = 'none' out."
            raise SpecError(msg)

    def of_trials(self, trials: Trials) -> tuple[np.ndarray, np.ndarray]:
        """Return ``(n_times, n_pairs)`` distances and their rounding errors.

        Raises
        ------
        DataError
            If there are no folds, no repeats to estimate noise from, or two stimuli that share no two folds.
        """
        folds = trials.folds(self.n_folds, self.seed)
        counts = counts_of(trials.stimulus, folds, len(trials.ids)).astype(np.float64)
        total = counts.sum(axis=0)
        products = np.outer(total, total) - counts.T @ counts
        _refuse_apart(products, trials)
        covariances = run_covariances(trials, self.noise) if self.per_run else None
        precision = None if self.per_run else noise_precision(trials, self.noise)
        found = [self._at(trials, k, folds, products, precision, covariances) for k in range(trials.n_times)]
        return np.stack([values for values, _ in found]), np.array([error for _, error in found])

    def _at(
        self,
        trials: Trials,
        time: int,
        folds: np.ndarray,
        products: np.ndarray,
        precision: np.ndarray | None,
        covariances: list[np.ndarray] | None,
    ) -> tuple[np.ndarray, float]:
        data = trials.at(time)
        n_channels = data.shape[1]
        sums = sums_of(data - data.mean(axis=0), trials.stimulus, folds, len(trials.ids))
        if covariances is None:
            product = _across_folds(sums, precision)
        else:
            product = np.zeros(products.shape)
            for m, one in enumerate(covariances):
                for n in range(m):
                    part = sums[m] @ inverse((one + covariances[n]) / 2) @ sums[n].T
                    product += part + part.T
        product = product / products
        first, second = np.triu_indices(len(trials.ids), 1)
        own = np.diagonal(product)
        distances = (own[first] + own[second] - product[first, second] - product[second, first]) / n_channels
        size = float(np.abs(sums).max()) ** 2 * (1.0 if precision is None else float(np.abs(precision).max()))
        scale = max(float(np.abs(product).max()), size * n_channels / float(products.max()))
        return distances, sum_error(n_channels) * 4 * scale / n_channels


def _across_folds(sums: np.ndarray, precision: np.ndarray | None) -> np.ndarray:
    """Return ``sum over m != n of X_m P X_n'`` without pairs of folds, ``(n_stimuli, n_stimuli)``."""
    total = sums.sum(axis=0)
    weighted = (lambda x: x) if precision is None else (lambda x: x @ precision)
    return weighted(total) @ total.T - sum(weighted(one) @ one.T for one in sums)


def _refuse_apart(products: np.ndarray, trials: Trials) -> None:
    if not (products > 0).all():
        i, j = (int(k) for k in np.argwhere(products <= 0)[0])
        msg = (
            f"{trials.name}: stimuli {trials.ids[i]!r} and {trials.ids[j]!r} were shown in one and the same fold only, "
            "expected trials in different folds; leave one out."
        )
        raise DataError(msg)

"""How far apart two firing rates are if spikes are Poisson, cross-validated."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brainalign.dissimilarities.of_trials import OfTrials
from brainalign.dissimilarities.trials import Trials, check_folds, counts_of, sums_of
from brainalign.errors import DataError, SpecError
from brainalign.options import SET, Needs
from brainalign.rounding import sum_error


@dataclass(frozen=True)
class PoissonKL(OfTrials):
    """``(a_i - a_j)' (log b_i - log b_j) / n_channels``, rates ``b`` of one fold, ``a`` of the others, mean over folds.

    The symmetrised Kullback-Leibler divergence of Poisson distributions (Schuett et al. 2023, eLife 12:e82566). Rates
    are drawn towards a prior, ``(rate + prior_rate * prior_weight) / (1 + prior_weight)``, since a unit that was
    silent has no logarithm. Values can be negative and are kept so.

    Parameters
    ----------
    prior_rate, prior_weight
        Rate, in the unit of the data, and weight of the prior.
    n_folds
        0: runs are folds. 2 or more: trials of each stimulus are dealt to so many.
    seed
        Of the dealing.
    """

    needs: ClassVar[str] = "runs"
    signed: ClassVar[bool] = True
    unit: ClassVar[str] = "nats per channel"
    citation: ClassVar[str] = (
        "Schütt HH, Kipnis AD, Diedrichsen J, Kriegeskorte N (2023). Statistical inference on representational "
        "geometries. eLife 12:e82566. doi:10.7554/eLife.82566"
    )

    only_with: ClassVar[Needs] = {"seed": {"n_folds": SET}}
    prior_rate: float = 1.0
    prior_weight: float = 0.1
    n_folds: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        check_folds(self.n_folds)
        if not (self.prior_rate > 0 and self.prior_weight > 0):
            msg = f"prior_rate = {self.prior_rate:g}, prior_weight = {self.prior_weight:g}, expected numbers above 0."
            raise SpecError(msg)

    def of_trials(self, trials: Trials) -> tuple[np.ndarray, np.ndarray]:
        """Return ``(n_times, n_pairs)`` divergences and their rounding errors.

        Raises
        ------
        DataError
            If there are no folds, or a response is negative.
        """
        folds = trials.folds(self.n_folds, self.seed)
        lowest = float(trials.data.min())
        if lowest < 0:
            msg = (
                f"{trials.name}: a response is {lowest:g}, expected spike counts or rates, 0 or more; declare "
                'runs = "ignore" if runs were centred.'
            )
            raise DataError(msg)
        counts = counts_of(trials.stimulus, folds, len(trials.ids)).astype(np.float64)
        found = [self._at(trials.at(k), trials, folds, counts) for k in range(trials.n_times)]
        return np.stack([values for values, _ in found]), np.array([error for _, error in found])

    def _at(self, data: np.ndarray, trials: Trials, folds: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, float]:
        sums = sums_of(data, trials.stimulus, folds, len(trials.ids))
        total, all_counts = sums.sum(axis=0), counts.sum(axis=0)
        first, second = np.triu_indices(len(trials.ids), 1)
        value, held, largest = np.zeros(len(first)), np.zeros(len(first)), 0.0
        for own, count in zip(sums, counts, strict=True):
            there = (count > 0) & (all_counts > count)
            others = self._rates(total - own, np.where(there, all_counts - count, 1))
            logs = np.log(self._rates(own, np.where(there, count, 1)))
            product = others @ logs.T
            largest = max(largest, float(np.abs(product).max()))
            diagonal = np.diagonal(product)
            both = there[first] & there[second]
            value += both * (diagonal[first] + diagonal[second] - product[first, second] - product[second, first])
            held += both
        if not (held > 0).all():
            pair = int((held == 0).argmax())
            msg = (
                f"{trials.name}: stimuli {trials.ids[first[pair]]!r} and {trials.ids[second[pair]]!r} share no fold, "
                "expected one; leave one out."
            )
            raise DataError(msg)
        n_channels = data.shape[1]
        return value / held / n_channels, sum_error(n_channels) * 4 * largest / n_channels

    def _rates(self, sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
        return (sums / counts[:, None] + self.prior_rate * self.prior_weight) / (1 + self.prior_weight)

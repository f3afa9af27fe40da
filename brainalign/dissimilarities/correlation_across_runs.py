"""One minus the correlation of two responses, each from another run."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brainalign.dissimilarities.dissimilarity import refuse
from brainalign.dissimilarities.of_trials import OfTrials
from brainalign.dissimilarities.trials import Trials, check_folds, counts_of, sums_of
from brainalign.options import SET, Needs
from brainalign.rounding import no_spread, sum_error


@dataclass(frozen=True)
class CorrelationAcrossRuns(OfTrials):
    """``1 - mean over runs m != n of r(x_i^m, x_j^n)``: no two responses of one run are ever compared.

    Noise that responses of one run share (drift, autocorrelation, the order of stimuli) makes them look alike; noise of
    two runs does not. Noise in itself still draws correlations towards 0.

    Parameters
    ----------
    n_folds
        0: runs are folds. 2 or more: trials of each stimulus are dealt to so many.
    seed
        Of the dealing.
    """

    needs: ClassVar[str] = "runs"
    unit: ClassVar[str] = "1 - r"

    only_with: ClassVar[Needs] = {"seed": {"n_folds": SET}}
    n_folds: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        check_folds(self.n_folds)

    def of_trials(self, trials: Trials) -> tuple[np.ndarray, np.ndarray]:
        """Return ``(n_times, n_pairs)`` distances and their rounding errors.

        Raises
        ------
        DataError
            If there are no runs, or a mean response within a run is constant over channels.
        """
        folds = trials.folds(self.n_folds, self.seed)
        counts = counts_of(trials.stimulus, folds, len(trials.ids))
        there = (counts > 0).astype(np.float64)
        products = np.outer(there.sum(axis=0), there.sum(axis=0)) - there.T @ there
        first, second = np.triu_indices(len(trials.ids), 1)
        values = np.empty((trials.n_times, len(first)))
        for k in range(trials.n_times):
            means = sums_of(trials.at(k), trials.stimulus, folds, len(trials.ids)) / np.maximum(counts, 1)[:, :, None]
            centred = means - means.mean(axis=2, keepdims=True)
            norms, sizes = np.linalg.norm(centred, axis=2), np.linalg.norm(means, axis=2)
            constant = no_spread(norms, sizes) & (counts > 0)
            refuse(np.logical_or.reduce(constant, axis=0), trials.ids, "constant", "correlation")
            unit = np.where(counts[:, :, None] > 0, centred / np.where(norms > 0, norms, 1)[:, :, None], 0.0)
            total = unit.sum(axis=0)
            product = (total @ total.T - sum(one @ one.T for one in unit)) / np.where(products > 0, products, np.nan)
            values[k] = 1 - (product[first, second] + product[second, first]) / 2
        return values, np.full(trials.n_times, 4 * sum_error(trials.data.shape[1]))

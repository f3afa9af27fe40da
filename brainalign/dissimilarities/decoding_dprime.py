"""How far apart a linear classifier holds the trials of two stimuli, in standard deviations."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brainalign.dissimilarities.noise import check_noise
from brainalign.dissimilarities.of_trials import OfTrials
from brainalign.dissimilarities.pairwise_lda import held_out_evidence
from brainalign.dissimilarities.trials import Trials, check_folds
from brainalign.errors import DataError
from brainalign.options import SET, Needs
from brainalign.rounding import sum_error


@dataclass(frozen=True)
class DecodingDprime(OfTrials):
    """``(mean of v over trials of i - over trials of j) / sd of v``, ``v`` the held-out decision value for i against j.

    The standard deviation is that within stimuli, the root of the mean of the two variances. Values do not saturate and
    can be negative; they are kept so.

    Parameters
    ----------
    noise
        Of the discriminant: ``"ledoit_wolf"``, ``"diagonal_target"``, ``"univariate"`` or ``"none"``.
    n_folds
        0: leave one run out. 2 or more: trials of each stimulus are dealt to so many folds.
    seed
        Of the dealing.
    """

    needs: ClassVar[str] = "runs"
    signed: ClassVar[bool] = True
    unit: ClassVar[str] = "standard deviations"
    citation: ClassVar[str] = (
        "Guggenmos M, Sterzer P, Cichy RM (2018). Multivariate pattern analysis for MEG: A comparison of dissimilarity "
        "measures. NeuroImage 173:434-447. doi:10.1016/j.neuroimage.2018.02.044"
    )

    only_with: ClassVar[Needs] = {"seed": {"n_folds": SET}}
    noise: str = "ledoit_wolf"
    n_folds: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        check_noise(self.noise)
        check_folds(self.n_folds)

    def of_trials(self, trials: Trials) -> tuple[np.ndarray, np.ndarray]:
        """Return ``(n_times, n_pairs)`` distances and their rounding errors."""
        folds, n = trials.folds(self.n_folds, self.seed), len(trials.ids)
        first, second = np.triu_indices(n, 1)
        values = np.empty((trials.n_times, len(first)))
        for k in range(trials.n_times):
            evidence = held_out_evidence(trials, k, folds, self.noise)
            if np.isnan(evidence).any():
                alone = trials.ids[int(np.isnan(evidence).any(axis=0).argmax())]
                msg = f"{trials.name}: all trials of stimulus {alone!r} are in one fold; leave it out."
                raise DataError(msg)
            mean, variance = np.empty((n, n)), np.empty((n, n))
            for stimulus in range(n):
                own = evidence[trials.stimulus == stimulus]
                margin = own[:, [stimulus]] - own
                mean[stimulus], variance[stimulus] = margin.mean(axis=0), margin.var(axis=0, ddof=1)
            spread = np.sqrt((variance[first, second] + variance[second, first]) / 2)
            values[k] = (mean[first, second] + mean[second, first]) / np.where(spread > 0, spread, np.nan)
        return values, sum_error(trials.data.shape[1]) * 8 * np.abs(values).max(axis=1)

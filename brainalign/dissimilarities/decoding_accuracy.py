"""How often a linear classifier tells two stimuli apart on single trials."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brainalign.dissimilarities.noise import check_noise
from brainalign.dissimilarities.of_trials import OfTrials
from brainalign.dissimilarities.pairwise_lda import held_out_evidence
from brainalign.dissimilarities.trials import Trials, check_folds
from brainalign.options import SET, Needs
from brainalign.rounding import EPSILON


@dataclass(frozen=True)
class DecodingAccuracy(OfTrials):
    """Share of held-out trials of two stimuli that a linear discriminant gives to the right one; .5 is chance.

    The mean of the shares of either stimulus, so that unequal repeats do not lift it; equal evidence counts half. It
    saturates at 1 and comes in steps, so distances are preferred (Guggenmos et al. 2018, NeuroImage 173:434).

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
    unit: ClassVar[str] = "share of trials"
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
        """Return ``(n_times, n_pairs)`` accuracies and their rounding errors."""
        folds, n = trials.folds(self.n_folds, self.seed), len(trials.ids)
        first, second = np.triu_indices(n, 1)
        values = np.empty((trials.n_times, len(first)))
        for k in range(trials.n_times):
            evidence = held_out_evidence(trials, k, folds, self.noise)
            won, tested = np.zeros((n, n)), np.zeros((n, n))
            for stimulus in range(n):
                own = evidence[trials.stimulus == stimulus]
                margin = own[:, [stimulus]] - own
                won[stimulus] = np.where(np.isnan(margin), 0, (np.sign(margin) + 1) / 2).sum(axis=0)
                tested[stimulus] = (~np.isnan(margin)).sum(axis=0)
            share = won / np.where(tested > 0, tested, np.nan)
            values[k] = (share[first, second] + share[second, first]) / 2
        return values, np.full(trials.n_times, 4 * EPSILON)

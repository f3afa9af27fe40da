"""Rank correlation of RDMs without each stimulus in turn, exactly."""

import numpy as np

from brainalign.condensed import Condensed
from brainalign.resampling.kept_ranks import KeptRanks
from brainalign.resampling.pair_scores import semi_partial


class RankedPairs:
    """Spearman's correlation or rho-a of every model with every brain, as observed and without each unit, exactly.

    Rows are sorted once; the ranks among the pairs that are left follow from counts along that order.

    Parameters
    ----------
    models, units, counted
        See :class:`LinearPairs`.
    tie_corrected
        ``True`` for Spearman, ``False`` for rho-a.
    nuisance
        RDMs whose ranks are taken out of those of every model (Spearman only).
    """

    def __init__(
        self,
        models: Condensed,
        units: np.ndarray,
        counted: np.ndarray,
        tie_corrected: bool,
        nuisance: Condensed | None = None,
    ) -> None:
        self.nuisance = nuisance
        self.counted, self.tie_corrected = counted, tie_corrected
        self.n_units = int(units.max()) + 1
        first, second = np.triu_indices(len(units), 1)
        self._of_pair = units[first], units[second]
        self._models, self._constant = KeptRanks(self._with_nuisance(models)), models.constant

    def scores(self, brains: Condensed, resampled: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Return ``(n_models, n_brains)`` observed and ``(n_units, n_models, n_brains)`` without each unit.

        The latter has no rows where it is not asked for.
        """
        ranks = KeptRanks(self._with_nuisance(brains.finite("brain")))
        hidden = self._constant[:, None] | brains.constant[None]
        observed = np.where(hidden, np.nan, self._score(ranks, self.counted))
        if not resampled:
            return observed, np.empty((0, *observed.shape))
        without = np.empty((self.n_units, *observed.shape))
        for unit in range(self.n_units):
            kept = self.counted & (self._of_pair[0] != unit) & (self._of_pair[1] != unit)
            without[unit] = np.where(hidden, np.nan, self._score(ranks, kept))
        return observed, without

    def _score(self, brains: KeptRanks, kept: np.ndarray) -> np.ndarray:
        if self.nuisance is not None:
            left, right = self._models.centred(kept), brains.centred(kept)
            own, theirs = (np.einsum("ij,ij->i", rows, rows) for rows in (left, right))
            return semi_partial(left @ right.T, own, theirs, len(self.nuisance))
        if self.tie_corrected:
            return self._models.unit(kept) @ brains.unit(kept).T
        n = int(kept.sum())
        return 12 * self._models.centred(kept) @ brains.centred(kept).T / (n**3 - n)

    def _with_nuisance(self, rdms: Condensed) -> Condensed:
        return rdms if self.nuisance is None else rdms.joined(self.nuisance)

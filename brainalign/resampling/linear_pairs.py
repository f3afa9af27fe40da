"""Correlation or cosine of RDMs without each stimulus in turn: all of them for the price of about two."""

from functools import cached_property

import numpy as np

from brainalign.computing import get, put
from brainalign.condensed import Condensed
from brainalign.resampling.pair_scores import semi_partial


class LinearPairs:
    """Pearson correlation or cosine of every model with every brain, as observed and without each unit.

    With the square forms ``X`` and ``Y`` of two RDMs, the pairs of stimulus k contribute ``sum_j X_kj Y_kj``; what is
    left without k follows from that and the sums over all pairs.

    Parameters
    ----------
    models
        Condensed RDMs ``(n_models, n_pairs)``.
    units
        ``(n_stimuli,)`` unit of each stimulus.
    counted
        ``(n_pairs,)`` pairs that count.
    centred
        ``True`` for Pearson correlation, ``False`` for the cosine.
    nuisance
        RDMs taken out of every model: scores are then semi-partial correlations.
    """

    def __init__(
        self,
        models: Condensed,
        units: np.ndarray,
        counted: np.ndarray,
        centred: bool,
        nuisance: Condensed | None = None,
    ) -> None:
        self.units, self.counted, self.centred, self.nuisance = units, counted, centred, nuisance
        self.n_units = int(units.max()) + 1
        pairs_of = _squares(counted[None].astype(np.float64), len(units))[0].sum(axis=1)
        self.n_pairs = counted.sum() - np.bincount(units, pairs_of)
        self._rows = _standardise(self._with_nuisance(models), counted, centred)

    @cached_property
    def _own(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self._without(self._rows)

    def scores(self, brains: Condensed, resampled: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Return ``(n_models, n_brains)`` observed and ``(n_units, n_models, n_brains)`` without each unit.

        NaN where a model or brain is constant but for rounding. The latter has no rows where it is not asked for.
        """
        rows = _standardise(self._with_nuisance(brains.finite("brain")), self.counted, self.centred)
        held = 0 if self.nuisance is None else len(self.nuisance)
        cross = get(put(self._rows) @ put(rows).T)
        observed = semi_partial(cross, (self._rows**2).sum(axis=1), (rows**2).sum(axis=1), held)
        if not resampled:
            return observed, np.empty((0, *observed.shape))
        (own, own_sums, left), (square, sums, right) = self._own, self._without(rows)
        without = cross - self._by_unit(by_stimulus(own, square))
        if self.centred:
            scale = 1 / self.n_pairs[:, None]
            without -= own_sums[:, :, None] * (sums * scale)[:, None, :]
            left, right = left - own_sums**2 * scale, right - sums**2 * scale
        return observed, semi_partial(without, left, right, held)

    def _with_nuisance(self, rdms: Condensed) -> Condensed:
        return rdms if self.nuisance is None else rdms.joined(self.nuisance)

    def grams(self, brains: Condensed, resampled: bool = True) -> np.ndarray:
        """Return co-moments of brains ``(n_units + 1, n_brains, n_brains)``: of all stimuli, then without each unit.

        Those without each are left out where they are not asked for.
        """
        rows = _standardise(brains, self.counted, self.centred)
        cross = get(put(rows) @ put(rows).T)
        if not resampled:
            return cross[None]
        square, sums, _ = self._without(rows)
        without = cross - self._by_unit(by_stimulus(square, square))
        if self.centred:
            without -= sums[:, :, None] * (sums / self.n_pairs[:, None])[:, None, :]
        return np.concatenate([cross[None], without])

    def _without(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the square forms of standardised rows, and sums and sums of squares without each unit."""
        square = _squares(rows, len(self.units))
        of_stimulus, squares_of = square.sum(axis=2).T, np.einsum("nij,nij->in", square, square)
        sums, squares = of_stimulus.sum(axis=0) / 2, squares_of.sum(axis=0) / 2
        return square, sums - self._by_unit(of_stimulus), squares - self._by_unit(squares_of)

    def _by_unit(self, of_stimuli: np.ndarray) -> np.ndarray:
        """Return sums over the stimuli of each unit, ``(n_units, ...)``."""
        if self.n_units == len(self.units):
            return of_stimuli[np.argsort(self.units)]
        total = np.zeros((self.n_units, *of_stimuli.shape[1:]))
        np.add.at(total, self.units, of_stimuli)
        return total


def by_stimulus(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return ``sum_j X_kj Y_kj`` of square forms ``(n_left, n, n)`` and ``(n_right, n, n)``: ``(n, n_left, n_right)``.

    Of each stimulus k, what its pairs contribute to the product of two RDMs.
    """
    return get(put(left.transpose(1, 0, 2)) @ put(right.transpose(1, 2, 0)))


def _standardise(rdms: Condensed, counted: np.ndarray, centred: bool) -> np.ndarray:
    """Return rows of unit mean square over the pairs that count, 0 elsewhere and where an RDM is constant."""
    values = rdms.values[:, counted]
    own = Condensed(values, rdms.rounding)
    varies = ~own.constant if centred else np.abs(values).max(axis=1, initial=0.0) > rdms.rounding
    values = values - values.mean(axis=1, keepdims=True) if centred else values
    size = np.sqrt((values**2).mean(axis=1, keepdims=True))
    rows = np.zeros(rdms.values.shape)
    rows[:, counted] = np.where(varies[:, None], values / np.where(size > 0, size, 1), 0.0)
    return rows


def _squares(rows: np.ndarray, n_stimuli: int) -> np.ndarray:
    """Return ``(n_rows, n_stimuli, n_stimuli)`` symmetric forms with zero diagonal."""
    square = np.zeros((len(rows), n_stimuli, n_stimuli))
    first, second = np.triu_indices(n_stimuli, 1)
    square[:, first, second] = square[:, second, first] = rows
    return square

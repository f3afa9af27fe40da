"""Scores of RDMs without each stimulus in turn: all of them for the price of about two."""

import numpy as np

from brainalign.condensed import Condensed
from brainalign.resampling.pair_scores import CONSTANT, group_ceilings
from brainalign.resampling.weighted_ranks import KeptRanks, rank_rows


def units_of(groups: np.ndarray | None, n_stimuli: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the unit of each stimulus, ``(n_stimuli,)`` from 0, and which pairs count, ``(n_pairs,)``.

    Stimuli of one group are one unit: they are left out together, and their pairs with each other never count.
    """
    units = np.arange(n_stimuli) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1].ravel()
    first, second = np.triu_indices(n_stimuli, 1)
    return units, units[first] != units[second]


class LinearPairs:
    """Pearson correlation or cosine of every model with every brain, as observed and without each unit.

    With the square forms ``X`` and ``Y`` of two RDMs, the pairs of stimulus k contribute ``sum_j X_kj Y_kj``; what is left
    without k follows from that and the sums over all pairs.

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
    """

    def __init__(self, models: Condensed, units: np.ndarray, counted: np.ndarray, centred: bool) -> None:
        self.units, self.counted, self.centred = units, counted, centred
        self.n_units = int(units.max()) + 1
        pairs_of = _squares(counted[None].astype(np.float64), len(units))[0].sum(axis=1)
        self.n_pairs = counted.sum() - np.bincount(units, pairs_of)
        self._rows, (self._square, self._sums, self._squares) = self._side(models)

    def scores(self, brains: Condensed) -> tuple[np.ndarray, np.ndarray]:
        """Return ``(n_models, n_brains)`` observed and ``(n_units, n_models, n_brains)`` without each unit.

        NaN where a model or brain is constant but for rounding.
        """
        rows, (square, sums, squares) = self._side(brains)
        cross = self._rows @ rows.T
        total = int(self.counted.sum())
        observed = _ratio(cross, (self._rows**2).sum(axis=1), (rows**2).sum(axis=1), total)
        without = np.matmul(self._square.transpose(1, 0, 2), square.transpose(1, 2, 0))
        without = cross - self._by_unit(without)
        left, right = self._sums, sums
        left_squares, right_squares = self._squares, squares
        if self.centred:
            scale = 1 / self.n_pairs[:, None]
            without -= left[:, :, None] * (right * scale)[:, None, :]
            left_squares, right_squares = left_squares - left**2 * scale, right_squares - right**2 * scale
        return observed, _ratio(without, left_squares, right_squares, total)

    def grams(self, brains: Condensed) -> np.ndarray:
        """Return co-moments of brains ``(n_units + 1, n_brains, n_brains)``: of all stimuli, then without each unit."""
        rows, (square, sums, squares) = self._side(brains)
        cross = rows @ rows.T
        without = cross - self._by_unit(np.matmul(square.transpose(1, 0, 2), square.transpose(1, 2, 0)))
        if self.centred:
            without -= sums[:, :, None] * (sums / self.n_pairs[:, None])[:, None, :]
        return np.concatenate([cross[None], without])

    def _side(self, rdms: Condensed) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Return standardised rows, their square forms, and sums and sums of squares without each unit."""
        rows = _standardise(rdms, self.counted, self.centred)
        square = _squares(rows, len(self.units))
        of_stimulus, squares_of = square.sum(axis=2).T, np.einsum("nij,nij->in", square, square)
        sums, squares = of_stimulus.sum(axis=0) / 2, squares_of.sum(axis=0) / 2
        return rows, (square, sums - self._by_unit(of_stimulus), squares - self._by_unit(squares_of))

    def _by_unit(self, of_stimuli: np.ndarray) -> np.ndarray:
        """Return sums over the stimuli of each unit, ``(n_units, ...)``."""
        if self.n_units == len(self.units):
            return of_stimuli[np.argsort(self.units)]
        total = np.zeros((self.n_units, *of_stimuli.shape[1:]))
        np.add.at(total, self.units, of_stimuli)
        return total


class RankedPairs:
    """Spearman's correlation or rho-a of every model with every brain, as observed and without each unit, exactly.

    Rows are sorted once; the ranks among the pairs that are left follow from counts along that order.

    Parameters
    ----------
    models, units, counted
        See :class:`LinearPairs`.
    tie_corrected
        ``True`` for Spearman, ``False`` for rho-a.
    """

    def __init__(self, models: Condensed, units: np.ndarray, counted: np.ndarray, tie_corrected: bool) -> None:
        self.counted, self.tie_corrected = counted, tie_corrected
        self.n_units = int(units.max()) + 1
        first, second = np.triu_indices(len(units), 1)
        self._of_pair = units[first], units[second]
        self._models, self._constant = KeptRanks(models), models.constant

    def scores(self, brains: Condensed, resampled: bool = True) -> tuple[np.ndarray, np.ndarray | None]:
        """Return ``(n_models, n_brains)`` observed and, where asked, ``(n_units, n_models, n_brains)`` without each."""
        ranks = KeptRanks(brains)
        hidden = self._constant[:, None] | brains.constant[None]
        observed = np.where(hidden, np.nan, self._score(ranks, self.counted))
        if not resampled:
            return observed, None
        without = np.empty((self.n_units, *observed.shape))
        for unit in range(self.n_units):
            kept = self.counted & (self._of_pair[0] != unit) & (self._of_pair[1] != unit)
            without[unit] = np.where(hidden, np.nan, self._score(ranks, kept))
        return observed, without

    def _score(self, brains: KeptRanks, kept: np.ndarray) -> np.ndarray:
        if self.tie_corrected:
            return self._models.unit(kept) @ brains.unit(kept).T
        n = int(kept.sum())
        return 12 * self._models.centred(kept) @ brains.centred(kept).T / (n**3 - n)


def linear_ceilings(pairs: LinearPairs, subjects: Condensed) -> tuple[np.ndarray, np.ndarray]:
    """Return lower and upper noise ceilings ``(n_units + 1, n_subjects)``: all stimuli first, then without each unit."""
    return group_ceilings(pairs.grams(subjects))


def ranked_ceilings(
    subjects: Condensed, units: np.ndarray, counted: np.ndarray, tie_corrected: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return lower and upper noise ceilings ``(n_units + 1, n_subjects)`` of ranked RDMs.

    Those of all stimuli are exact: the pool of ranks is ranked again. Those without each unit keep the ranks of the
    whole sample, which changes their spread by a few percent and saves all the rankings.
    """
    weights = counted.astype(np.float64)
    ranks = rank_rows(subjects.values, weights, subjects.rounding)[:, counted]
    total = ranks.sum(axis=0, keepdims=True)
    ones = np.ones(ranks.shape[1])
    lower, upper = rank_rows(total - ranks, ones), rank_rows(total, ones)
    products = (lower * ranks).sum(axis=1), (upper * ranks).sum(axis=1)
    n = ranks.shape[1]
    if tie_corrected:
        own = np.sqrt((ranks**2).sum(axis=1))
        sizes = np.linalg.norm(lower, axis=1) * own, np.linalg.norm(upper) * own
    else:
        sizes = (np.full(len(ranks), (n**3 - n) / 12),) * 2
    observed = [product / np.where(size > 0, size, np.nan) for product, size in zip(products, sizes, strict=True)]
    spread = np.zeros(subjects.values.shape)
    spread[:, counted] = ranks
    kept = Condensed(spread, np.zeros(len(spread)))
    without = linear_ceilings(LinearPairs(kept.rows(slice(0, 1)), units, counted, centred=True), kept)
    scale = [
        one / np.where(np.abs(whole[0]) > 0, whole[0], np.nan) for one, whole in zip(observed, without, strict=True)
    ]
    lower_all, upper_all = (
        np.concatenate([one[None], whole[1:] * factor])
        for one, whole, factor in zip(observed, without, scale, strict=True)
    )
    return lower_all, upper_all


def _ratio(cross: np.ndarray, left: np.ndarray, right: np.ndarray, n_pairs: int) -> np.ndarray:
    """Return ``cross / sqrt(left right)``; NaN where a side does not vary, in units of rows of unit mean square."""
    floor = CONSTANT * n_pairs
    left, right = np.where(left > floor, left, np.nan), np.where(right > floor, right, np.nan)
    return cross / np.sqrt(left[..., :, None] * right[..., None, :])


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

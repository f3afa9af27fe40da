"""Kendall's tau-a of RDMs: agreements of the order of every two pairs of stimuli, counted exactly."""

from collections.abc import Iterator

import numpy as np

from brainalign.condensed import Condensed
from brainalign.resampling.concordance import Concordance
from brainalign.resampling.condensed_pairs import pair_weights
from brainalign.resampling.pair_scores import PairScores
from brainalign.resampling.weighted_ranks import rank_rows
from brainalign.rounding import mid_ranks

# single precision adds whole numbers exactly up to here
_EXACT = 2**24
_BLOCK_BYTES = 2**27


class SignPairs:
    """Tau-a of every model with every brain, as observed and without each unit, exactly.

    ``sum_(p<q) sign(x_p - x_q) sign(y_p - y_q) / (n (n - 1) / 2)`` over pairs p, q of stimuli. Without a unit, what its
    pairs have with all pairs is taken off, and what they have with each other is put back.

    Parameters
    ----------
    models
        Condensed RDMs ``(n_models, n_pairs)``.
    units, counted
        ``(n_stimuli,)`` unit of each stimulus, and ``(n_pairs,)`` pairs that count.
    """

    def __init__(self, models: Condensed, units: np.ndarray, counted: np.ndarray) -> None:
        self.counted, self.n_units = counted, int(units.max()) + 1
        first, second = (side[counted] for side in np.triu_indices(len(units), 1))
        self._touched = [np.flatnonzero((units[first] == u) | (units[second] == u)) for u in range(self.n_units)]
        self._models, self._constant = self._ranks(models), models.constant

    def scores(self, brains: Condensed, resampled: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Return ``(n_models, n_brains)`` observed and ``(n_units, n_models, n_brains)`` without each unit."""
        observed, without, _, _ = self._agreements(
            self._models, self._ranks(brains.finite("brain")), resampled, majority=False
        )
        hidden = self._constant[:, None] | brains.constant[None]
        return np.where(hidden, np.nan, observed), np.where(hidden, np.nan, without)

    def ceilings(self, brains: Condensed, resampled: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Return lower and upper ceilings ``(n_units + 1, n_brains)``, or of all stimuli only.

        The upper one is the agreement with the order that most brains have of two pairs, for any two: no RDM can agree
        with brains more. The lower one is that of a brain with the mean ranks of the others, those in the whole
        sample.
        """
        ranks = self._ranks(brains)
        pools = mid_ranks(ranks.sum(axis=0) - ranks)
        observed, without, upper, upper_without = self._agreements(pools, ranks, resampled, majority=True)
        own = np.arange(len(ranks))
        lower = np.concatenate([observed[own, own][None], without[:, own, own]])
        return lower, np.concatenate([upper[None], upper_without])

    def _ranks(self, rdms: Condensed) -> np.ndarray:
        return mid_ranks(rdms.values[:, self.counted], rdms.rounding)

    def _agreements(
        self, left: np.ndarray, right: np.ndarray, resampled: bool, majority: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        n = left.shape[1]
        each = np.empty((n, len(left) + majority, len(right)))
        for part, x, y in _signs(left, right, majority):
            each[part] = np.matmul(x.transpose(1, 0, 2), y.transpose(1, 2, 0))
        total, size = each.sum(axis=0), n * (n - 1)
        without = np.empty((self.n_units if resampled else 0, *total.shape))
        for unit in range(len(without)):
            inside = self._touched[unit]
            rows = left[:, inside], right[:, inside]
            among = np.zeros(total.shape)
            for _, x, y in _signs(*rows, majority):
                among += x.reshape(len(x), -1) @ y.reshape(len(y), -1).T
            m = n - len(inside)
            left_over = total - 2 * each[inside].sum(axis=0) + among
            without[unit] = left_over / (m * (m - 1)) if m > 1 else np.nan
        total = total / size
        return (
            total[: len(left)],
            without[:, : len(left)],
            total[-1] if majority else np.empty(0),
            without[:, -1] if majority else np.empty(0),
        )


def sign_scores(
    models: Condensed, subjects: Condensed, counts: np.ndarray, pairs: tuple[np.ndarray, np.ndarray]
) -> PairScores:
    """Return tau-a of every model and subject for every row of stimulus counts ``(n_draws, n_stimuli)``.

    Copies of a stimulus make copies of its pairs, which are tied with each other. Ceilings are those of
    :meth:`SignPairs.ceilings`, with the mean ranks of each sample. Orders of models and subjects are made once for all
    samples (:class:`~brainalign.resampling.concordance.Concordance`).
    """
    left, right = (mid_ranks(rdms.values, rdms.rounding) for rdms in (models, subjects))
    weights = pair_weights(counts, *pairs)
    n = weights.sum(axis=1)
    size = np.where(n >= 2, n * (n - 1) / 2, np.nan)
    scores = np.empty((len(counts), len(left), len(right)))
    for m, x in enumerate(left):
        for s, y in enumerate(right):
            scores[:, m, s] = Concordance(x, y).sums(weights) / size
    hidden = models.constant[:, None] | subjects.constant[None]
    scores = np.where(hidden, np.nan, scores)
    if len(right) < 2:
        return PairScores(scores, None, None)
    upper = _with_majority(right, weights) / size[:, None]
    lower = np.full(upper.shape, np.nan)
    for draw in np.flatnonzero(n >= 2):
        kept = np.flatnonzero(weights[draw])
        y, w = right[:, kept], weights[draw, kept]
        ranks = rank_rows(y, w)
        pools = mid_ranks(ranks.sum(axis=0) - ranks)
        lower[draw] = [Concordance(*both).sums(w[None])[0] for both in zip(pools, y, strict=True)] / size[draw]
    return PairScores(scores, lower, upper)


def _with_majority(ranks: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted sums of agreements with the order of most rows, ``(n_samples, n_rows)``."""
    total = np.zeros((len(weights), len(ranks)))
    single = weights.astype(np.float32)
    for part, ours, theirs in _signs(ranks[:0], ranks, True, np.ones(ranks.shape[1])):
        both = np.triu(np.ones(ours.shape[1:], np.float32), 1)
        agree = ours[0] * theirs * both
        for s, one in enumerate(agree):
            # sums over one entry are whole numbers that single precision holds
            total[:, s] += ((single[:, part] @ one).astype(np.float64) * weights[:, part.start :]).sum(axis=1)
    return total


def majority_agreement(ranks: np.ndarray) -> np.ndarray:
    """Return how much each row agrees with the order that most rows have of two entries, for any two, ``(n_rows,)``."""
    n = ranks.shape[1]
    sums = _weighted_sums(ranks[:0], ranks, np.ones(n), majority=True)
    return sums[0] / (n * (n - 1) / 2)


def _weighted_sums(left: np.ndarray, right: np.ndarray, weights: np.ndarray, majority: bool) -> np.ndarray:
    """Return ``sum_(p<q) w_p w_q sign sign``, ``(n_left (+ 1), n_right)``; the last row is that of the majority."""
    total = np.zeros((len(left) + majority, len(right)))
    for part, x, y in _signs(left, right, majority, weights):
        # each two once: of the entries of a block itself, later ones only
        both = np.triu(weights[part, None] * weights[None, part.start :], 1)
        x *= both.astype(np.float32)
        total += x.reshape(len(x), -1) @ y.reshape(len(y), -1).T
    return total


def _signs(
    left: np.ndarray, right: np.ndarray, majority: bool, weights: np.ndarray | None = None
) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Yield blocks of entries with the signs of their differences, ``(n_left (+ 1), n_block, n)``, and those of right.

    Differences are to all entries, or, with weights, to those from the block on.
    """
    n, size = left.shape[1], len(left) + majority + len(right)
    heaviest, whole = (1.0, float(n)) if weights is None else (float(weights.max(initial=1)), float(weights.sum()))
    width = max(1, min(_BLOCK_BYTES // (4 * size * max(1, n)), int(_EXACT / (heaviest * max(whole, 1)))))
    x, y = (side.astype(np.float32) for side in (left, right))
    for start in range(0, n, width):
        part = slice(start, min(start + width, n))
        to = slice(None) if weights is None else slice(start, None)
        theirs = np.sign(y[:, part, None] - y[:, None, to])
        ours = np.sign(x[:, part, None] - x[:, None, to])
        if majority:
            ours = np.concatenate([ours, np.sign(theirs.sum(axis=0))[None]])
        yield part, ours, theirs

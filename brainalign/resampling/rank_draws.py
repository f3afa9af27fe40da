"""Spearman's correlation and rho-a of weighted RDMs: exact re-ranking of every bootstrap sample."""

import numpy as np

from brainalign.condensed import Condensed
from brainalign.resampling.condensed_pairs import pair_weights
from brainalign.resampling.pair_scores import PairScores, semi_partial
from brainalign.resampling.weighted_ranks import WeightedRanks, rank_rows

_BLOCK_BYTES = 2**28


def rank_scores(
    models: Condensed,
    subjects: Condensed,
    nuisance: Condensed,
    counts: np.ndarray,
    pairs: tuple[np.ndarray, np.ndarray],
    tie_corrected: bool,
) -> PairScores:
    """Score every model against every subject for every row of stimulus counts.

    Equation: with centred mid-ranks ``a``, ``b`` of the expanded sample of ``n = sum w`` pairs, Spearman is
    ``sum w a b / sqrt(sum w a^2 sum w b^2)`` and rho-a ``12 sum w a b / (n^3 - n)``.

    Parameters
    ----------
    models, subjects, nuisance
        ``(n_models, n_pairs)``, ``(n_subjects, n_pairs)``, ``(n_nuisance, n_pairs)``; nuisance may be empty. Values of
        an RDM that are closer than its rounding error are tied.
    counts
        ``(n_draws, n_stimuli)``.
    pairs
        Indices of the first and second stimulus of each pair.
    tie_corrected
        ``True`` for Spearman, ``False`` for rho-a, its expectation under random breaking of ties.

    Returns
    -------
    PairScores
        Scores ``(n_draws, n_models, n_subjects)`` and ceilings.
    """
    n_subjects, n_nuisance = len(subjects), len(nuisance)
    right = subjects.joined(nuisance)
    right_ranks = WeightedRanks(right.values, right.rounding)
    scores = np.full((len(counts), len(models), n_subjects), np.nan)
    ceilings = np.full((2, len(counts), n_subjects), np.nan) if n_subjects > 1 else None
    rows = max(1, _BLOCK_BYTES // (64 * models.values.shape[1]))
    for start in range(0, len(models), rows):
        block = slice(start, start + rows)
        left = models.rows(block).joined(nuisance)
        left_ranks = WeightedRanks(left.values, left.rounding)
        for draw, count in enumerate(counts):
            weights = pair_weights(count, *pairs)
            b = right_ranks.centred(weights)
            scores[draw, block] = _score(left_ranks.centred(weights), b, weights, n_nuisance, tie_corrected)
            if ceilings is not None and start == 0:
                ceilings[:, draw] = _ceilings(b[:n_subjects], weights, tie_corrected)
    if ceilings is None:
        return PairScores(scores, None, None)
    return PairScores(scores, ceilings[0], ceilings[1])


def _score(a: np.ndarray, b: np.ndarray, weights: np.ndarray, n_nuisance: int, tie_corrected: bool) -> np.ndarray:
    weighted = b * weights
    cross = a @ weighted.T
    if not tie_corrected:
        n = weights.sum()
        return 12 * cross / (n**3 - n) if n > 1 else np.full_like(cross, np.nan)
    return semi_partial(cross, np.square(a) @ weights, (weighted * b).sum(axis=1), n_nuisance)


def _ceilings(ranks: np.ndarray, weights: np.ndarray, tie_corrected: bool) -> np.ndarray:
    # centred ranks are multiples of 1/2, so their sums are exact and ties of the pool are found
    kept = weights > 0
    ranks, weights = ranks[:, kept], weights[kept]
    total = ranks.sum(axis=0, keepdims=True)
    lower = rank_rows(total - ranks, weights)
    upper = rank_rows(total, weights)
    weighted = ranks * weights
    products = np.stack([(lower * weighted).sum(axis=1), (upper * weighted).sum(axis=1)])
    if not tie_corrected:
        n = weights.sum()
        return 12 * products / (n**3 - n) if n > 1 else np.full_like(products, np.nan)
    pools = np.stack([np.square(lower) @ weights, np.repeat(np.square(upper) @ weights, len(ranks))])
    size = np.sqrt(pools * (weighted * ranks).sum(axis=1))
    return products / np.where(size > 0, size, np.nan)

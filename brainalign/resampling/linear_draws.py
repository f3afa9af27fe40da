"""Weighted Pearson correlation and cosine of all models, subjects and draws, from a few matrix products."""

from typing import Any

import numpy as np

from brainalign.computing import get, put
from brainalign.condensed import Condensed
from brainalign.resampling.condensed_pairs import pair_weights
from brainalign.resampling.pair_scores import PairScores, group_ceilings, semi_partial

_BLOCK_BYTES = 2**28


def linear_scores(
    models: Condensed,
    subjects: Condensed,
    nuisance: Condensed,
    counts: np.ndarray,
    pairs: tuple[np.ndarray, np.ndarray],
    centred: bool,
) -> PairScores:
    """Score every model against every subject for every row of stimulus counts.

    Equation: with pair weights ``w``, ``r = cov_w(m, s) / sqrt(var_w(m) var_w(s))``; the weighted sums
    ``sum_p w_p m_p s_p`` of all draws are one product ``W (M * S)'``.

    Parameters
    ----------
    models, subjects, nuisance
        ``(n_models, n_pairs)``, ``(n_subjects, n_pairs)``, ``(n_nuisance, n_pairs)``; nuisance may be empty.
    counts
        ``(n_draws, n_stimuli)``.
    pairs
        Indices of the first and second stimulus of each pair.
    centred
        ``True`` for Pearson correlation, ``False`` for cosine.

    Returns
    -------
    PairScores
        Scores ``(n_draws, n_models, n_subjects)`` and ceilings.
    """
    # standardising first keeps the weighted second moments free of cancellation
    model_rows, subject_rows, nuisance_rows = (_standardise(rdms, centred) for rdms in (models, subjects, nuisance))
    left, right = np.concatenate([model_rows, nuisance_rows]), np.concatenate([subject_rows, nuisance_rows])
    n_draws, n_subjects = len(counts), len(subjects)
    sizes = ((), (len(left),), (len(right),), (len(left),), (len(right),), (len(left), len(right)), (n_subjects,) * 2)
    moments = [put(np.zeros((n_draws, *size))) for size in sizes]
    total, sums_left, sums_right, squares_left, squares_right, cross, gram = moments
    left, right, subject_rows = put(left), put(right), put(subject_rows)
    for columns in _blocks(left.shape[1], len(counts) + 2 * (len(left) + n_subjects) * len(right)):
        weights = put(pair_weights(counts, pairs[0][columns], pairs[1][columns]))
        x, y, s = left[:, columns], right[:, columns], subject_rows[:, columns]
        total += weights.sum(1)
        sums_left += weights @ x.T
        sums_right += weights @ y.T
        squares_left += weights @ (x**2).T
        squares_right += weights @ (y**2).T
        cross += _products(weights, x, y)
        gram += _products(weights, s, s)
    total, sums_left, sums_right, squares_left, squares_right, cross, gram = map(get, moments)
    if centred:
        # a draw of one stimulus alone has no pair, hence no score
        scale = 1 / np.where(total > 0, total, np.nan)[:, None]
        cross -= sums_left[:, :, None] * (sums_right * scale)[:, None, :]
        own = sums_right[:, :n_subjects]
        gram -= own[:, :, None] * (own * scale)[:, None, :]
        squares_left -= sums_left**2 * scale
        squares_right -= sums_right**2 * scale
    return _finish(cross, squares_left, squares_right, gram, len(nuisance))


def _finish(
    cross: np.ndarray, squares_left: np.ndarray, squares_right: np.ndarray, gram: np.ndarray, n_nuisance: int
) -> PairScores:
    scores = semi_partial(cross, squares_left, squares_right, n_nuisance)
    lower, upper = group_ceilings(gram) if gram.shape[1] > 1 else (None, None)
    return PairScores(scores, lower, upper)


def _products(weights: Any, x: Any, y: Any) -> Any:
    products = (x[:, None, :] * y[None, :, :]).reshape(-1, x.shape[1])
    return (weights @ products.T).reshape(len(weights), len(x), len(y))


def _standardise(rdms: Condensed, centred: bool) -> np.ndarray:
    """Return rows of unit mean square; zeros where an RDM is constant (for the cosine: zero) but for rounding."""
    values = rdms.values
    varies = ~rdms.constant if centred else np.abs(values).max(axis=1, initial=0.0) > rdms.rounding
    values = values - values.mean(axis=1, keepdims=True) if centred else values
    size = np.sqrt((values**2).mean(axis=1, keepdims=True))
    return np.where(varies[:, None], values / np.where(size > 0, size, 1), 0.0)


def _blocks(n_pairs: int, values_per_pair: int) -> list[slice]:
    width = max(1, _BLOCK_BYTES // (8 * values_per_pair))
    return [slice(start, min(start + width, n_pairs)) for start in range(0, n_pairs, width)]

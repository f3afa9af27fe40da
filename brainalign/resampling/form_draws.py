"""Scores that rest on a form of pairs and rows, of all models, subjects and draws."""

import numpy as np

from brainalign.condensed import Condensed
from brainalign.resampling.pair_form import PairForm
from brainalign.resampling.pair_scores import PairScores, group_ceilings, semi_partial
from brainalign.whitening import squares

_BLOCK_BYTES = 2**28


def form_scores(
    models: Condensed, subjects: Condensed, nuisance: Condensed, form: PairForm, centred: bool
) -> PairScores:
    """Score every model against every subject for every sample of a form.

    Parameters
    ----------
    models, subjects, nuisance
        ``(n_models, n_pairs)``, ``(n_subjects, n_pairs)``, ``(n_nuisance, n_pairs)``; nuisance may be empty.
    form
        The inner product, with the counts of stimuli of each sample.
    centred
        Whether the mean of each RDM over the pairs of a sample is taken out.
    """
    n_stimuli, n_subjects = form.counts.shape[1], len(subjects)
    rows = [standardised(rdms, centred or form.offset_free) for rdms in (models, subjects, nuisance)]
    ones = np.ones((1 if centred and not form.offset_free else 0, rows[0].shape[1]))
    left, right = np.concatenate([rows[0], rows[2], ones]), np.concatenate([rows[1], rows[2], ones])
    cross = _products(left, right, form, n_stimuli)
    square_left, square_right = (_own(side, form, n_stimuli) for side in (left, right))
    gram = _products(rows[1], rows[1], form, n_stimuli)
    if len(ones):
        means = [_means(side, form.counts, n_stimuli) for side in (left, right, rows[1])]
        own_left, own_right = (_products(side, ones, form, n_stimuli)[..., 0] for side in (left, right))
        flat = own_left[:, -1:]
        gram = _less_means(gram, means[2], means[2], own_right[:, :n_subjects], own_right[:, :n_subjects], flat)
        cross = _less_means(cross, means[0], means[1], own_left, own_right, flat)[:, :-1, :-1]
        square_left = (square_left - 2 * means[0] * own_left + means[0] ** 2 * flat)[:, :-1]
        square_right = (square_right - 2 * means[1] * own_right + means[1] ** 2 * flat)[:, :-1]
    scores = semi_partial(cross, square_left, square_right, len(nuisance))
    lower, upper = group_ceilings(gram) if n_subjects > 1 else (None, None)
    return PairScores(scores, lower, upper)


def standardised(rdms: Condensed, centred: bool) -> np.ndarray:
    """Return rows of unit mean square, centred if asked; zeros where an RDM does not vary but for rounding."""
    values = rdms.values
    varies = ~rdms.constant if centred else np.abs(values).max(axis=1, initial=0.0) > rdms.rounding
    values = values - values.mean(axis=1, keepdims=True) if centred else values
    size = np.sqrt((values**2).mean(axis=1, keepdims=True))
    return np.where(varies[:, None], values / np.where(size > 0, size, 1), 0.0)


def _less_means(
    products: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    one_left: np.ndarray,
    one_right: np.ndarray,
    flat: np.ndarray,
) -> np.ndarray:
    """Return products of RDMs less their means, given products with an RDM of ones, ``flat`` its own."""
    return (
        products
        - left[:, :, None] * one_right[:, None, :]
        - one_left[:, :, None] * right[:, None, :]
        + left[:, :, None] * right[:, None, :] * flat[:, :, None]
    )


def _means(rows: np.ndarray, counts: np.ndarray, n_stimuli: int) -> np.ndarray:
    """Return the mean of each RDM over the pairs of each sample, ``(n_draws, n_rows)``."""
    first, second = np.triu_indices(n_stimuli, 1)
    weights = counts[:, first].astype(np.float64) * counts[:, second]
    total = weights.sum(axis=1, keepdims=True)
    return weights @ rows.T / np.where(total > 0, total, np.nan)


def _row_sums(rows: np.ndarray, counts: np.ndarray, n_stimuli: int) -> np.ndarray:
    """Return ``(n_draws, n_rows, n_stimuli)``."""
    return np.matmul(counts.astype(np.float64), squares(rows, n_stimuli)).transpose(1, 0, 2)


def _products(left: np.ndarray, right: np.ndarray, form: PairForm, n_stimuli: int) -> np.ndarray:
    """Return ``Q`` of every left and right row, ``(n_draws, n_left, n_right)``."""
    found = np.zeros((len(form.counts), len(left), len(right)))
    first, second = np.triu_indices(n_stimuli, 1)
    width = max(1, _BLOCK_BYTES // (8 * (len(form.counts) + len(left) * len(right))))
    for start in range(0, len(first), width):
        part = slice(start, start + width)
        both = (left[:, None, part] * right[None, :, part]).reshape(len(left) * len(right), -1)
        found += (form.pair_weights(first[part], second[part]) @ both.T).reshape(found.shape)
    of_rows, functionals, inner = form.of_rows()
    r, s = (_row_sums(side, form.counts, n_stimuli) for side in (left, right))
    found += np.matmul(r * of_rows[:, None], s.transpose(0, 2, 1))
    v, w = (np.matmul(side, functionals.transpose(0, 2, 1)) for side in (r, s))
    return found + np.matmul(np.matmul(v, inner), w.transpose(0, 2, 1))


def _own(rows: np.ndarray, form: PairForm, n_stimuli: int) -> np.ndarray:
    """Return ``Q`` of every row with itself, ``(n_draws, n_rows)``."""
    found = np.zeros((len(form.counts), len(rows)))
    first, second = np.triu_indices(n_stimuli, 1)
    width = max(1, _BLOCK_BYTES // (8 * (len(form.counts) + len(rows))))
    for start in range(0, len(first), width):
        part = slice(start, start + width)
        found += form.pair_weights(first[part], second[part]) @ (rows[:, part] ** 2).T
    of_rows, functionals, inner = form.of_rows()
    r = _row_sums(rows, form.counts, n_stimuli)
    found += np.einsum("dma,da->dm", r**2, of_rows)
    v = np.matmul(r, functionals.transpose(0, 2, 1))
    return found + np.einsum("dmf,dfg,dmg->dm", v, inner, v)

"""What is left out at a time, and noise ceilings without it."""

from functools import partial

import numpy as np

from brainalign.condensed import Condensed
from brainalign.resampling.category_pairs import CategoryPairs, OnePair
from brainalign.resampling.condensed_pairs import WHITENED, check_each_pair
from brainalign.resampling.form_pairs import FormPairs
from brainalign.resampling.linear_pairs import LinearPairs
from brainalign.resampling.pair_scores import group_ceilings
from brainalign.resampling.ranked_pairs import RankedPairs
from brainalign.resampling.sign_pairs import SignPairs
from brainalign.resampling.weighted_ranks import rank_rows
from brainalign.resampling.whitened_form import WhitenedForm

#: How samples without each unit are scored, by comparator.
LeftOutPairs = LinearPairs | RankedPairs | FormPairs | SignPairs | CategoryPairs


def units_of(groups: np.ndarray | None, n_stimuli: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the unit of each stimulus, ``(n_stimuli,)`` from 0, and which pairs count, ``(n_pairs,)``.

    Stimuli of one group are one unit: they are left out together, and their pairs with each other never count.
    """
    units = np.arange(n_stimuli) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1].ravel()
    first, second = np.triu_indices(n_stimuli, 1)
    return units, units[first] != units[second]


def left_out_pairs(
    method: str,
    models: Condensed,
    units: np.ndarray,
    counted: np.ndarray,
    nuisance: Condensed | None = None,
    categories: np.ndarray | None = None,
) -> LeftOutPairs:
    """Return what scores ``models`` by a comparator, as observed and without each unit.

    With ``categories`` ``(n_stimuli,)``, from 0, each category is scored alone (:class:`CategoryPairs`).

    Raises
    ------
    DataError
        If a model holds NaN or infinity.
    SpecError
        If the comparator needs every pair of stimuli, and some do not count.
    """
    models.finite("model")
    if categories is not None:
        return CategoryPairs(models, units, counted, categories, partial(_of_one, method), nuisance)
    return _of_one(method, models, units, counted, nuisance)


def _of_one(
    method: str, models: Condensed, units: np.ndarray, counted: np.ndarray, nuisance: Condensed | None = None
) -> OnePair:
    if method in ("corr", "cosine"):
        return LinearPairs(models, units, counted, method == "corr", nuisance)
    if method in WHITENED:
        check_each_pair(method, bool(counted.all()))
        return FormPairs(models, len(units), WhitenedForm, method == "corr_cov", nuisance)
    if method == "tau-a":
        return SignPairs(models, units, counted)
    return RankedPairs(models, units, counted, method == "spearman", nuisance)


def left_out_ceilings(
    pairs: LeftOutPairs, subjects: Condensed, units: np.ndarray, counted: np.ndarray, resampled: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Return lower and upper ceilings ``(n_units + 1, n_subjects)``, or of all stimuli only: ``(1, n_subjects)``."""
    if isinstance(pairs, CategoryPairs):
        return pairs.ceilings(subjects, left_out_ceilings, resampled)
    if isinstance(pairs, SignPairs):
        return pairs.ceilings(subjects, resampled)
    if isinstance(pairs, RankedPairs):
        return ranked_ceilings(subjects, units, counted, pairs.tie_corrected, resampled)
    return linear_ceilings(pairs, subjects, resampled)


def linear_ceilings(
    pairs: LinearPairs | FormPairs, subjects: Condensed, resampled: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Return lower and upper ceilings ``(n_units + 1, n_subjects)``: of all stimuli, then without each unit."""
    return group_ceilings(pairs.grams(subjects, resampled))


def ranked_ceilings(
    subjects: Condensed, units: np.ndarray, counted: np.ndarray, tie_corrected: bool, resampled: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Return lower and upper ceilings ``(n_units + 1, n_subjects)`` of ranked RDMs.

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
    if not resampled:
        return observed[0][None], observed[1][None]
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

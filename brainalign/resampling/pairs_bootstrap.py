"""Bootstrap of condensed RDMs over stimuli, for many models and subjects at once."""

from collections.abc import Sequence

import numpy as np

from brainalign.condensed import Condensed
from brainalign.errors import SpecError
from brainalign.resampling.category_pairs import of_each
from brainalign.resampling.condensed_pairs import (
    WHITENED,
    align_pairs,
    check_each_pair,
    check_method,
    n_stimuli_of,
)
from brainalign.resampling.draw_units import draw_stimuli, draw_subjects
from brainalign.resampling.form_draws import form_scores
from brainalign.resampling.linear_draws import linear_scores
from brainalign.resampling.pair_scores import PairScores
from brainalign.resampling.rank_draws import rank_scores
from brainalign.resampling.score_draws import ScoreDraws
from brainalign.resampling.sign_pairs import sign_scores
from brainalign.resampling.unbiased_form import UnbiasedForm
from brainalign.resampling.whitened_form import WhitenedForm

#: Debiased linear CKA, as an inner product of squared Euclidean distances; a measure and no comparator of RDMs.
CKA = "linear_cka"


def bootstrap_pairs(
    models: Condensed | np.ndarray,
    subjects: Condensed | np.ndarray,
    method: str,
    n_draws: int,
    seed: int,
    nuisance: Condensed | np.ndarray | None = None,
    groups: Sequence[str | int] | np.ndarray | None = None,
    categories: np.ndarray | None = None,
) -> ScoreDraws:
    """Do what ``bootstrap_rsa`` of the inference room does with condensed RDMs whose stimuli are in one order.

    ``groups`` are labels in that order. With ``categories`` ``(n_stimuli,)``, from 0, stimuli are drawn within each and
    scores are the mean over categories (:class:`~brainalign.resampling.category_pairs.CategoryPairs`). A pair that is
    NaN in every RDM is left out; one that is NaN in some, or infinite, raises :class:`DataError`.
    """
    if method != CKA:
        check_method(method, nuisance is not None)
    if n_draws < 2:
        msg = f"n_draws = {n_draws}, expected at least 2; use 1000 for figures."
        raise SpecError(msg)
    models, subjects = Condensed.of(models), Condensed.of(subjects)
    held = Condensed.of(np.empty((0, models.values.shape[1])) if nuisance is None else nuisance)
    counts, n_units, n_strata = draw_stimuli(n_stimuli_of(models.values.shape[1]), n_draws, seed, groups, categories)
    # row 0 is the sample as it is
    all_counts = np.concatenate([np.ones((1, counts.shape[1]), counts.dtype), counts])
    found, sizes = [], []
    for members, pairs in [(slice(None), slice(None))] if categories is None else of_each(categories):
        (ours, theirs, nuisance_rdms), first, second, n_stimuli = align_pairs(
            *(one.pairs(pairs) for one in (models, subjects, held))
        )
        if method in (*WHITENED, CKA):
            own = None if groups is None else np.asarray(groups)[members]
            all_count = ours.values.shape[1] == n_stimuli * (n_stimuli - 1) // 2
            check_each_pair(method, all_count and (own is None or len(set(own.tolist())) == n_stimuli))
        found.append(score_counts(ours, theirs, nuisance_rdms, all_counts[:, members], (first, second), method))
        sizes.append(len(first))
    result = found[0] if categories is None else _mean(found, sizes)
    lower, upper = result.lower, result.upper
    return ScoreDraws(
        observed=result.scores[0],
        draws=result.scores[1:],
        stimulus_counts=counts,
        subject_resamples=draw_subjects(len(subjects), n_draws, seed),
        n_units=n_units,
        n_strata=n_strata,
        ceiling_lower=None if lower is None else lower[1:],
        ceiling_upper=None if upper is None else upper[1:],
        ceiling_lower_observed=None if lower is None else lower[0],
        ceiling_upper_observed=None if upper is None else upper[0],
    )


def _mean(parts: Sequence[PairScores], sizes: Sequence[int]) -> PairScores:
    """Return the mean of scores of several categories, weighted by their pairs."""
    weights = np.array(sizes) / sum(sizes)
    lower, upper = ([getattr(one, name) for one in parts] for name in ("lower", "upper"))
    return PairScores(
        np.tensordot(weights, [one.scores for one in parts], axes=1),
        None if lower[0] is None else np.tensordot(weights, lower, axes=1),
        None if upper[0] is None else np.tensordot(weights, upper, axes=1),
    )


def score_counts(
    models: Condensed,
    subjects: Condensed,
    nuisance: Condensed,
    counts: np.ndarray,
    pairs: tuple[np.ndarray, np.ndarray],
    method: str,
) -> PairScores:
    """Score every model against every subject for given stimulus counts ``(n_draws, n_stimuli)``."""
    if method in ("corr", "cosine"):
        return linear_scores(models, subjects, nuisance, counts, pairs, centred=method == "corr")
    if method in WHITENED:
        return form_scores(models, subjects, nuisance, WhitenedForm(counts), centred=method == "corr_cov")
    if method == CKA:
        return form_scores(models, subjects, nuisance, UnbiasedForm(counts), centred=False)
    if method == "tau-a":
        return sign_scores(models, subjects, counts, pairs)
    return rank_scores(models, subjects, nuisance, counts, pairs, tie_corrected=method == "spearman")

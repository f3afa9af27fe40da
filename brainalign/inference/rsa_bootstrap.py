"""Bootstrap of representational similarity over stimuli, for many models and subjects at once."""

from collections.abc import Mapping, Sequence

import numpy as np

from brainalign.comparisons.condensed import Condensed
from brainalign.errors import SpecError
from brainalign.inference.condensed_pairs import align_pairs, check_method
from brainalign.inference.linear_draws import linear_scores
from brainalign.inference.pair_scores import PairScores
from brainalign.inference.rank_draws import rank_scores
from brainalign.inference.resampling import draw_stimuli, draw_subjects, labels_of
from brainalign.inference.score_draws import ScoreDraws
from brainalign.rdms import RDMs, by_subject, match


def bootstrap_rsa(
    models: RDMs,
    subjects: RDMs,
    method: str,
    n_draws: int,
    seed: int,
    nuisance: RDMs | None = None,
    groups: Mapping[str, str | int] | None = None,
) -> ScoreDraws:
    """Score model RDMs against subject RDMs, as observed and for bootstrap samples of stimuli.

    RDMs are joined on stimulus ids. Subject RDMs under one descriptor ``"subject"`` are averaged first: sessions of one
    person are not people.

    A bootstrap sample of stimuli with counts ``c`` gives the pair (i, j), i != j, the weight ``c_i c_j``;
    pairs of a stimulus with its own copy are dropped (Schuett et al. 2023, eLife 12:e82566). The result
    equals expanding the RDMs, at a fraction of the cost. Noise ceilings (leave-one-subject-out and full pool;
    Nili et al. 2014) are computed for every draw when there are two subjects or more.

    Parameters
    ----------
    models, subjects
        RDMs over the same stimuli, in any order.
    method
        ``"corr"``, ``"cosine"``, ``"spearman"`` or ``"rho-a"``.
    n_draws
        Bootstrap samples; 1000 for figures, 200 for simulations.
    seed
        Seed of the draws.
    nuisance
        RDMs removed from every model: scores become semi-partial correlations (``"corr"`` and ``"spearman"`` only).
        Ceilings are those of the subjects' whole RDMs.
    groups
        Stimulus id to cluster label; clusters are drawn instead of stimuli.

    Returns
    -------
    ScoreDraws
        Scores are NaN where a model or subject RDM is constant but for rounding.

    Raises
    ------
    SpecError
        If the method is unknown or cannot be bootstrapped, or there are too few stimuli or draws.
    StimulusMismatchError
        If stimuli differ, or one has no group.
    """
    subjects = by_subject(subjects)
    ids = subjects.stimulus_ids
    labels = None if groups is None else labels_of(groups, ids)
    held = None if nuisance is None else Condensed.of(match(subjects, nuisance)[1])
    rows = Condensed.of(match(subjects, models)[1])
    return bootstrap_pairs(rows, Condensed.of(subjects), method, n_draws, seed, held, labels)


def bootstrap_pairs(
    models: Condensed | np.ndarray,
    subjects: Condensed | np.ndarray,
    method: str,
    n_draws: int,
    seed: int,
    nuisance: Condensed | np.ndarray | None = None,
    groups: Sequence[str | int] | np.ndarray | None = None,
) -> ScoreDraws:
    """Do what :func:`bootstrap_rsa` does with condensed RDMs ``(n_rdms, n_pairs)`` whose stimuli are in one order.

    ``groups`` are labels in that order. A pair that is NaN in every RDM is left out; one that is NaN in some, or
    infinite, raises :class:`DataError`.
    """
    check_method(method, nuisance is not None)
    if n_draws < 2:
        msg = f"n_draws = {n_draws}, expected at least 2; use 1000 for figures."
        raise SpecError(msg)
    models, subjects = Condensed.of(models), Condensed.of(subjects)
    held = Condensed.of(np.empty((0, models.values.shape[1])) if nuisance is None else nuisance)
    (model_rdms, subject_rdms, nuisance_rdms), first, second, n_stimuli = align_pairs(models, subjects, held)
    counts, n_units, _ = draw_stimuli(n_stimuli, n_draws, seed, groups)
    # row 0 is the sample as it is
    all_counts = np.concatenate([np.ones((1, n_stimuli), counts.dtype), counts])
    result = score_counts(model_rdms, subject_rdms, nuisance_rdms, all_counts, (first, second), method)
    lower, upper = result.lower, result.upper
    return ScoreDraws(
        observed=result.scores[0],
        draws=result.scores[1:],
        stimulus_counts=counts,
        subject_resamples=draw_subjects(len(subject_rdms), n_draws, seed),
        n_units=n_units,
        ceiling_lower=None if lower is None else lower[1:],
        ceiling_upper=None if upper is None else upper[1:],
        ceiling_lower_observed=None if lower is None else lower[0],
        ceiling_upper_observed=None if upper is None else upper[0],
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
    return rank_scores(models, subjects, nuisance, counts, pairs, tie_corrected=method == "spearman")

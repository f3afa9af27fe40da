"""Two-factor (subject by stimulus) variance of a score or of a difference of scores."""

import numpy as np

from brainalign.inference.scope import Scope
from brainalign.inference.score_variance import ScoreVariance


def two_factor_variance(
    both: np.ndarray | float,
    subjects: np.ndarray | float,
    stimuli: np.ndarray | float,
    factor_subjects: float,
    factor_stimuli: float,
) -> np.ndarray:
    """Return the corrected variance of the two-factor bootstrap.

    Equation (Schuett et al. 2023, eLife 12:e82566): ``V = f_r V_r + f_p V_p - f_r f_p (V_rp - V_r - V_p)``
    with ``f_r = N/(N-1)``, ``f_p = K/(K-1)``, kept between ``max(f_r V_r, f_p V_p)`` and ``V_rp``. The plain
    ``V_rp`` counts measurement noise several times and is too large. The lower limit makes the
    variance conservative where measurement noise outweighs differences between subjects and stimuli.

    Parameters
    ----------
    both, subjects, stimuli
        Bootstrap variances over both factors ``V_rp``, subjects ``V_r``, and stimuli ``V_p``; arrays of one
        shape.
    factor_subjects, factor_stimuli
        Small-sample factors ``f_r`` and ``f_p``.

    Returns
    -------
    numpy.ndarray
        Variance, same shape.
    """
    by_subjects, by_stimuli = factor_subjects * np.asarray(subjects), factor_stimuli * np.asarray(stimuli)
    interaction = np.asarray(both) - subjects - stimuli
    corrected = by_subjects + by_stimuli - factor_subjects * factor_stimuli * interaction
    corrected = np.maximum(np.maximum(corrected, by_subjects), by_stimuli)
    return np.minimum(corrected, both)


def score_variance(
    observed: np.ndarray, draws: np.ndarray, scope: Scope, n_units: int, n_strata: int = 1
) -> ScoreVariance:
    """Return the variance of a mean over subjects under ``scope``.

    ``V_r`` is the variance of the observed scores over subjects divided by N, ``V_p`` the variance over
    stimulus draws, and ``V_rp = V_p + mean_draws var_subjects / N``: the expectation over all resamples of
    subjects, which needs no random subject indices. With subjects fixed ``V = f_p V_p``; with stimuli fixed
    ``V = f_r V_r``.

    Parameters
    ----------
    observed
        ``(n_subjects,)`` scores or differences of scores of the sample as it is.
    draws
        ``(n_draws, n_subjects)`` the same for bootstrap samples of stimuli.
    scope
        What is random.
    n_units
        Stimuli, or clusters, that were resampled.
    n_strata
        Strata within which they were resampled: ``f_p = K / (K - n_strata)``.

    Returns
    -------
    ScoreVariance
        NaN if a score is not finite or fewer than half of the draws are.
    """
    n_subjects = len(observed)
    usable = draws[np.isfinite(draws).all(axis=1)]
    if not np.isfinite(observed).all() or 2 * len(usable) < len(draws):
        return ScoreVariance(np.nan, np.nan, np.nan, np.nan)
    factor_subjects = n_subjects / (n_subjects - 1) if n_subjects > 1 else 1.0
    factor_stimuli = n_units / (n_units - n_strata)
    by_subjects = float(observed.var()) / n_subjects
    # without draws stimuli must be fixed: subjects that were scored each on stimuli of its own
    drawn = len(usable) > 1
    by_stimuli = float(usable.mean(axis=1).var(ddof=1)) if drawn else np.nan
    both = by_stimuli + float(usable.var(axis=1).mean()) / n_subjects if drawn else np.nan
    subjects_random, stimuli_random = scope.subjects == "random" and n_subjects > 1, scope.stimuli == "random"
    if subjects_random and stimuli_random:
        total = float(two_factor_variance(both, by_subjects, by_stimuli, factor_subjects, factor_stimuli))
        dof = float(min(n_subjects - 1, n_units - n_strata))
    elif subjects_random:
        total, dof = factor_subjects * by_subjects, float(n_subjects - 1)
    elif stimuli_random:
        total, dof = factor_stimuli * by_stimuli, float(n_units - n_strata)
    else:
        total, dof = 0.0, np.inf
    return ScoreVariance(
        total=total,
        subjects=factor_subjects * by_subjects if subjects_random else np.nan,
        stimuli=factor_stimuli * by_stimuli if stimuli_random else np.nan,
        dof=dof,
    )

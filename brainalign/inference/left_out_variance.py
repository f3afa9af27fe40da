"""Variance of a mean score, or of a difference of two, from the scores without each stimulus."""

import numpy as np

from brainalign.inference.scope import Scope
from brainalign.inference.score_variance import ScoreVariance
from brainalign.inference.variance_components import VarianceComponents


def left_out_variance(
    scores: np.ndarray, without: np.ndarray, scope: Scope, n_strata: int = 1, training: np.ndarray | None = None
) -> ScoreVariance:
    """Return the variance of the mean over seeds and subjects; each factor and interaction counts once.

    Parameters
    ----------
    scores
        ``(n_seeds, n_subjects)``.
    without
        ``(n_units, n_seeds, n_subjects)``.
    scope
        What is random.
    n_strata
        Strata within which stimuli were drawn (folds of an encoding model): ``K - n_strata`` degrees of freedom.
    training
        ``(n_units, n_seeds, n_subjects)`` scores without each unit in training, of an encoding model.

    Returns
    -------
    ScoreVariance
        With ``total`` over all random factors, seeds included; NaN where a score is not finite. See
        :class:`~brainalign.inference.variance_components.VarianceComponents` for the equation.
    """
    return VarianceComponents.of(scores, without, n_strata, training).under(scope)

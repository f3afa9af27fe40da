"""Scores of predictions for stimuli that were held out, with those of samples of the stimuli."""

import numpy as np

from brainalign.resampling.predictions_bootstrap import bootstrap_predictions
from brainalign.resampling.predictions_left_out import predictions_left_out
from brainalign.resampling.samples import Samples
from brainalign.resampling.score_draws import ScoreDraws


def held_out_scores(
    predictions: np.ndarray,
    targets: np.ndarray,
    folds: np.ndarray,
    units: np.ndarray,
    samples: Samples,
    groups: tuple[int, ...] | None = None,
) -> ScoreDraws:
    """Return the mean over targets of the correlation within folds, as one model and one subject.

    Parameters
    ----------
    predictions, targets
        ``(n_stimuli, n_targets)``.
    folds, units
        ``(n_stimuli,)`` test fold, and unit from 0; a unit lies in one fold.
    samples
        Which samples of the stimuli.
    groups
        ``(n_stimuli,)`` what bootstrap samples draw, each stimulus for itself unless given.
    """
    if samples.kind == "bootstrap":
        return bootstrap_predictions(predictions[None], targets, folds, samples.n_draws, samples.seed, groups)
    observed, without = predictions_left_out(predictions, targets, folds, units)
    without = without if samples.kind == "leave_one_out" else without[:0]
    n_folds = len(np.unique(folds))
    return ScoreDraws.without_each(np.array([[observed]]), without[:, None, None], units, n_folds)

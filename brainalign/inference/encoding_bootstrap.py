"""Bootstrap of encoding-model scores over stimuli, within cross-validation folds."""

from collections.abc import Mapping, Sequence

import numpy as np

from brainalign.comparisons.encoding_scores import EncodingScores
from brainalign.errors import SpecError
from brainalign.patterns import Patterns
from brainalign.resampling.draw_units import labels_of
from brainalign.resampling.predictions_bootstrap import bootstrap_predictions
from brainalign.resampling.score_draws import ScoreDraws


def bootstrap_encoding(
    fitted: Sequence[EncodingScores],
    responses: Patterns,
    n_draws: int,
    seed: int,
    groups: Mapping[str, str | int] | None = None,
) -> ScoreDraws:
    """Score held-out predictions of many models for one subject, with a bootstrap of the test stimuli.

    Equation: ``score = mean_targets tanh(mean_folds atanh r_ft)`` with ``r_ft`` the correlation of prediction
    and response within fold f, weighted by how often each stimulus was drawn. Pooling folds before
    correlating would bias the score downwards. Stimuli are drawn within folds and nothing is fitted again, so
    that the variance is conditional on the fitted folds: it leaves out how the fit depends on the training
    stimuli.

    Parameters
    ----------
    fitted
        What :meth:`brainalign.comparisons.encoding.Encoding.score` returned for each model.
    responses
        ``(n_stimuli, n_targets)``, one row per stimulus, as they were given to it, in any order.
    n_draws
        Bootstrap samples.
    seed
        Equal seeds, stimuli and folds give equal draws, so that subjects can be stacked
        (:meth:`ScoreDraws.stack_subjects`).
    groups
        Stimulus id to cluster label; clusters are drawn within folds.

    Returns
    -------
    ScoreDraws
        One subject, no ceiling. A correlation with a constant prediction or response counts as 0; within-fold
        correlations are limited to ±0.999.

    Raises
    ------
    SpecError
        If models were not fitted on the same stimuli and folds, a fold is too small, or a group spans folds.
    StimulusMismatchError
        If a stimulus has no response or no group.
    """
    if not fitted:
        msg = "bootstrap_encoding got no model; give the scores of at least one."
        raise SpecError(msg)
    first = fitted[0]
    for number, one in enumerate(fitted):
        if one.stimulus_ids != first.stimulus_ids or not np.array_equal(one.folds, first.folds):
            msg = f"Model {number} was fitted on other stimuli or folds than model 0; fit all on the same responses."
            raise SpecError(msg)
    labels = None if groups is None else labels_of(groups, first.stimulus_ids)
    predictions = np.stack([one.predictions for one in fitted])
    return bootstrap_predictions(predictions, responses.rows(first.stimulus_ids), first.folds, n_draws, seed, labels)

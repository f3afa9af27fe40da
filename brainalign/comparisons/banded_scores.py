"""What a model of several feature spaces predicted, and which space it owes that to."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class BandedScores:
    """Held-out predictions of a banded ridge model, and scores of each target.

    Parameters
    ----------
    predictions
        ``(n_stimuli, n_targets)``.
    folds
        ``(n_stimuli,)`` test fold of each stimulus.
    r, r2
        ``(n_targets,)``, as in :class:`~brainalign.comparisons.encoding_scores.EncodingScores`.
    by_space
        Space to ``(n_targets,)`` product measure ``sum p_g (2 y - p) / sum y^2``: its share of ``r2``; shares sum to
        it.
    unique
        Space to ``(n_targets,)`` unique variance: ``r2`` less that of the model without the space. Negative values
        stay. Empty unless asked for.
    """

    predictions: np.ndarray
    folds: np.ndarray
    r: np.ndarray
    r2: np.ndarray
    by_space: Mapping[str, np.ndarray]
    unique: Mapping[str, np.ndarray]

"""How well each of many targets is predicted, without the predictions."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class TargetScores:
    """Scores of targets that are too many for their predictions to be kept.

    Parameters
    ----------
    r, r2
        ``(n_targets,)``, as in :class:`brainalign.comparisons.encoding_scores.EncodingScores`.
    alphas
        ``(n_folds, n_targets)`` penalties.
    folds
        ``(n_stimuli,)`` test fold of each stimulus.
    form
        ``"kernel"`` or ``"primal"``.
    stimulus_ids
        ``(n_stimuli,)`` ids.
    channels
        ``n_channels`` names; targets are channels by times, the times of a channel together.
    """

    r: np.ndarray
    r2: np.ndarray
    alphas: np.ndarray
    folds: np.ndarray
    form: str
    stimulus_ids: tuple[str, ...]
    channels: tuple[str, ...]

"""What an encoding model predicted for stimuli it was not fitted on, and how well."""

from dataclasses import dataclass

import numpy as np

from brainalign.rounding import no_spread

# Fisher's z of a perfect correlation would be infinite
LARGEST_R = 0.999


@dataclass(frozen=True, eq=False)
class EncodingScores:
    """Held-out predictions of one layer for one subject, and the scores per target.

    Parameters
    ----------
    predictions
        ``(n_stimuli, n_targets)``, each by the model fitted without that stimulus' fold; in the unit of the responses.
    folds
        ``(n_stimuli,)`` test fold of each stimulus, from 0.
    r
        ``(n_targets,)`` correlations of prediction and response within each fold, averaged over folds as Fisher's z.
        Pooling folds before correlating would bias the score downwards. A constant side counts as 0.
    r2
        ``(n_targets,)`` ``1 - sum (y - prediction)^2 / sum (y - mean of the training responses)^2``; can be negative.
    alphas
        ``(n_folds, n_targets)`` chosen penalties, in units of ``trace(K_train) / n_train``.
    at_boundary
        Fraction of the chosen penalties that are the smallest or largest on offer.
    form
        ``"kernel"`` or ``"primal"``: how the ridge problem was solved.
    stimulus_ids
        ``(n_stimuli,)`` ids of the rows.
    """

    predictions: np.ndarray
    folds: np.ndarray
    r: np.ndarray
    r2: np.ndarray
    alphas: np.ndarray
    at_boundary: float
    form: str
    stimulus_ids: tuple[str, ...]


def fold_correlations(predictions: np.ndarray, responses: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Return the Fisher-z average over folds of the within-fold correlations, ``(n_targets,)``."""
    z = np.zeros(responses.shape[1])
    n_folds = int(folds.max()) + 1
    for fold in range(n_folds):
        sides = [side[folds == fold] - side[folds == fold].mean(axis=0) for side in (predictions, responses)]
        norms = [np.linalg.norm(side, axis=0) for side in sides]
        whole = [np.linalg.norm(side[folds == fold], axis=0) for side in (predictions, responses)]
        varies = ~(no_spread(norms[0], whole[0]) | no_spread(norms[1], whole[1]))
        scale = norms[0] * norms[1]
        r = np.divide((sides[0] * sides[1]).sum(axis=0), scale, out=np.zeros_like(scale), where=varies)
        z += np.arctanh(np.clip(r, -LARGEST_R, LARGEST_R))
    return np.tanh(z / n_folds)

"""What training stimuli add to the variance of a score, from fits without groups of them."""

import numpy as np

from brainalign.comparisons.group_folds import group_folds
from brainalign.randomness import stream_seed

# groups of stimuli that are left out of training in turn
_TRAINED_WITHOUT = 20


def training_groups(n_units: int, seed: int) -> np.ndarray:
    """Return which group each unit is left out of training with, ``(n_units,)``; at most 20 groups."""
    return group_folds(np.arange(n_units), min(n_units, _TRAINED_WITHOUT), stream_seed(seed, "left out of training"))


def training_of_units(changes: np.ndarray, tested: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Return how a score changes without each unit among the training stimuli, ``(n_units,)``.

    Of a group of k units that are left out together, each is given the change of the group over the root of k, so that
    squares add up to the variance of all. Stimuli that say much as test stimuli say much in training, too: changes are
    scaled, so that their squares hold twice the products with those of the test stimuli as well.

    Parameters
    ----------
    changes
        ``(n_groups,)`` changes of the score by fits without each group.
    tested
        ``(n_units,)`` changes of the score without each unit as a test stimulus.
    group
        ``(n_units,)`` of :func:`training_groups`.
    """
    ours, theirs = (one - one.mean() for one in (changes, np.bincount(group, tested, minlength=len(changes))))
    own = float((ours**2).sum())
    scale = np.sqrt(max(0.0, 1 + 2 * float((ours * theirs).sum()) / own)) if own > 0 else 1.0
    return (scale * changes / np.sqrt(np.bincount(group)))[group]

"""Whether models are related to the subjects' geometry at all."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class PermutationResult:
    """Mean scores of models and their permutation p values.

    Parameters
    ----------
    scores
        ``(n_models,)`` mean over subjects.
    p
        ``(n_models,)`` p of each model alone.
    p_max
        ``(n_models,)`` p adjusted for all models by the distribution of the largest score.
    n_permutations
        Number of permutations B; no p is below ``1 / (B + 1)``.
    """

    scores: np.ndarray
    p: np.ndarray
    p_max: np.ndarray
    n_permutations: int

"""What dissimilarities share that take trials, not one pattern for each stimulus."""

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from brainalign.dissimilarities.dissimilarity import Dissimilarity
from brainalign.dissimilarities.trials import Trials


class OfTrials(Dissimilarity):
    """A dissimilarity that has :meth:`of_trials` only; patterns without trials are refused.

    Subclasses say what they ``needs``: ``"precision"`` (repeats) or ``"runs"``.
    """

    def pairs(self, patterns: np.ndarray, ids: Sequence[str]) -> tuple[np.ndarray, float]:
        """Refuse patterns without trials: raises :class:`SpecError` with the dissimilarities that they have."""
        del patterns, ids
        raise self.without_trials()

    @abstractmethod
    def of_trials(self, trials: Trials) -> tuple[np.ndarray, np.ndarray]:
        """Return ``(n_times, n_pairs)`` dissimilarities and their rounding errors ``(n_times,)``."""

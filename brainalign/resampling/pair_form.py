"""Inner products of RDMs that look at the rows of their square forms, too, in samples of the stimuli."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np


@dataclass(frozen=True, eq=False)
class PairForm(ABC):
    """An inner product ``Q(x, y)`` of RDMs that changes with the sample.

    With counts ``c`` of the stimuli, square forms ``X``, ``Y``, row sums ``r_a = sum_b c_b X_ab`` and ``s_a`` likewise:
    ``Q = sum_(a<b) w_ab X_ab Y_ab + sum_a u_a r_a s_a + v(x)' B v(y)``, ``v_f(x) = sum_a g_fa r_a``.

    Parameters
    ----------
    counts
        ``(n_draws, n_stimuli)`` how often each stimulus is in each sample.
    """

    #: Whether ``Q`` is the same for an RDM with a constant added.
    offset_free: ClassVar[bool]

    counts: np.ndarray

    @abstractmethod
    def pair_weights(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return ``w``, ``(n_draws, n_pairs)``, of pairs of these stimuli."""

    @abstractmethod
    def of_rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return ``u`` ``(n_draws, n_stimuli)``, ``g`` ``(n_draws, n_functionals, n_stimuli)`` and ``B``."""

    @staticmethod
    @abstractmethod
    def without_one(n: int) -> tuple[float, float, float]:
        """Return ``w``, ``u`` and the factor of the sums ``sum_a r_a`` for ``n`` stimuli, each there once."""

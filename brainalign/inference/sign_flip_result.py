"""Whether differences of subjects are centred on 0."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class SignFlipResult:
    """p values of a sign-flip test.

    Parameters
    ----------
    t
        ``(n_tests,)`` t statistics.
    p, p_max
        ``(n_tests,)`` p of each test alone, and adjusted for all by the distribution of the largest statistic.
    attainable
        Smallest p that so many subjects and flips can reach.
    n_flips
        Flips that were looked at, the observed signs among them.
    exact
        Whether these are all that there are.
    """

    t: np.ndarray
    p: np.ndarray
    p_max: np.ndarray
    attainable: float
    n_flips: int
    exact: bool

    @property
    def sentence(self) -> str:
        """One sentence for captions."""
        how = "all" if self.exact else f"{self.n_flips}"
        return f"Sign-flip test over subjects ({how} flips); the smallest attainable p is {self.attainable:.3g}."

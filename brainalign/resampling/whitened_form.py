"""The inner product of the whitened comparators in samples of the stimuli."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from brainalign.resampling.pair_form import PairForm


@dataclass(frozen=True, eq=False)
class WhitenedForm(PairForm):
    """``x' V^-1 y`` with errors of patterns that are independent and alike.

    A stimulus drawn twice counts as two, and the pair of the two is missing. Its best guess ``z_a`` is what makes the
    form smallest: with ``d_a = c_a (c_a - 1)`` that is a diagonal matrix plus ``d d' / N^2`` to invert, which needs no
    ``n_pairs x n_pairs`` matrix.
    """

    offset_free: ClassVar[bool] = False

    def pair_weights(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return ``c_a c_b / 2``."""
        return self._counts[:, first] * self._counts[:, second] / 2

    @cached_property
    def _counts(self) -> np.ndarray:
        return self.counts.astype(np.float64)

    def of_rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the weights of row sums; functionals are ``sum_a c_a r_a`` and ``sum_a e_a r_a``, ``e = d^2 / m``."""
        counts = self._counts
        n = counts.sum(axis=1)
        share = 1 - 2 * (counts - 1) / n[:, None]
        share = np.where(np.abs(share) < 1e-8, 1e-8, share)  # half the sample is one stimulus
        e = counts * (counts - 1) / share
        total = e.sum(axis=1)
        rows = -2 * counts / n[:, None] - 4 * e / n[:, None] ** 2
        inner = np.empty((len(counts), 2, 2))
        inner[:, 0, 0] = 1 / n**2 - total / n**4 + (total / n**2) ** 2 / (n**2 + total)
        inner[:, 0, 1] = inner[:, 1, 0] = 2 / n**3 - 2 * total / n**3 / (n**2 + total)
        inner[:, 1, 1] = 4 / n**2 / (n**2 + total)
        return rows / 4, np.stack([counts, e], axis=1), inner / 4

    @staticmethod
    def without_one(n: int) -> tuple[float, float, float]:
        """Return the three factors where each stimulus is there once."""
        return 1 / 2, -1 / (2 * n), 1 / (4 * n**2)

"""The inner product of debiased linear CKA in samples of the stimuli."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from brainalign.resampling.pair_form import PairForm


@dataclass(frozen=True, eq=False)
class UnbiasedForm(PairForm):
    """The unbiased Hilbert-Schmidt independence criterion of two kernels or two RDMs of squared distances.

    ``E K_ij L_ij + E K_ij L_qr - 2 E K_ij L_iq`` over different i, j, q, r (Song et al. 2012, JMLR 13:1393). Copies of
    a stimulus in a sample are one stimulus here: no term takes two of them.
    """

    offset_free: ClassVar[bool] = True

    @cached_property
    def _parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return counts, and the numbers of ordered pairs, triples and quadruples of different stimuli."""
        c = self.counts.astype(np.float64)
        one, two, three, four = (np.sum(c**power, axis=1) for power in (1, 2, 3, 4))
        pairs = one**2 - two
        triples = one**3 - 3 * one * two + 2 * three
        fours = one**4 - 6 * one**2 * two + 3 * two**2 + 8 * one * three - 6 * four
        # a sample of fewer than four different stimuli has no such term
        pairs, triples, fours = (np.where(number > 0.5, number, np.nan) for number in (pairs, triples, fours))
        return c, pairs, triples, fours

    def pair_weights(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return the weight of the product of two entries of the same pair."""
        c, pairs, triples, fours = self._parts
        a, b = c[:, first], c[:, second]
        both, parts = a * b, (number[:, None] for number in (pairs, triples, fours))
        of_pairs, of_triples, of_fours = parts
        return 2 * both / of_pairs + 2 * both * (a + b) / of_triples + 4 * both**2 / of_fours

    def of_rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the weights of row sums; the functional is ``sum_a c_a r_a``."""
        c, _, triples, fours = self._parts
        rows = -2 * c / triples[:, None] - 4 * c**2 / fours[:, None]
        return rows, c[:, None], (1 / fours)[:, None, None]

    @staticmethod
    def without_one(n: int) -> tuple[float, float, float]:
        """Return the three factors where each stimulus is there once."""
        pairs = n * (n - 1)
        triples, fours = pairs * (n - 2), pairs * (n - 2) * (n - 3)
        return 2 / pairs + 4 / triples + 4 / fours, -2 / triples - 4 / fours, 1 / fours

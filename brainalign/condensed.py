"""Condensed RDMs without their ids, and with their rounding errors: what comparators and draws compute on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from brainalign.arrays import as_numbers
from brainalign.errors import DataError
from brainalign.rdms import RDMs
from brainalign.rounding import STORED, mid_ranks


@dataclass(frozen=True, eq=False)
class Condensed:
    """Rows of dissimilarities over one order of stimuli.

    Parameters
    ----------
    values
        ``(n_rdms, n_pairs)`` float64.
    rounding
        ``(n_rdms,)`` rounding error of the values of each: closer ones are tied.
    """

    values: np.ndarray
    rounding: np.ndarray

    @classmethod
    def of(cls, rdms: "Condensed | RDMs | Any", rounding: np.ndarray | None = None) -> "Condensed":
        """Return RDMs without their ids, or arrays as rows; bare arrays are taken to round as stored numbers do."""
        if isinstance(rdms, Condensed):
            return rdms
        if isinstance(rdms, RDMs):
            return cls(rdms.dissimilarities, rdms.rounding)
        values = np.atleast_2d(np.asarray(as_numbers(rdms, "Dissimilarities"), dtype=np.float64))
        stored = STORED * np.nan_to_num(np.abs(values)).max(axis=1, initial=0.0)
        return cls(values, stored if rounding is None else np.asarray(rounding, dtype=np.float64))

    @classmethod
    def of_all(cls, rdms: "Sequence[RDMs]") -> "Condensed":
        """Return the RDMs of several sets over the same stimuli in one order, one set after another."""
        return cls(
            np.concatenate([one.dissimilarities for one in rdms]), np.concatenate([one.rounding for one in rdms])
        )

    def __len__(self) -> int:
        return len(self.values)

    @property
    def constant(self) -> np.ndarray:
        """``(n_rdms,)`` whether an RDM varies by no more than its rounding error."""
        return np.ptp(self.values, axis=1) <= self.rounding

    def rows(self, chosen: slice | np.ndarray) -> "Condensed":
        """Return some of the RDMs."""
        return Condensed(self.values[chosen], self.rounding[chosen])

    def pairs(self, chosen: slice | np.ndarray) -> "Condensed":
        """Return the dissimilarities of some pairs."""
        return Condensed(self.values[:, chosen], self.rounding)

    def only(self, counted: np.ndarray) -> "Condensed":
        """Return the RDMs with NaN, which draws leave out, for pairs ``(n_pairs,)`` that do not count."""
        return self if counted.all() else Condensed(np.where(counted, self.values, np.nan), self.rounding)

    def where(self, counted: np.ndarray) -> "Condensed":
        """Return the RDMs with the mean of the pairs that count for those that do not, so that these say nothing."""
        if counted.all():
            return self
        mean = self.values[:, counted].mean(axis=1, keepdims=True)
        return Condensed(np.where(counted, self.values, mean), self.rounding)

    def joined(self, others: "Condensed") -> "Condensed":
        """Return these RDMs, then the others."""
        return Condensed(np.concatenate([self.values, others.values]), np.concatenate([self.rounding, others.rounding]))

    def finite(self, which: str) -> "Condensed":
        """Return the RDMs; NaN or infinity in one of the ``which`` RDMs raises :class:`DataError`."""
        bad = ~np.isfinite(self.values).all(axis=1)
        if bad.any():
            row = int(bad.argmax())
            msg = f"RDM {row} of the {which} RDMs holds NaN or infinity, expected finite dissimilarities; drop it."
            raise DataError(msg)
        return self

    def centred(self, which: str) -> np.ndarray:
        """Return the rows minus their means; a constant row raises :class:`DataError`."""
        self._refuse_constant(which)
        return self.values - self.values.mean(axis=1, keepdims=True)

    def centred_ranks(self, which: str) -> np.ndarray:
        """Return ranks within each row minus their mean, ties at their mean rank; a constant row raises DataError."""
        self._refuse_constant(which)
        return mid_ranks(self.values, self.rounding) - (self.values.shape[1] + 1) / 2

    def _refuse_constant(self, which: str) -> None:
        if self.constant.any():
            row = int(self.constant.argmax())
            msg = (
                f"RDM {row} of the {which} RDMs is constant ({self.values[row, 0]:g}), expected dissimilarities "
                "that differ; drop it (a collapsed layer, or stimuli with equal features)."
            )
            raise DataError(msg)


def unit(vectors: np.ndarray, which: str) -> np.ndarray:
    """Return the rows divided by their norms; a row of zeros raises :class:`DataError`."""
    # dividing by the largest entry first keeps squares of tiny or huge values in range
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    if not (largest > 0).all():
        msg = f"RDM {int((~(largest > 0)).argmax())} of the {which} RDMs is zero, expected dissimilarities; drop it."
        raise DataError(msg)
    scaled = vectors / largest
    return scaled / np.linalg.norm(scaled, axis=1, keepdims=True)

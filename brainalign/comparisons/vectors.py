"""Condensed RDMs with their rounding errors: what comparators compare."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from brainalign.arrays import as_numbers
from brainalign.errors import DataError
from brainalign.rounding import STORED, mid_ranks


@dataclass(frozen=True, eq=False)
class Vectors:
    """Condensed RDMs, checked.

    Parameters
    ----------
    values
        ``(n_rdms, n_pairs)`` float64, finite.
    rounding
        ``(n_rdms,)`` rounding error of the values of each.
    which
        What they are, for messages.
    """

    values: np.ndarray
    rounding: np.ndarray
    which: str

    @classmethod
    def of(cls, values: Any, rounding: np.ndarray | None, which: str) -> "Vectors":
        """Check and complete: one RDM becomes a row; without a rounding error, that of stored numbers is assumed.

        Raises
        ------
        DataError
            If a value is NaN, infinite or no number.
        """
        rows = np.atleast_2d(np.asarray(as_numbers(values, f"The {which} RDMs"), dtype=np.float64))
        if not np.isfinite(rows).all():
            row = int((~np.isfinite(rows)).any(axis=1).argmax())
            msg = f"RDM {row} of the {which} RDMs holds NaN or infinity, expected finite dissimilarities; drop it."
            raise DataError(msg)
        stored = STORED * np.abs(rows).max(axis=1, initial=0.0)
        return cls(rows, stored if rounding is None else np.asarray(rounding, dtype=np.float64), which)

    @property
    def constant(self) -> np.ndarray:
        """``(n_rdms,)`` whether an RDM varies by no more than its rounding error."""
        return np.ptp(self.values, axis=1) <= self.rounding

    def centred(self) -> np.ndarray:
        """Return the rows minus their means; a constant row raises :class:`DataError`."""
        self._refuse_constant()
        return self.values - self.values.mean(axis=1, keepdims=True)

    def centred_ranks(self) -> np.ndarray:
        """Return ranks within each row minus their mean, values tied within rounding at their mean rank.

        A constant row raises :class:`DataError`.
        """
        self._refuse_constant()
        return mid_ranks(self.values, self.rounding) - (self.values.shape[1] + 1) / 2

    def _refuse_constant(self) -> None:
        if self.constant.any():
            row = int(self.constant.argmax())
            msg = (
                f"RDM {row} of the {self.which} RDMs is constant ({self.values[row, 0]:g}), expected dissimilarities "
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

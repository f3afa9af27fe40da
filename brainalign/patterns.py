"""Rows of numbers under stimulus ids: features of a layer, or responses of a brain."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from brainalign.arrays import as_numbers
from brainalign.datasets.stimuli import checked_ids, positions
from brainalign.errors import DataError, StimulusMismatchError
from brainalign.options import require_text
from brainalign.summary import Summarised, Summary, some


@dataclass(frozen=True, eq=False)
class Patterns(Summarised):
    """One pattern per row, each under the id of its stimulus.

    Parameters
    ----------
    values
        ``(n_rows, n_features)``: an array, list, data frame or tensor of finite numbers.
    stimulus_ids
        ``(n_rows,)`` ids; a stimulus may have several rows (trials) where responses are not averaged.
    name
        What the rows are, for messages.

    Raises
    ------
    StimulusMismatchError
        If there is not one id per row, or ``values`` is not two-dimensional.
    DataError
        If a value is NaN, infinite or no number, or there are no rows or features.

    Examples
    --------
    >>> import brainalign as ba
    >>> one = ba.Patterns([[1, 2], [3, 4], [5, 6]], ("a", "b", "c"), "three patterns")
    >>> one.rows(["c", "a"]).tolist()
    [[5, 6], [1, 2]]
    >>> len(one)
    3
    """

    values: np.ndarray
    stimulus_ids: tuple[str, ...]
    name: str = "Patterns"

    def __post_init__(self) -> None:
        require_text("Patterns", name=self.name)
        values = as_numbers(self.values, self.name)
        ids = checked_ids(self.stimulus_ids, self.name, unique=False)
        if values.ndim != 2 or len(values) != len(ids):
            msg = (
                f"{self.name} have shape {values.shape} for {len(ids)} ids, expected ({len(ids)}, n_features); "
                "give one row per id, further axes joined: values.reshape(len(values), -1)."
            )
            raise StimulusMismatchError(msg)
        if 0 in values.shape:
            msg = (
                f"{self.name} have shape {values.shape}, expected at least one row and one column; drop the empty set."
            )
            raise DataError(msg)
        finite = np.isfinite(values).all(axis=1)
        if not finite.all():
            row = int((~finite).argmax())
            msg = (
                f"{self.name} of {int((~finite).sum())} rows hold NaN or infinity (first: {ids[row]!r}); drop those "
                "stimuli."
            )
            raise DataError(msg)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "stimulus_ids", ids)

    def __len__(self) -> int:
        return len(self.stimulus_ids)

    def summary(self) -> Summary:
        """Return what the rows are, and how many."""
        stimuli = tuple(dict.fromkeys(self.stimulus_ids))
        facts = {"stimuli": some(stimuli)}
        return Summary(f"{self.name}: {len(self)} patterns of {self.values.shape[1]} numbers", facts)

    def rows(self, ids: Sequence[str]) -> np.ndarray:
        """Return ``(n_ids, n_features)``, the row of each id.

        Raises
        ------
        StimulusMismatchError
            If an id is missing, or a stimulus has several rows.
        """
        if len(set(self.stimulus_ids)) < len(self.stimulus_ids):
            checked_ids(self.stimulus_ids, self.name)
        return self.values[positions(self.stimulus_ids, ids, self.name)]

"""Files of bdpy: a table of samples whose columns say what they are."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from brainalign.errors import DataError
from brainalign.readers.damage import require_data


@dataclass(frozen=True, eq=False)
class BdpyData:
    """Samples and what their columns hold.

    Parameters
    ----------
    samples
        ``(n_samples, n_columns)``.
    columns
        Name of a kind of column to a value per column ``(n_columns,)``, NaN where a column is not of that kind.
    names
        Kind to the names of its numbers, as far as the file maps them.
    name
        The file, for messages.
    """

    samples: np.ndarray
    columns: Mapping[str, np.ndarray]
    names: Mapping[str, Mapping[float, str]]
    name: str

    def select(self, kind: str) -> np.ndarray:
        """Return the columns of a kind, ``(n_samples, n)``: where its value is 1."""
        mask = self.mask(kind)
        if not mask.any():
            msg = f"{self.name}: no column is {kind!r}; choose another kind."
            raise DataError(msg)
        return self.samples[:, mask]

    def mask(self, kind: str) -> np.ndarray:
        """Return which columns are of a kind, ``(n_columns,)``; an unknown kind raises :class:`DataError`."""
        if kind not in self.columns:
            msg = f"{self.name} has no columns {kind!r}; its kinds are {', '.join(list(self.columns)[:12])}."
            raise DataError(msg)
        return np.asarray(self.columns[kind] == 1)

    def labels(self, kind: str) -> tuple[str, ...]:
        """Return the names of the numbers in the one column of a kind; a number without a name raises."""
        numbers = self.select(kind)
        if numbers.shape[1] != 1:
            msg = f"{self.name}: {numbers.shape[1]} columns are {kind!r}; expected one with labels."
            raise DataError(msg)
        table = self.names.get(kind, {})
        unnamed = [one for one in numbers[:, 0] if float(one) not in table]
        if unnamed:
            msg = f"{self.name}: number {unnamed[0]:g} of {kind!r} has no name; the file names {len(table)} of them."
            raise DataError(msg)
        return tuple(table[float(one)] for one in numbers[:, 0])


def read_bdpy(path: str | os.PathLike[str]) -> BdpyData:
    """Return the data of an HDF5 file of bdpy: ``dataset``, ``metadata`` and, where there is one, ``vmap``.

    Raises
    ------
    DataError
        If the file is damaged, or lacks one of these, or metadata and data differ in length.
    """
    import h5py

    file = require_data(path)
    shown = repr(str(file))
    try:
        with h5py.File(file, "r") as opened:
            missing = [one for one in ("dataset", "metadata/key", "metadata/value") if one not in opened]
            if missing:
                msg = f"{shown} has no {missing[0]!r}; expected a file of bdpy. Read other HDF5 with read_array."
                raise DataError(msg)
            samples = opened["dataset"][()]
            keys = [_text(one) for one in opened["metadata/key"][()]]
            values = np.atleast_2d(opened["metadata/value"][()])
            names = {
                str(kind): {float(number): _text(table[number][()]) for number in table}
                for kind, table in (opened["vmap"].items() if "vmap" in opened else ())
            }
    except (OSError, KeyError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        msg = (
            f"{shown} cannot be read ({' '.join(str(error).split())[:160]}); expected a whole HDF5 file. Fetch it "
            "again."
        )
        raise DataError(msg) from error
    if values.shape != (len(keys), samples.shape[1]):
        msg = (
            f"{shown}: metadata {values.shape} for {len(keys)} keys and {samples.shape[1]} columns; expected one "
            "value each."
        )
        raise DataError(msg)
    return BdpyData(samples, dict(zip(keys, values, strict=True)), names, shown)


def _text(value: bytes | str) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)

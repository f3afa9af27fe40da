"""Tables that pandas stored in HDF5 (``to_hdf``), read in parts and without the library that wrote them."""

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from brainalign.errors import DataError
from brainalign.readers.arrays_only import ArraysOnly
from brainalign.readers.damage import require_data

_BLOCK_BYTES = 2**26


@dataclass(frozen=True, eq=False)
class StoredFrame:
    """A table in an HDF5 file: its columns are kept in blocks of one type each.

    Parameters
    ----------
    path, group
        The file, and where the table is in it.
    n_rows
        How many rows there are.
    columns
        Name of a column, as text, to its block and its place there.
    """

    path: Path
    group: str
    n_rows: int
    columns: Mapping[str, tuple[int, int]]

    def numbers(self, columns: list[str], rows: np.ndarray | None = None) -> np.ndarray:
        """Return ``(n_rows, n_columns)`` of some columns and of the rows of a boolean mask, block by block of rows.

        Raises
        ------
        DataError
            If a column is missing.
        """
        import h5py

        missing = [one for one in columns if one not in self.columns]
        if missing:
            first = ", ".join(list(self.columns)[:4])
            msg = f"{str(self.path)!r} has no column {missing[0]!r}; its {len(self.columns)} begin {first}. Fetch it."
            raise DataError(msg)
        kept = np.ones(self.n_rows, dtype=bool) if rows is None else rows
        found: np.ndarray | None = None
        with h5py.File(self.path, "r") as file:
            for block in sorted({self.columns[one][0] for one in columns}):
                into = [k for k, one in enumerate(columns) if self.columns[one][0] == block]
                places = [self.columns[columns[k]][1] for k in into]
                stored = file[f"{self.group}/block{block}_values"]
                if found is None:
                    kind = stored.dtype if len(into) == len(columns) else np.dtype(float)
                    found = np.empty((int(kept.sum()), len(columns)), dtype=kind)
                found[:, into] = _part(stored, kept, places)
        return np.empty((int(kept.sum()), 0)) if found is None else found


def read_frame(path: str | os.PathLike[str]) -> StoredFrame:
    """Return the one table of an HDF5 file of pandas, in its fixed form.

    Raises
    ------
    DataError
        If the file is damaged, or holds no such table, or several.
    """
    import h5py

    file = require_data(path)
    try:
        with h5py.File(file, "r") as opened:
            groups = [name for name, one in opened.items() if "axis0" in one and "axis1" in one]
            if len(groups) != 1:
                msg = f"{str(file)!r} holds {', '.join(opened) or 'nothing'}; expected one table of pandas (to_hdf)."
                raise DataError(msg)
            group = opened[groups[0]]
            n_rows, block = len(group["axis1"]), 0
            columns: dict[str, tuple[int, int]] = {}
            while f"block{block}_items" in group:
                names = _names(group[f"block{block}_items"])
                columns |= {one: (block, k) for k, one in enumerate(names)}
                block += 1
            return StoredFrame(file, groups[0], n_rows, columns)
    except (OSError, KeyError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        why = " ".join(str(error).split())[:160]
        msg = f"{str(file)!r} cannot be read ({why}); expected a whole HDF5 file of pandas. Fetch it again."
        raise DataError(msg) from error


def _names(stored: Any) -> list[str]:
    """Return names of columns: text, whole numbers, or a pickled list of both."""
    values = stored[()]
    if stored.attrs.get("PSEUDOATOM") == b"object" or values.dtype.kind == "O":
        values = np.ravel(ArraysOnly(io.BytesIO(np.asarray(values[0], dtype=np.uint8).tobytes())).load())
    return [one.decode("utf-8") if isinstance(one, bytes) else str(one) for one in np.ravel(values).tolist()]


def _part(stored: Any, kept: np.ndarray, places: list[int]) -> np.ndarray:
    """Return the kept rows and some columns of a block, which may be stored on its side."""
    if stored.shape[0] != len(kept):
        return np.asarray(stored[()]).T[kept][:, places]
    found = np.empty((int(kept.sum()), len(places)), dtype=stored.dtype)
    step, before = max(1, _BLOCK_BYTES // max(1, stored.dtype.itemsize * stored.shape[1])), 0
    for start in range(0, len(kept), step):
        own = kept[start : start + step]
        n = int(own.sum())
        if n:
            found[before : before + n] = stored[start : start + step][own][:, places]
            before += n
    return found

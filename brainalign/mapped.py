"""Arrays that are too large to hold: room for them in files, and pages of files let go once they were read."""

import mmap
import os
import tempfile
from typing import Any

import numpy as np

from brainalign.errors import StorageError

#: Bytes above which what is computed lies in a file of its own and not in memory.
HELD_BYTES = 2**29


def room(shape: tuple[int, ...], dtype: Any = np.float64) -> np.ndarray:
    """Return an array to be filled: in memory, or, above :data:`HELD_BYTES`, mapped from a file without a name.

    The file lies in the folder of temporary files (``TMPDIR``) and is gone with the array.

    Raises
    ------
    StorageError
        If the disk has no room for it.
    """
    kind = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    if size <= HELD_BYTES:
        return np.empty(shape, kind)
    with tempfile.TemporaryFile() as file:
        try:
            # a mapped file that finds the disk full later ends the process
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            msg = (
                f"{size / 2**30:.1f} GiB are needed in {tempfile.gettempdir()!r} ({error.strerror}); expected room for "
                "what does not fit into memory. Free some, or set TMPDIR to another folder."
            )
            raise StorageError(msg) from error
        return np.memmap(file, kind, "w+", shape=shape)


def release(array: np.ndarray) -> None:
    """Let the pages of a mapped file that were read or written go; what was written stays in the file.

    Pages that stay count as memory of the process, so that a file that is read once would be held as a whole.
    """
    one: Any = array
    while one is not None and not isinstance(one, np.memmap):
        one = getattr(one, "base", None)
    if one is None or getattr(one, "mode", "c") == "c" or not hasattr(mmap, "MADV_DONTNEED"):
        return  # pages of a copy on write hold what is nowhere else
    while one is not None and not isinstance(one, mmap.mmap):
        one = getattr(one, "base", None)
    if one is not None:
        one.madvise(mmap.MADV_DONTNEED)


def add_rows(total: np.ndarray, label: np.ndarray, rows: np.ndarray) -> None:
    """Add each row to ``total[label]``, as ``np.add.at`` does, to the last bit; many times faster for long rows."""
    if rows[:1].size < _SHORT:
        np.add.at(total, label, rows)
        return
    for place, row in zip(label.tolist(), rows, strict=True):
        total[place] += row


# numbers of a row for which one call a row costs no more than the other way
_SHORT = 64

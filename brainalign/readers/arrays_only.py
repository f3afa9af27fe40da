"""Pickled NumPy arrays and nothing else: published files that cannot be had in a safer form.

This is the one place that unpickles. Whatever a file names beyond arrays, numbers, text and plain containers is refused
before it is made, so that no code of a file can run.
"""

import os
import pickle
from typing import Any, BinaryIO

import numpy as np

from brainalign.errors import DataError
from brainalign.readers.damage import require_data

# what arrays and numbers of NumPy say of themselves when they are pickled, under the names of old and new versions
_MAKERS = {"_reconstruct": np.zeros(1).__reduce__()[0], "scalar": np.float64(0).__reduce__()[0]}
_ALLOWED = {
    **{(f"numpy.{core}.multiarray", name): maker for core in ("core", "_core") for name, maker in _MAKERS.items()},
    **{(f"numpy.{core}.numeric", "_frombuffer"): np.zeros(1).__reduce_ex__(5)[0] for core in ("core", "_core")},
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class ArraysOnly(pickle.Unpickler):
    """An unpickler that makes arrays, dtypes and plain values."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what a file may name; anything else raises :class:`pickle.UnpicklingError`."""
        if (module, name) == ("_codecs", "encode"):
            return _encoded  # bytes of Python 2
        if (module, name) not in _ALLOWED:
            msg = f"it names {module}.{name}, which is no array"
            raise pickle.UnpicklingError(msg)
        return _ALLOWED[module, name]


def read_pickled(path: str | os.PathLike[str]) -> Any:
    """Return what an ``.npy`` file with a pickled object, or a plain pickle, holds: arrays, numbers, text, containers.

    Raises
    ------
    DataError
        If the file names anything else, is damaged, or is neither.
    """
    file = require_data(path)
    try:
        with file.open("rb") as stream:
            if _is_npy(stream):
                return _npy(stream)
            return ArraysOnly(stream).load()
    except Exception as error:  # a damaged pickle may raise anything
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        msg = (
            f"{str(file)!r} cannot be read ({reason}); expected pickled arrays, numbers and text only. Do not open it."
        )
        raise DataError(msg) from error


def _is_npy(stream: BinaryIO) -> bool:
    head = stream.read(6)
    stream.seek(0)
    return head == b"\x93NUMPY"


def _npy(stream: BinaryIO) -> Any:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    if not dtype.hasobject:
        stream.seek(0)
        return np.load(stream, allow_pickle=False)
    found = ArraysOnly(stream).load()
    return found.item() if shape == () else found


def _encoded(text: str, encoding: str) -> bytes:
    if encoding not in ("latin1", "latin-1"):
        msg = f"it encodes text as {encoding!r}"
        raise pickle.UnpicklingError(msg)
    return text.encode("latin-1")

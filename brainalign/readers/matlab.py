"""MATLAB files of every version as nested dictionaries: numbers, text and lists."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from brainalign.errors import DataError
from brainalign.readers.damage import require_data

_HDF5 = b"\x89HDF\r\n\x1a\n"


def matlab_kind(path: str | os.PathLike[str]) -> str:
    """Return ``"v7.3"``, ``"v5"`` (all between 5 and 7.2), ``"v4"``, or ``""`` for a file of another kind.

    A file that begins as a matrix of version 4 may be something else; nothing marks that version.
    """
    with Path(path).open("rb") as file:
        head = file.read(520)
    if head[:8] == _HDF5 or head[512:520] == _HDF5:
        return "v7.3"
    if head.startswith(b"MATLAB 5.0"):
        return "v5"
    return "v4" if len(head) >= 20 and head[0:2] in (b"\x00\x00", b"\xe8\x03") and any(head[:20]) else ""


def read_matlab(path: str | os.PathLike[str], names: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the variables of a MATLAB file by name.

    Arrays have MATLAB's order of axes, whatever the version: version 7.3 stores them reversed.

    Parameters
    ----------
    path
        The file.
    names
        Read these variables only, those that there are; ``None`` reads all.

    Raises
    ------
    DataError
        If the file is missing, a pointer, damaged or no MATLAB file.
    """
    import pymatreader

    file = require_data(path)
    try:
        if matlab_kind(file) == "":
            msg = "no MATLAB file begins like this"
            raise ValueError(msg)
        found = pymatreader.read_mat(file, variable_names=None if names is None else list(names))
    except Exception as error:  # whatever a damaged file makes of three libraries
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        msg = f"{str(file)!r} cannot be read as a MATLAB file ({reason}). Fetch it, or save it again from MATLAB."
        raise DataError(msg) from error
    return {key: value for key, value in found.items() if not key.startswith("__")}


def variable(content: dict[str, Any], name: str, where: str) -> Any:
    """Return a variable of a file; one that is not there raises :class:`DataError` naming those that are."""
    if name not in content:
        msg = (
            f"{where} has no variable {name!r}; it holds {', '.join(sorted(content)[:8]) or 'none'}. Name one of them."
        )
        raise DataError(msg)
    return content[name]

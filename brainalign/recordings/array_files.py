"""Arrays and lists of names in files beside a ``recording.toml``."""

import csv
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from brainalign.errors import DataError, SpecError

#: Suffixes of files of numbers, and of names.
NUMBERS, NAMES = (".npy", ".npz", ".csv"), (".txt", ".csv", ".npy")


def file_of(folder: Path, given: str, what: str, suffixes: tuple[str, ...]) -> tuple[Path, str]:
    """Return the file that ``given`` names, and the name of the array in it (``"file.npz:name"``).

    Raises
    ------
    DataError
        If there is no such file; the message names the nearest.
    SpecError
        If it is of another kind.
    """
    name, _, key = given.partition(":") if ".npz:" in given else (given, "", "")
    path = folder / name
    if path.suffix.lower() not in suffixes:
        msg = f"{what} is {given!r}; expected a file with {' or '.join(suffixes)}."
        raise SpecError(msg)
    if not path.is_file():
        held = [str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()]
        near = get_close_matches(name, held, 1)
        remedy = f"Did you mean {near[0]!r}?" if near else f"Put the file into {str(folder)!r}."
        msg = f"{what}: there is no file {name!r} in {str(folder)!r}. {remedy}"
        raise DataError(msg)
    return path, key


def read_numbers(folder: Path, given: str, what: str) -> np.ndarray:
    """Return an array of numbers; one in a ``.npy`` file is memory-mapped.

    Raises
    ------
    DataError
        If the file is missing or cannot be read.
    SpecError
        If it is of another kind, or it is not told which array of it to take.
    """
    path, key = file_of(folder, given, what, NUMBERS)
    try:
        if path.suffix.lower() == ".npy":
            return np.load(path, mmap_mode="r", allow_pickle=False)
        if path.suffix.lower() == ".csv":
            return np.loadtxt(path, delimiter=",", ndmin=2)
        with np.load(path, allow_pickle=False) as arrays:
            return arrays[_key(arrays.files, key, path.name, what)]
    except (OSError, ValueError, EOFError) as error:
        if isinstance(error, (DataError, SpecError)):
            raise
        said = " ".join(str(error).split())
        msg = f"{what}: {str(path)!r} cannot be read ({said}); expected numbers alone, without a header or objects."
        raise DataError(msg) from error


def read_names(folder: Path, given: Any, what: str) -> tuple[str, ...]:
    """Return names: a list, lines of a text file, the first column of a CSV without a header, or a NumPy array.

    Raises
    ------
    DataError
        If the file is missing or cannot be read.
    SpecError
        If it is of another kind.
    """
    if isinstance(given, (list, tuple)):
        return tuple(str(one) for one in given)
    path, _ = file_of(folder, given, what, NAMES)
    try:
        if path.suffix.lower() == ".npy":
            return tuple(str(one) for one in np.load(path, allow_pickle=False).tolist())
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        msg = f"{what}: {str(path)!r} cannot be read ({' '.join(str(error).split())}); expected text, one name a line."
        raise DataError(msg) from error
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return tuple(row[0].strip() for row in csv.reader(lines)) if path.suffix.lower() == ".csv" else tuple(lines)


def _key(keys: list[str], key: str, file: str, what: str) -> str:
    if not key and len(keys) == 1:
        return keys[0]
    if key not in keys:
        asked = f"{key!r} is not in it" if key else "none is named"
        msg = f"{what}: {file!r} holds the arrays {', '.join(keys)}, and {asked}. Write '{file}:{keys[0]}', say."
        raise SpecError(msg)
    return key

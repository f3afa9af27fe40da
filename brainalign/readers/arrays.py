"""Arrays in files: npy, HDF5, MATLAB of every version, volumes."""

import os
from pathlib import Path

import numpy as np

from brainalign.errors import DataError
from brainalign.readers.damage import require_data
from brainalign.readers.matlab import matlab_kind, read_matlab


def read_array(path: str | os.PathLike[str], variable: str | None = None) -> np.ndarray:
    """Return the array of a file; ``.npy`` is memory-mapped.

    Parameters
    ----------
    path
        ``.npy``, ``.h5`` or ``.hdf5``, ``.mat`` (version 4 to 7.3), ``.nii`` or ``.nii.gz``.
    variable
        Path of the array inside HDF5, or name of the variable in MATLAB; ``None`` where there is one.

    Returns
    -------
    array
        Axes as the library of the format gives them: MATLAB's for every version of ``.mat``, the file's for HDF5 (which
        reverses MATLAB's).

    Raises
    ------
    DataError
        If the file is missing, a pointer, damaged, pickled, or holds several arrays and none was named.
    """
    file = require_data(path)
    suffix = file.name.lower()
    if suffix.endswith(".npy"):
        return _npy(file)
    if suffix.endswith(".mat"):
        return _mat(file, variable)
    if suffix.endswith((".h5", ".hdf5", ".hdf")):
        return _hdf5(file, variable)
    if suffix.endswith((".nii", ".nii.gz")):
        from brainalign.readers.maps import load_image

        return np.asanyarray(load_image(file).dataobj)
    msg = f"{str(file)!r}: expected .npy, .h5, .mat or .nii. Save the array in one of these."
    raise DataError(msg)


def _npy(file: Path) -> np.ndarray:
    try:
        return np.load(file, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        pickled = "allow_pickle" in str(error) or "Object arrays" in str(error) or "objects in dtype" in str(error)
        reason = (
            "it holds pickled Python objects, which may run code" if pickled else " ".join(str(error).split())[:160]
        )
        msg = f"{str(file)!r} cannot be read ({reason}); expected an array of numbers. Save it again with np.save."
        raise DataError(msg) from error


def _mat(file: Path, variable: str | None) -> np.ndarray:
    content = read_matlab(file, None if variable is None else (variable,))
    arrays = {name: value for name, value in content.items() if isinstance(value, np.ndarray) and value.dtype != object}
    name = variable or (next(iter(arrays)) if len(arrays) == 1 else None)
    if name is None or name not in arrays:
        have = ", ".join(read_matlab(file)) or "none"
        msg = f"{str(file)!r} holds {have}; expected one array of numbers. Name it: variable = '{name or 'betas'}'."
        raise DataError(msg)
    return arrays[name]


def _hdf5(file: Path, variable: str | None) -> np.ndarray:
    import h5py

    found: dict[str, tuple[int, ...]] = {}
    try:
        with h5py.File(file, "r") as opened:
            opened.visititems(
                lambda name, one: found.update({name: one.shape}) if isinstance(one, h5py.Dataset) else None
            )
            name = variable if variable is not None else (next(iter(found)) if len(found) == 1 else "")
            if name in found:
                return opened[name][()]
    except OSError as error:
        kind = "" if matlab_kind(file) == "v7.3" else "; it does not begin as HDF5"
        msg = f"{str(file)!r} cannot be read ({' '.join(str(error).split())[:160]}{kind}). Fetch it again."
        raise DataError(msg) from error
    have = ", ".join(f"{one} {shape}" for one, shape in list(found.items())[:6]) or "none"
    msg = f"{str(file)!r} holds {have}; expected one array. Name it: variable = 'betas', say."
    raise DataError(msg)

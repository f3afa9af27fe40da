"""What a user hands over as numbers: lists, data frames, tensors and arrays of any kind become plain arrays."""

from typing import Any

import numpy as np

from brainalign.errors import DataError

# letters of a value in a message; the type stands for longer ones
_LONGEST = 60
_KINDS = {"U": "text", "S": "text", "c": "complex numbers", "M": "dates", "m": "time spans", "V": "records"}


def as_numbers(values: Any, what: str) -> np.ndarray:
    """Return real numbers as an array of native byte order; an array that is one already is not copied.

    Lists, data frames, sparse-free array-likes and tensors (with or without gradient, on any device) become arrays.
    Truth values and half precision become float32, extended precision becomes float64; reversed views and
    memory-mapped arrays stay as they are.

    Parameters
    ----------
    values
        What the user gave.
    what
        What it is, for messages, such as ``"Features"``.

    Raises
    ------
    DataError
        If a value is masked or no real number, or the values form no regular array.
    """
    if np.ma.isMaskedArray(values):
        hidden = int(np.ma.getmaskarray(values).sum())
        if hidden:
            msg = f"{what}: {hidden} values are masked; expected numbers. Leave those stimuli or columns out."
            raise DataError(msg)
        values = values.data
    if hasattr(values, "detach"):
        tensor = values.detach().cpu()
        values = (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()
    try:
        array = np.asarray(values)
    except ValueError as error:  # lists of unequal length
        msg = f"{what}: the values form no regular array ({str(error).split('. ')[0]}); expected rows of equal length."
        raise DataError(msg) from error
    if array.dtype.kind == "O":
        array = _from_objects(array, what)
    if array.dtype.kind not in "fiub":
        kind = _KINDS.get(array.dtype.kind, str(array.dtype))
        msg = f"{what}: the values are {kind}; expected real numbers. Convert them first: values.astype(float)."
        raise DataError(msg)
    half = array.dtype.kind == "f" and array.dtype.itemsize < np.dtype(np.float32).itemsize
    if array.dtype.kind == "b" or half:
        return array.astype(np.float32)
    if array.dtype.itemsize > np.dtype(np.float64).itemsize:
        return array.astype(np.float64)
    # A mapped file of the other byte order is converted where it is read, block by block.
    mapped = isinstance(values, np.memmap)
    return array if array.dtype.isnative or mapped else array.astype(array.dtype.newbyteorder("="))


def _from_objects(array: np.ndarray, what: str) -> np.ndarray:
    """Return an array of Python objects as float64, if all of them are numbers."""
    real = (int, float, np.integer, np.floating)
    wrong = [one for one in array.ravel() if not isinstance(one, real) or isinstance(one, bool)]
    if wrong:
        said = repr(wrong[0])
        if len(said) > _LONGEST or "\n" in said:
            said = f"an object of type {type(wrong[0]).__name__}"
        msg = f"{what}: a value is {said}; expected numbers. Leave those stimuli or columns out."
        raise DataError(msg)
    return array.astype(np.float64)

"""What a recording takes in: one line where it cannot be used, and no copy where it can."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from brainalign.arrays import as_numbers
from brainalign.errors import DataError, StimulusMismatchError
from brainalign.mapped import release, room

# values of one block of trials: 128 MB in float64
_BLOCK = 2**24


def blocks(data: np.ndarray) -> Iterator[slice]:
    """Yield slices of trials that are small enough to be held, so that memory-mapped data are never held as a whole."""
    size = max(1, int(np.prod(data.shape[1:])))
    step = max(1, _BLOCK // size)
    for start in range(0, len(data), step):
        yield slice(start, min(start + step, len(data)))
        release(data)


def rows_of(data: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return the trials at which a mask is true: a part of the file where they follow one another, else a copy."""
    rows = np.flatnonzero(kept)
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
        return data[rows[0] : rows[-1] + 1]
    return _filled(data, rows, None)


def columns_of(data: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return the channels at which a mask is true, of all trials."""
    return data if kept.all() else _filled(data, np.arange(len(data)), kept)


def _filled(data: np.ndarray, rows: np.ndarray, channels: np.ndarray | None) -> np.ndarray:
    """Return a copy of trials and channels, made block by block."""
    n_channels = data.shape[1] if channels is None else int(channels.sum())
    found = room((len(rows), n_channels, *data.shape[2:]), data.dtype)
    for part in blocks(found):
        own = data[rows[part]]
        found[part] = own if channels is None else own[:, channels]
        release(data)
    return found


def checked_array(data: Any, times: Any, name: str) -> tuple[np.ndarray, Any]:
    """Return ``(n_trials, n_channels, n_times)`` and times: one, at 0 s, of an array without that axis.

    Raises
    ------
    DataError
        If there are several times and nobody says when.
    StimulusMismatchError
        If the array has neither two nor three axes, or not as many times as are given.
    """
    array = as_numbers(data, f"{name}: data")
    array = array[:, :, None] if array.ndim == 2 else array
    if array.ndim != 3:
        msg = (
            f"{name}: data has shape {array.shape}; expected (n_trials, n_channels) or (n_trials, n_channels, n_times)."
        )
        raise StimulusMismatchError(msg)
    n_times = array.shape[2]
    if times is None and n_times > 1:
        msg = f"{name}: data has {n_times} times; expected to be told when. Give times = seconds from onset, one each."
        raise DataError(msg)
    if times is not None and len(times) != n_times:
        msg = f"{name}: data has {n_times} times and {len(times)} are given; expected one each, on the last axis."
        raise StimulusMismatchError(msg)
    return array, (0.0,) if times is None else times


def checked_data(data: Any, shape: tuple[int, int, int], name: str) -> np.ndarray:
    """Return finite numbers ``(n_trials, n_channels, n_times)``.

    Arrays of numbers stay as they are, memory-mapped ones included; lists, data frames and tensors become arrays,
    truth values and half precision become float32.

    Raises
    ------
    DataError
        If a value is masked, no real number, NaN or infinite, or if there is none.
    StimulusMismatchError
        If the shape is not the one that ids, channels and times say.
    """
    array = as_numbers(data, f"{name}: data")
    if array.shape != shape:
        add = " For one time, add the axis: data[:, :, None]." if array.shape == shape[:2] and shape[2] == 1 else ""
        msg = (
            f"{name}: data has shape {array.shape}, but ids, channels and times say {shape}; expected (n_trials, "
            f"n_channels, n_times).{add}"
        )
        raise StimulusMismatchError(msg)
    if not array.size:
        msg = f"{name}: {shape[0]} trials, {shape[1]} channels, {shape[2]} times; expected at least one of each."
        raise DataError(msg)
    if array.dtype.kind == "f":
        _check_finite(array, name)
    return array


def checked_mask(mask: Any, n_channels: int, name: str, roi: str) -> np.ndarray:
    """Return a mask ``(n_channels,)``: booleans, at least one of them true.

    Other kinds are not guessed at: a list of ones and zeros may be a mask or a list of positions, and cast to booleans,
    labels and probabilities are true everywhere.
    """
    array = np.asarray(mask.detach().cpu() if hasattr(mask, "detach") else mask)
    where = f"{name}: the mask of ROI {roi!r}"
    if array.dtype != bool and array.size:
        msg = (
            f"{where} holds {_KINDS.get(array.dtype.kind, str(array.dtype))}; expected one boolean per channel. "
            f"{_remedy(array, roi)}"
        )
        raise DataError(msg)
    if array.shape != (n_channels,) and array.size:
        msg = f"{where} has shape {array.shape}; expected ({n_channels},), one boolean per channel."
        raise StimulusMismatchError(msg)
    if not array.any():
        msg = f"{where} is empty: none of {n_channels} channels is in it; expected at least one. Leave the ROI out."
        raise DataError(msg)
    return array


_KINDS = {"U": "text", "S": "text", "O": "objects", "f": "decimal numbers", "i": "whole numbers", "u": "whole numbers"}


def _remedy(array: np.ndarray, roi: str) -> str:
    if array.dtype.kind in "USO":
        return f"Compare labels with a name first: labels == {roi!r}."
    if array.dtype.kind == "f":
        return "Say from which value on a channel belongs to it: values > 0.5."
    return "Write mask.astype(bool) for ones and zeros, np.isin(np.arange(n_channels), positions) for positions."


def checked_rois(rois: Mapping[str, Any], n_channels: int, name: str) -> dict[str, np.ndarray]:
    """Return the masks by name, each checked."""
    if not isinstance(rois, Mapping):
        msg = f"{name}: rois is {type(rois).__name__}; expected a mapping from name to mask, such as {{'V1': mask}}."
        raise DataError(msg)
    return {str(roi): checked_mask(mask, n_channels, name, str(roi)) for roi, mask in rois.items()}


def checked_times(times: Any, name: str) -> tuple[float, ...]:
    """Return times in seconds, finite and increasing."""
    try:
        values = tuple(float(time) for time in times)
    except (TypeError, ValueError) as error:
        msg = f"{name}: times is {times!r}; expected seconds from onset, one number per time, such as (0.0,)."
        raise DataError(msg) from error
    if not np.isfinite(values).all():
        msg = f"{name}: times hold NaN or infinity; expected seconds from onset."
        raise DataError(msg)
    late = np.flatnonzero(np.diff(values) <= 0)
    if len(late):
        k = int(late[0])
        msg = (
            f"{name}: time {k + 1} is {values[k + 1]:g} s after {values[k]:g} s; expected increasing times. Sort times "
            "and data together."
        )
        raise DataError(msg)
    return values


def checked_motion(motion: Any, n_trials: int, name: str) -> np.ndarray:
    """Return the places of a head as ``(n_trials, 6)`` float64, or raise StimulusMismatchError."""
    places = np.asarray(motion, dtype=np.float64)
    if places.shape != (n_trials, 6) or not np.isfinite(places).all():
        msg = f"{name}: motion is {places.shape} for {n_trials} trials; expected (n_trials, 6), all finite."
        raise StimulusMismatchError(msg)
    return places


def checked_names(values: Any, name: str, what: str, n: int | None = None) -> tuple[str, ...]:
    """Return names of channels or runs as text; whole numbers are written out.

    With ``n`` there must be that many (one per trial), and they may repeat; without, each must be another.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        msg = f"{name}: {what} is {values!r}; expected a list of names."
        raise DataError(msg)
    listed = list(values)
    wrong = [one for one in listed if not _nameable(one)]
    if wrong:
        msg = f"{name}: {what} holds {wrong[0]!r}; expected text or whole numbers."
        raise DataError(msg)
    names = tuple(str(one) for one in listed)
    if n is not None and len(names) != n:
        msg = f"{name}: {len(names)} {what} for {n} trials; give one per trial."
        raise StimulusMismatchError(msg)
    if n is None and len(set(names)) < len(names):
        repeated = sorted({one for one in names if names.count(one) > 1})
        msg = f"{name}: {what} {repeated[:3]} repeat ({len(repeated)} do); expected each once. Give each its own name."
        raise DataError(msg)
    return names


def _nameable(value: Any) -> bool:
    if isinstance(value, bool | np.bool_):
        return False
    return (isinstance(value, str) and bool(value.strip())) or isinstance(value, int | np.integer)


def _check_finite(array: np.ndarray, name: str) -> None:
    bad = sum(int((~np.isfinite(array[part])).any(axis=(1, 2)).sum()) for part in blocks(array))
    if bad:
        msg = (
            f"{name}: {bad} of {len(array)} trials hold NaN or infinity; drop those trials (a missing repeat is a "
            "missing trial, not a NaN): keep = np.isfinite(data).all(axis=(1, 2)), then data[keep], with ids and runs."
        )
        raise DataError(msg)

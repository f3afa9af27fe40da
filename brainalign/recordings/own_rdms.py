"""RDMs that a user holds as arrays, in the forms that people keep them, read as RDMs under ids."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from brainalign.arrays import as_numbers
from brainalign.errors import BrainalignError, DataError, SpecError, StimulusMismatchError
from brainalign.rdms import RDMs
from brainalign.recordings.movie import TIME
from brainalign.recordings.own_options import ABOUT
from brainalign.rsatoolbox_exchange import from_rsatoolbox

# with three stimuli, three pairs and a side of three look alike
_ALIKE = 3


def as_rdms(given: Any) -> Any:
    """Return RDMs of rsatoolbox as those of this package; anything else as it is."""
    return from_rsatoolbox(given) if not isinstance(given, RDMs) and hasattr(given, "pattern_descriptors") else given


def own_rdms(
    given: Any,
    ids: Sequence[str],
    subjects: Sequence[str] | None,
    times: Sequence[float] | None,
    measure: str | None = None,
) -> RDMs:
    """Return RDMs with descriptors ``"subject"`` and, where there are times, ``"time"``.

    Parameters
    ----------
    given
        RDMs, one array, or a list of one array per subject. With n stimuli, an array is ``(n, n)``
        or ``(n_pairs,)`` for one subject, ``(n_subjects, n, n)`` or ``(n_subjects, n_pairs)`` for several; with
        ``times`` there is an axis for these, after that of subjects.
    ids
        Stimuli in the order of rows; of ``given`` that carries ids, those that are wanted.
    subjects
        Their names; ``s01`` and so on unless given.
    times
        Seconds from onset.
    measure
        Name of the dissimilarity, where RDMs do not say theirs.

    Raises
    ------
    StimulusMismatchError
        If shapes do not fit the ids, or could be read in two ways.
    DataError
        If a matrix is not symmetric, its diagonal neither 0 nor NaN, or a dissimilarity not finite.
    SpecError
        If names of subjects or times do not fit.
    """
    if isinstance(given, RDMs):
        return _named(given.subset(ids), subjects, times, measure)
    measure = measure or ABOUT["dissimilarity"]
    rows = _rows(given, len(ids), times)
    n_subjects, n_times = rows.shape[:2]
    names = _names(subjects, n_subjects)
    about = {"subject": tuple(name for name in names for _ in range(n_times))}
    if times is not None:
        about[TIME] = tuple(repr(float(time)) for time in times) * n_subjects
    flat = rows.reshape(n_subjects * n_times, *rows.shape[2:])
    if flat.ndim == 2:
        return RDMs(flat, tuple(ids), measure, about)
    diagonal = np.einsum("kii->ki", flat)
    if np.isnan(diagonal).any():
        flat = flat.copy()
        np.einsum("kii->ki", flat)[np.isnan(diagonal)] = 0.0
    try:
        return RDMs.from_matrices(flat, tuple(ids), measure, about)
    except BrainalignError as error:
        msg = f"{error} (RDMs are counted from 0, times of a subject together.)"
        raise DataError(msg) from error


def _rows(given: Any, n: int, times: Sequence[float] | None) -> np.ndarray:
    """Return ``(n_subjects, n_times, n, n)`` or ``(n_subjects, n_times, n_pairs)``."""
    if isinstance(given, (list, tuple)) and len(given) and np.ndim(given[0]) > 0:
        each = [_one(as_numbers(one, f"RDMs of subject {k + 1}"), n, times) for k, one in enumerate(given)]
        shapes = {one.shape for one in each}
        if len(shapes) > 1:
            msg = f"RDMs of subjects have shapes {sorted(shapes)}; expected one. Bring all into one form."
            raise StimulusMismatchError(msg)
        return np.stack(each).astype(np.float64)
    array = as_numbers(given, "RDMs").astype(np.float64)
    extra = _extra(array, n)
    if times is None:
        if extra > 1:
            raise StimulusMismatchError(_shape_message(array.shape, n, "Give times, in seconds, for an axis of times."))
        return array[None, None] if extra == 0 else array[:, None]
    if extra == 0:
        return _with_times(array[None], times)[None]
    return _with_times(array, times)[None] if extra == 1 else np.stack([_with_times(one, times) for one in array])


def _one(array: np.ndarray, n: int, times: Sequence[float] | None) -> np.ndarray:
    """Return what one subject has as ``(n_times, ...)``."""
    extra = _extra(array, n)
    if extra > 1 or (extra == 1 and times is None):
        remedy = "One array per subject has an axis before the stimuli only where times are given."
        raise StimulusMismatchError(_shape_message(array.shape, n, remedy))
    return _with_times(array[None] if extra == 0 else array, times) if times is not None else array[None]


def _with_times(array: np.ndarray, times: Sequence[float]) -> np.ndarray:
    if len(array) != len(times):
        msg = f"{len(times)} times for {len(array)} RDMs of a subject; expected one time each. Give times in seconds."
        raise SpecError(msg)
    return array


def _extra(array: np.ndarray, n: int) -> int:
    """Return how many axes stand before the stimuli or pairs."""
    n_pairs, shape = n * (n - 1) // 2, array.shape
    square = len(shape) >= 2 and shape[-2:] == (n, n)
    condensed = len(shape) >= 1 and shape[-1] == n_pairs
    if square and condensed and n == _ALIKE:
        msg = (
            f"RDMs of shape {shape} for 3 stimuli are matrices or pairs, and nothing tells which. Give pairs, one "
            "array per subject, in a list."
        )
        raise StimulusMismatchError(msg)
    if square or condensed:
        extra = len(shape) - (2 if square else 1)
        if extra <= 2:
            return extra
    first = len(shape) >= 3 and shape[:2] == (n, n)
    remedy = (
        "The stimuli stand first: if subjects or times stand last, np.moveaxis(rdms, -1, 0) puts them before."
        if first
        else f"One id per row is needed: {n} are given."
    )
    raise StimulusMismatchError(_shape_message(shape, n, remedy))


def _shape_message(shape: tuple[int, ...], n: int, remedy: str) -> str:
    n_pairs = n * (n - 1) // 2
    return (
        f"RDMs have shape {shape} for {n} stimuli; expected ({n}, {n}) or ({n_pairs},) for one subject, with an axis "
        f"of subjects, and then of times, before. {remedy}"
    )


def _named(rdms: RDMs, subjects: Sequence[str] | None, times: Sequence[float] | None, measure: str | None) -> RDMs:
    """Return RDMs that carry ids, with what is given of subjects, times and dissimilarity."""
    about = dict(rdms.descriptors)
    if times is not None:
        if TIME in about or len(times) != len(rdms):
            known = ", which have times" if TIME in about else ""
            msg = f"{len(times)} times for {len(rdms)} RDMs{known}; expected one time each. Leave times out."
            raise SpecError(msg)
        about[TIME] = tuple(repr(float(time)) for time in times)
    if "subject" in about:
        have = tuple(dict.fromkeys(about["subject"]))
        new = dict(zip(have, _names(have if subjects is None else subjects, len(have)), strict=True))
        about["subject"] = tuple(new[one] for one in about["subject"])
    elif TIME in about:
        about["subject"] = tuple(_names(subjects, 1)) * len(rdms)
        if len(set(about[TIME])) < len(rdms):
            msg = (
                f"{len(rdms)} RDMs at {len(set(about[TIME]))} times; expected to be told whose each is. Give the RDMs "
                "a descriptor 'subject', one name each."
            )
            raise SpecError(msg)
    else:
        about["subject"] = tuple(_names(subjects, len(rdms)))
    known = rdms.measure if rdms.measure != ABOUT["dissimilarity"] else measure or rdms.measure
    return replace(rdms, measure=known, descriptors=about)


def _names(subjects: Sequence[str] | None, n: int) -> Sequence[str]:
    names = [f"s{k + 1:02d}" for k in range(n)] if subjects is None else list(subjects)
    if len(names) != n or len(set(names)) != n:
        raise SpecError(_count(len(set(names)), n))
    return names


def _count(names: int, n: int) -> str:
    return (
        f"subjects has {names} different names for {n} subjects; expected one each. Leave it out for s01 to s{n:02d}."
    )

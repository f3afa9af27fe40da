"""Confounds of fMRIPrep, of old and new versions, by the names of their columns."""

import os
import re
from collections.abc import Sequence

import numpy as np

from brainalign.errors import DataError
from brainalign.readers.damage import require_data
from brainalign.readers.events import read_table

#: Seconds from the onset of a short event to the peak of the haemodynamic response (SPM's canonical one).
PEAK = 5.0
_MOTION = tuple(f"{kind}_{axis}" for kind in ("trans", "rot") for axis in "xyz")

#: Sets of columns by a name; ``*`` stands for any number.
SETS = {
    "motion6": _MOTION,
    "motion24": tuple(
        f"{one}{end}" for one in _MOTION for end in ("", "_derivative1", "_power2", "_derivative1_power2")
    ),
    "acompcor5": tuple(f"a_comp_cor_{k:02d}" for k in range(5)),
    "tissue": ("csf", "white_matter"),
    "outliers": ("motion_outlier*", "non_steady_state_outlier*"),
    "cosine": ("cosine*",),
}


def read_confounds(path: str | os.PathLike[str], columns: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return confounds ``(n_volumes, n_columns)`` and their names.

    Parameters
    ----------
    path
        ``*_desc-confounds_timeseries.tsv``, or ``..._regressors.tsv`` of older versions.
    columns
        Names of columns, sets of :data:`SETS`, or patterns with ``*`` (of which there may be none in a run).

    Raises
    ------
    DataError
        If a column is missing, or a value other than the first of a derivative.
    """
    file = require_data(path)
    table = read_table(file)
    columns_of = [str(column) for column in table]
    wanted = [one for name in columns for one in SETS.get(name, (name,))]
    names: list[str] = []
    for one in dict.fromkeys(wanted):
        if "*" in one:
            pattern = re.compile(re.escape(one).replace(r"\*", r"\d*"))
            names += [column for column in columns_of if pattern.fullmatch(column)]
        elif one in table:
            names.append(one)
        else:
            near = [column for column in columns_of if column.split("_")[0] == one.split("_")[0]][:4]
            msg = (
                f"{str(file)!r} has no column {one!r}; near it: {', '.join(near) or 'none'}. Name others or leave it "
                "out."
            )
            raise DataError(msg)
    values = np.array([[_number(one) for one in table[name]] for name in names], dtype=float).reshape(len(names), -1).T
    for k, name in enumerate(names):
        missing = np.flatnonzero(~np.isfinite(values[:, k]))
        if missing.tolist() == [0] and "derivative" in name:
            values[0, k] = 0.0  # nothing precedes the first volume
        elif len(missing):
            msg = (
                f"{str(file)!r}: {name} has no value in {len(missing)} volumes, first {missing[0]}. Leave the column "
                "out."
            )
            raise DataError(msg)
    return values, tuple(names)


def motion_of_events(
    motion: np.ndarray,
    onsets: Sequence[float] | np.ndarray,
    durations: Sequence[float] | np.ndarray,
    seconds: float,
    shift: float = PEAK,
) -> np.ndarray:
    """Return the mean motion parameters of the volumes that answer each event, ``(n_events, n_parameters)``.

    Parameters
    ----------
    motion
        ``(n_volumes, n_parameters)``, such as ``read_confounds(path, ["motion6"])[0]`` of a run.
    onsets, durations
        Of events, in seconds from the first volume.
    seconds
        Between volumes.
    shift
        Seconds by which the response follows, its peak unless given; volumes whose middle lies from ``onset + shift``
        to before ``onset + shift + max(duration, seconds)`` are taken.

    Raises
    ------
    DataError
        If an event has no volume.
    """
    middle = (np.arange(len(motion)) + 0.5) * seconds
    rows = []
    for onset, duration in zip(onsets, durations, strict=True):
        own = (middle >= onset + shift) & (middle < onset + shift + max(duration, seconds))
        if not own.any():
            msg = f"The event at {onset:g} s has no volume {shift:g} s later; expected one. Look at onsets and shift."
            raise DataError(msg)
        rows.append(np.asarray(motion)[own].mean(axis=0))
    return np.stack(rows)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")

"""Tables of events: onsets in seconds, ids of stimuli, and every row that has neither said."""

import csv
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from brainalign.errors import DataError
from brainalign.readers.damage import require_data
from brainalign.readers.id_forms import formed

_MISSING = ("", "n/a", "N/A", "NA", "nan", "NaN")
_DAY = 86_400.0
#: What an onset may be given in.
UNITS = ("s", "ms", "samples")


@dataclass(frozen=True, eq=False)
class Events:
    """Stimuli in the order of time.

    Parameters
    ----------
    onsets, durations
        Seconds; a duration that is not given is NaN.
    ids
        ``(n_events,)``.
    table
        The rows of the file, all text, ``(n_events, n_columns)``.
    notes
        Sentences on what was left out.
    """

    onsets: np.ndarray
    durations: np.ndarray
    ids: tuple[str, ...]
    table: pd.DataFrame
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.onsets)


def read_events(
    path: str | os.PathLike[str],
    ids: str,
    *,
    where: Mapping[str, str] | None = None,
    id_form: str = "text",
    onset: str = "onset",
    onset_unit: str = "s",
    sampling_rate: float | None = None,
    lasts: float | None = None,
) -> Events:
    """Return the stimuli of a table of events, such as ``events.tsv`` of BIDS.

    Parameters
    ----------
    path
        Text with tabs, or commas where its name ends in ``.csv``.
    ids
        Column that says which stimulus was shown; rows without a value there are no stimuli.
    where
        Column to the value that a row must have, such as ``{"trial_type": "exp"}``.
    id_form
        ``"text"``; ``"file_name"``: without folders and suffix; ``"imagenet"``: numbers as names, see
        :func:`brainalign.readers.id_forms.imagenet_name`.
    onset, onset_unit
        Column of onsets, and what they are in: ``"s"``, ``"ms"`` or ``"samples"`` (then give ``sampling_rate``).
    sampling_rate
        Samples per second of the recording.
    lasts
        Seconds that the recording lasts: later onsets cannot be right.

    Raises
    ------
    DataError
        If a column is missing, an onset is no number, onsets cannot be in the unit, or no stimulus is there.
    """
    file = require_data(path)
    table = read_table(file)
    for column in (onset, ids, *(where or {})):
        if column not in table:
            raise DataError(_no_column(file, table, column))
    notes = []
    for column, value in (where or {}).items():
        rows = table[column] == str(value)
        if not rows.any():
            values = ", ".join(repr(one) for one in table[column].unique()[:6])
            msg = f"{str(file)!r}: no row has {column} = {value!r}; expected one of {values}."
            raise DataError(msg)
        table = table[rows]
    named = ~table[ids].isin(_MISSING)
    if not named.any():
        raise DataError(_no_column(file, table, ids, f"no row of {len(table)} has a value in column {ids!r}"))
    if not named.all():
        notes.append(f"{int((~named).sum())} of {len(named)} events have no {ids} and were left out.")
    table = table[named]
    seconds = _seconds(table[onset], onset_unit, sampling_rate, file)
    _check_unit(seconds, table[onset], onset_unit, sampling_rate, lasts, file)
    order = np.argsort(seconds, kind="stable")
    table = table.iloc[order].reset_index(drop=True)
    found = formed(table[ids].tolist(), id_form, f"{str(file)!r}, column {ids!r}")
    durations = pd.to_numeric(table.get("duration", pd.Series(np.nan, table.index)), errors="coerce")
    return Events(
        onsets=seconds[order], durations=durations.to_numpy(float), ids=found, table=table, notes=tuple(notes)
    )


def read_table(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Return a table as text without the spaces around values; a damaged one raises :class:`DataError`.

    Every row must have as many values as the header has names: what stands under another name would be read as it.
    """
    file = require_data(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"{str(file)!r} is no table ({error.reason}); expected text in UTF-8 with a header. Export it again."
        raise DataError(msg) from error
    comma = "," if file.suffix == ".csv" else "\t"
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=comma) if any(value.strip() for value in row)]
    wrong = next((k for k, row in enumerate(rows) if len(row) != len(rows[0])), None)
    if not rows or wrong is not None or "\0" in text:
        what = "it holds zero bytes" if "\0" in text else "it has no header"
        if wrong is not None:
            what = f"row {wrong} has {len(rows[wrong])} values for {len(rows[0])} columns"
        msg = f"{str(file)!r} is no table ({what}); expected rows of equal length with a header. Export it again."
        raise DataError(msg)
    cells = [[value.strip() for value in row] for row in rows]
    return pd.DataFrame(cells[1:], columns=pd.Index(cells[0]), dtype=str)


def _seconds(column: pd.Series, unit: str, sampling_rate: float | None, file: Path) -> np.ndarray:
    if unit not in UNITS:
        msg = f"onset_unit = {unit!r}; expected one of {', '.join(UNITS)}."
        raise DataError(msg)
    values = pd.to_numeric(column, errors="coerce").to_numpy(float)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        msg = (
            f"{str(file)!r}: onset {column.iloc[int(wrong[0])]!r} is no number ({len(wrong)} of {len(values)} are "
            "none); "
            "expected a time. Name the column that holds them: onset = 'sample', say."
        )
        raise DataError(msg)
    if unit == "samples" and sampling_rate is None:
        msg = f"{str(file)!r}: onset_unit = 'samples' needs sampling_rate, in samples per second."
        raise DataError(msg)
    return values / {"s": 1.0, "ms": 1000.0, "samples": float(sampling_rate or 1.0)}[unit]


def _check_unit(
    seconds: np.ndarray, given: pd.Series, unit: str, sampling_rate: float | None, lasts: float | None, file: Path
) -> None:
    """Refuse onsets that cannot be what they are said to be."""
    last, whole = float(seconds.max()), bool(given.str.fullmatch(r"-?\d+(\.0*)?").all())
    limit = _DAY if lasts is None else lasts
    if last <= limit:
        return
    what = f"the recording lasts {lasts:g} s" if lasts is not None else "a recording lasts less than a day"
    smaller = "samples" if sampling_rate and (lasts is None or last / sampling_rate <= lasts) else "ms"
    hint = (
        f"onset_unit = '{smaller}'"
        if unit == "s" and whole
        else "the right onset_unit, or the events of this recording"
    )
    kind = "whole numbers, " if whole else ""
    msg = f"{str(file)!r}: onsets reach {last:.6g} s ({kind}unit {unit!r}), but {what}. Give {hint}."
    raise DataError(msg)


def _no_column(file: Path, table: pd.DataFrame, column: str, instead: str = "") -> str:
    columns = ", ".join(table.columns[:12])
    fault = instead or f"no column {column!r} (it has {columns})"
    mentioned = [] if file.suffix == ".csv" else files_with_ids(file)
    if mentioned:
        return f"{str(file)!r}: {fault}. The data set names another file with events: {mentioned[0]!r}; give ids_file."
    return f"{str(file)!r}: {fault}. Name the column that says which stimulus was shown."


def files_with_ids(path: str | os.PathLike[str]) -> list[str]:
    """Return tables of events beside ``events.tsv`` that a BIDS data set holds or that its README names."""
    import re

    root = next((one for one in Path(path).resolve().parents if (one / "dataset_description.json").is_file()), None)
    if root is None:
        return []
    found = [str(one.relative_to(root)) for one in sorted(root.glob("derivatives/**/*events*.csv"))]
    found += [str(one.relative_to(root)) for one in sorted(root.glob("sourcedata/**/*events*.csv"))]
    for readme in sorted(root.glob("README*")):
        text = readme.read_text(encoding="utf-8", errors="replace")
        found += re.findall(r"[\w./-]*/[\w-]*events?[\w-]*\.(?:csv|tsv)", text)
    return list(dict.fromkeys(found))

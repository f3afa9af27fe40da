"""A folder as it lies on a disk: pointers, leftovers, events that cannot be what they are said to be."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from brainalign.data_check.finding import Finding
from brainalign.errors import DataError
from brainalign.readers.damage import damage
from brainalign.readers.events import files_with_ids, read_table

_DATA = (".eeg", ".vhdr", ".vmrk", ".set", ".fdt", ".edf", ".bdf", ".fif", ".meg4", ".res4", ".sqd", ".con", ".nii",
         ".nii.gz", ".gii", ".mat", ".h5", ".hdf5", ".npy", ".tsv", ".csv", ".png", ".jpg", ".jpeg")  # fmt: skip
_DAY = 86_400.0
# columns that no stimulus is named in
_NOT_IDS = {"onset", "duration", "sample", "value", "trial_type", "response_time", "rt", "response", "correct",
            "trial", "trial_no", "trialnumber", "event_type", "stimuluspresentation", "begsample",
            "endsample"}  # fmt: skip


def check_folder(root: str | os.PathLike[str], ids: str = "") -> Iterator[Finding]:
    """Yield what is found in the files of a folder, without reading recordings.

    Parameters
    ----------
    root
        A BIDS data set, or any folder.
    ids
        Column of ``events.tsv`` that says which stimulus was shown; unless given, a table in which no column could is
        a finding.

    Raises
    ------
    DataError
        If there is no such folder.
    """
    folder = Path(root)
    if not folder.is_dir():
        msg = f"{os.fspath(root)!r} is no folder; expected one with recordings. Correct the path."
        raise DataError(msg)
    files = sorted(one for one in folder.rglob("*") if ".git" not in one.parts and not one.is_dir())
    yield from _damaged(files, folder)
    for file in files:
        if file.name.endswith("_events.tsv") and not file.name.startswith("._") and not damage(file):
            yield from _events(file, folder, ids)


def _damaged(files: list[Path], folder: Path) -> Iterator[Finding]:
    """Yield one finding for each kind of damage, with the number of files and the first of them."""
    kinds: dict[str, list[tuple[Path, str]]] = {"leftover": [], "pointer": [], "unreadable": []}
    for file in files:
        if not (file.name.startswith("._") or file.name.lower().endswith(_DATA)):
            continue
        fault = damage(file)
        if fault:
            pointer = "pointer" in fault or "link to" in fault
            kinds["leftover" if file.name.startswith("._") else "pointer" if pointer else "unreadable"].append(
                (file, fault)
            )
    remedies = {
        "leftover": "AppleDouble files, which macOS leaves and which hold no data. Delete them",
        "pointer": "pointers of git-annex or Git LFS instead of data. Fetch their content: datalad get, git lfs pull",
        "unreadable": "files that are empty. Fetch them again",
    }
    for kind, found in kinds.items():
        if found:
            first = found[0][0].relative_to(folder)
            yield Finding(kind, str(first), f"{len(found)} {remedies[kind]}.", severe=kind != "leftover")


def _events(file: Path, folder: Path, ids: str) -> Iterator[Finding]:
    where = str(file.relative_to(folder))
    try:
        table = read_table(file)
    except DataError as error:
        yield Finding("unreadable", where, str(error), severe=True)
        return
    yield from _onsets(table, where, _rate(file, folder))
    named = [ids] if ids else [one for one in map(str, table.columns) if one.lower() not in _NOT_IDS]
    missing = [one for one in named if one not in table]
    if missing or not named:
        have = ", ".join(map(str, table.columns))
        other = files_with_ids(file)
        hint = f"The data set names {other[0]!r}: give ids_file" if other else "Name the table that holds ids: ids_file"
        text = f"no column {missing[0]!r}" if missing else "no column could name a stimulus"
        yield Finding("events without ids", where, f"{text} (columns {have}). {hint}.", severe=True)
    elif ids:
        empty = table[ids].isin(("", "n/a", "N/A")).sum()
        if empty:
            text = f"{empty} of {len(table)} events have no {ids}; they are left out. Look whether they are stimuli."
            yield Finding("events without ids", where, text)


def _onsets(table: pd.DataFrame, where: str, rate: float | None) -> Iterator[Finding]:
    if "onset" not in table:
        text = "no column 'onset'. Name the column that holds times: onset = 'sample', say."
        yield Finding("onset unit", where, text, severe=True)
        return
    onsets = pd.to_numeric(table["onset"], errors="coerce").to_numpy(float)
    bad = ~np.isfinite(onsets)
    if bad.any():
        text = f"{int(bad.sum())} of {len(bad)} onsets are no numbers. Leave those rows out, or name another column."
        yield Finding("onset unit", where, text)
    good = onsets[~bad]
    if len(good) and good.max() > _DAY:
        whole = bool((good == np.round(good)).all())
        hint = f"samples at {rate:g} Hz" if rate else "samples or milliseconds"
        text = (
            f"onsets reach {good.max():.6g}, {good.max() / 3600:.0f} hours if they are seconds"
            f"{'; all are whole numbers' if whole else ''}. Give onset_unit = 'samples' or 'ms' ({hint})."
        )
        yield Finding("onset unit", where, text, severe=True)


def _rate(file: Path, folder: Path) -> float | None:
    """Return the sampling rate that a sidecar of the recording, or of its task, states."""
    import json

    stem = file.name.removesuffix("_events.tsv")
    task = next((part for part in stem.split("_") if part.startswith("task-")), "")
    for place in (file.parent, folder):
        for kind in ("eeg", "meg"):
            for name in (f"{stem}_{kind}.json", f"{task}_{kind}.json"):
                if (place / name).is_file():
                    value = json.loads((place / name).read_text("utf-8")).get("SamplingFrequency")
                    if isinstance(value, int | float):
                        return float(value)
    return None

"""EEG and MEG of a BIDS folder as epochs, through mne-bids, with a declared column of ids."""

import contextlib
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from brainalign.errors import DataError
from brainalign.readers.damage import require_data
from brainalign.readers.epochs import of_epochs
from brainalign.readers.events import Events, read_events
from brainalign.readers.preprocess import Preprocess
from brainalign.readers.trials import Trials


@dataclass(frozen=True)
class MeegEvents:
    """Which rows of ``events.tsv`` are stimuli, and where their ids stand.

    Parameters
    ----------
    ids
        Column of ids.
    where, id_form, onset, onset_unit
        As in :func:`~brainalign.readers.events.read_events`.
    file
        Table to read instead of ``events.tsv``, from the root of the data set; ``{subject}``, ``{session}`` and
        ``{run}`` are filled in.
    rate
        Samples per second that onsets in samples count; those of the recording unless given.
    runs
        Column that names the run of each stimulus; files are the runs unless given.
    """

    ids: str
    where: Mapping[str, str] | None = None
    id_form: str = "text"
    onset: str = "onset"
    onset_unit: str = "s"
    file: str = ""
    rate: float | None = None
    runs: str = ""


def meeg_subjects(root: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the labels of subjects that have EEG or MEG in a BIDS folder; none raises :class:`DataError`."""
    found = [
        folder.name.removeprefix("sub-")
        for folder in sorted(Path(root).glob("sub-*"))
        if any(folder.glob("**/eeg")) or any(folder.glob("**/meg"))
    ]
    if not found:
        msg = (
            f"{os.fspath(root)!r} holds no sub-*/eeg or sub-*/meg; expected the root of a BIDS data set. Correct the "
            "path."
        )
        raise DataError(msg)
    return tuple(found)


def read_bids_meeg(
    root: str | os.PathLike[str],
    subject: str,
    events: MeegEvents,
    preprocess: Preprocess,
    *,
    task: str | None = None,
    sessions: Sequence[str] | None = None,
    files: Sequence[str] | None = None,
    kinds: Sequence[str] | None = None,
) -> Trials:
    """Return the trials of one subject over all its runs; ``kinds`` are channel types, EEG and MEG unless given.

    Runs are named ``<session>/<run>``, as far as there are such; ``files`` are the labels of those that are read, all
    unless given.

    Raises
    ------
    DataError
        If there are no recordings, files are pointers or damaged, events have no ids, or channels differ between runs.
    """
    parts = []
    for path in _paths(root, subject, task, sessions, files):
        raw = _raw(path)
        lasts = float(raw.times[-1])
        table = _events_file(path, root, events)
        shown = read_events(
            table, events.ids, where=events.where, id_form=events.id_form, onset=events.onset,
            onset_unit=events.onset_unit, sampling_rate=events.rate or raw.info["sfreq"], lasts=lasts,
        )  # fmt: skip
        parts.append(_of_raw(raw, shown, preprocess, _run(path), column=events.runs, kinds=kinds))
    return joined_runs(parts, f"sub-{subject}")


def events_of(
    root: str | os.PathLike[str],
    subject: str,
    events: MeegEvents,
    *,
    task: str | None = None,
    sessions: Sequence[str] | None = None,
    files: Sequence[str] | None = None,
) -> tuple[str, ...]:
    """Return the ids that the events of one subject name, each once, without reading its recordings.

    Raises
    ------
    DataError
        If there are no recordings, or events have no ids.
    """
    found: dict[str, None] = {}
    for path in _paths(root, subject, task, sessions, files):
        table = _events_file(path, root, events)
        # the unit of onsets is checked when the recording is read, which says how long it is
        shown = read_events(table, events.ids, where=events.where, id_form=events.id_form, onset=events.onset,
                            onset_unit=events.onset_unit, sampling_rate=1.0, lasts=float("inf"))  # fmt: skip
        found |= dict.fromkeys(shown.ids)
    return tuple(found)


def of_raw(raw: Any, events: Events | pd.DataFrame, preprocess: Preprocess, run: str = "1", **options: Any) -> Trials:
    """Return trials of continuous data around events: an :class:`Events`, or a table with columns onset (s) and id.

    Raises
    ------
    DataError
        If the table lacks a column, an onset lies outside the recording, or no epoch is left.
    """
    if isinstance(events, pd.DataFrame):
        if not {"onset", "id"} <= set(events):
            have = ", ".join(map(str, events.columns))
            msg = f"Events have columns {have}; expected 'onset' in seconds and 'id'. Rename them."
            raise DataError(msg)
        onsets = events["onset"].to_numpy(float)
        events = Events(onsets, np.full(len(onsets), np.nan), tuple(events["id"].tolist()), events.astype(str))
    late = (events.onsets < 0) | (events.onsets > raw.times[-1])
    if late.any():
        msg = (
            f"{int(late.sum())} of {len(events)} onsets lie outside the recording, first {events.onsets[late][0]:g} "
            "s; it "
            f"lasts {raw.times[-1]:.1f} s. Give onsets in seconds from its beginning."
        )
        raise DataError(msg)
    return _of_raw(raw, events, preprocess, run, **options)


def joined_runs(parts: Sequence[Trials], name: str) -> Trials:
    """Return the trials of several runs as one, over the channels that all runs have.

    A channel that is bad in one run is left out of all, and said. Times must agree.
    """
    first = parts[0]
    common = set(first.channels).intersection(*(part.channels for part in parts))
    shared = [one for one in first.channels if one in common]
    if not shared:
        msg = f"{name}: runs share no channel; expected the same names in all. Rename them."
        raise DataError(msg)
    for part in parts[1:]:
        if len(part.times) != len(first.times) or not np.allclose(part.times, first.times, rtol=0, atol=1e-6):
            msg = f"{name}: runs have {len(first.times)} and {len(part.times)} times; expected the same. Resample them."
            raise DataError(msg)
        apart = first.geometry.mismatch(part.geometry) if first.geometry and part.geometry else ""
        if apart:
            msg = f"{name}: runs lie on {apart}; expected one place for each channel. Resample them."
            raise DataError(msg)
    lost = dict.fromkeys(one for part in parts for one in part.channels if one not in common)
    notes = [note for part in parts for note in part.notes]
    if lost:
        names = ", ".join(list(lost)[:10]) + (", ..." if len(lost) > 10 else "")
        notes.append(f"{len(lost)} channels were left out of all runs because a run lacks them: {names}.")
    places = [{one: k for k, one in enumerate(part.channels)} for part in parts]
    rows = [[place[one] for one in shared] for place in places]
    kept = rows[0]
    return Trials(
        data=np.concatenate([part.data[:, row] for part, row in zip(parts, rows, strict=True)]),
        stimulus_ids=tuple(one for part in parts for one in part.stimulus_ids),
        channels=tuple(shared),
        times=first.times,
        modality=first.modality,
        unit=first.unit,
        rois={roi: mask[kept] for roi, mask in first.rois.items() if mask[kept].any()},
        runs=tuple(one for part in parts for one in part.runs or ()) or None,
        notes=tuple(dict.fromkeys(notes)),
        geometry=None if first.geometry is None else first.geometry.at(np.array(kept)),
        motion=None if first.motion is None else np.concatenate([part.motion for part in parts]),
    )


def _of_raw(raw: Any, events: Events, preprocess: Preprocess, run: str, column: str = "", **options: Any) -> Trials:
    if column and column not in events.table:
        msg = f"Events have no column {column!r}; their columns are {', '.join(map(str, events.table))}. Correct runs."
        raise DataError(msg)
    runs = [f"{run}/{one}" for one in events.table[column]] if column else [run] * len(events)
    metadata = pd.DataFrame({"id": list(events.ids), "run": runs})
    epochs = preprocess.epochs(raw, events.onsets, metadata)
    trials = of_epochs(epochs, "id", runs="run", **options)
    lost = len(events) - len(epochs)
    notes = [*events.notes, preprocess.sentence(), *trials.notes]
    if lost:
        notes.append(f"{lost} of {len(events)} epochs of run {run} were left out.")
    return Trials(**{**trials.fields(), "notes": tuple(notes)})


def _paths(
    root: str | os.PathLike[str],
    subject: str,
    task: str | None,
    sessions: Sequence[str] | None,
    runs: Sequence[str] | None = None,
) -> list[Any]:
    from mne_bids import find_matching_paths

    for suffix in ("eeg", "meg"):
        found = find_matching_paths(
            root, subjects=subject, tasks=task, sessions=list(sessions) if sessions else None,
            runs=list(runs) if runs else None, suffixes=suffix,
            datatypes=suffix, extensions=[".vhdr", ".set", ".edf", ".bdf", ".fif", ".ds", ".con", ".sqd"],
            ignore_json=True, ignore_nosub=True,
        )  # fmt: skip
        found = [one for one in found if not one.fpath.name.startswith("._")]
        if found:
            tasks = sorted({str(one.task) for one in found})
            if len(tasks) > 1:
                msg = f"{os.fspath(root)!r}: sub-{subject} has tasks {', '.join(tasks)}; name one: task = {tasks[0]!r}."
                raise DataError(msg)
            return sorted(found, key=lambda one: (one.session or "", one.run or "", one.split or ""))
    msg = (
        f"{os.fspath(root)!r}: no recording of sub-{subject}"
        + (f", task {task}" if task else "")
        + "; look at its folder."
    )
    raise DataError(msg)


def _raw(path: Any) -> Any:
    from mne_bids import read_raw_bids

    file = require_data(path.fpath)
    if file.suffix == ".vhdr":
        for suffix in (".eeg", ".vmrk"):
            require_data(file.with_suffix(suffix))
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(None):
            warnings.simplefilter("ignore")
            return read_raw_bids(path, extra_params={}, on_ch_mismatch="raise", verbose="error").load_data(
                verbose="error"
            )
    except Exception as error:  # readers of foreign formats raise anything on damaged input
        reason = " ".join(str(error).split())[:240] or type(error).__name__
        msg = (
            f"{str(file)!r} cannot be read ({reason}); expected a BIDS recording. Run the BIDS validator on its folder."
        )
        raise DataError(msg) from error


def _events_file(path: Any, root: str | os.PathLike[str], events: MeegEvents) -> Path:
    if events.file:
        return Path(root) / events.file.format(subject=path.subject, session=path.session, run=path.run)
    found = path.copy().update(suffix="events", extension=".tsv", split=None)
    return Path(found.fpath)


def _run(path: Any) -> str:
    return "/".join(str(one) for one in (path.session, path.run) if one) or "1"

"""Epochs, averages and continuous data of mne as trials: ids, channel types as ROIs, bad channels left out."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from brainalign.errors import DataError
from brainalign.readers.trials import Trials
from brainalign.readers.units import UNITS, require_fit

_DATA = tuple(UNITS)


def of_epochs(
    epochs: Any,
    ids: str | Sequence[Any],
    *,
    runs: str | Sequence[Any] | None = None,
    unit: str | None = None,
    scale: float = 1.0,
    kinds: Sequence[str] | None = None,
) -> Trials:
    """Return epochs as trials.

    Parameters
    ----------
    epochs
        ``mne.BaseEpochs``; epochs that were dropped are not there.
    ids
        Column of ``epochs.metadata``, or one id per epoch. ``"event"`` takes the names of ``epochs.event_id``.
    runs
        Column of ``epochs.metadata``, or one run per epoch.
    unit
        Unit of the values, if they are not in mne's (V, T, T/m): ``"z"`` for standardised ones.
    scale
        Factor that brings values into that unit: 1e-6 for microvolt that a file calls volt.
    kinds
        Channel types to keep: ``"eeg"``, ``"mag"``, ``"grad"``, or what mne calls others (``"misc"``); all of EEG and
        MEG unless given.

    Returns
    -------
    trials
        Its ROIs are the channel types; channels marked bad are left out, and a note says which.

    Raises
    ------
    DataError
        If there are no such channels or columns, an id is missing, or amplitudes contradict the unit.
    """
    name = "Epochs"
    labels = _column(epochs, ids, "ids", name)
    data = epochs.get_data(copy=False)
    kept, rois, notes = _channels(epochs, kinds, name)
    values = _scaled(data[:, kept], scale)
    types = _types(epochs, kept)
    parts = None if runs is None else tuple(str(one) for one in _column(epochs, runs, "runs", name))
    return _trials(values, types, labels, epochs, kept, rois, notes, unit, name, parts)


def of_evoked(
    evoked: Any,
    ids: Sequence[Any] | None = None,
    *,
    unit: str | None = None,
    scale: float = 1.0,
    kinds: Sequence[str] | None = None,
) -> Trials:
    """Return averages, one ``mne.Evoked`` or several, as one trial each.

    ``ids`` are theirs, or their comments unless given. See :func:`of_epochs` for the rest.

    Raises
    ------
    DataError
        If averages differ in channels or times, or amplitudes contradict the unit.
    """
    name = "Averages"
    several = list(evoked) if isinstance(evoked, list | tuple) else [evoked]
    first = several[0]
    for one in several[1:]:
        if one.ch_names != first.ch_names or not np.allclose(one.times, first.times, rtol=0, atol=1e-9):
            msg = (
                f"{name}: {one.comment!r} has other channels or times than {first.comment!r}; expected the same for "
                "all."
            )
            raise DataError(msg)
    labels = [one.comment for one in several] if ids is None else list(ids)
    kept, rois, notes = _channels(first, kinds, name)
    values = _scaled(np.stack([one.get_data()[kept] for one in several]), scale)
    return _trials(values, _types(first, kept), labels, first, kept, rois, notes, unit, name, None)


def _trials(
    values: np.ndarray, types: list[str], labels: Sequence[Any], source: Any, kept: np.ndarray,
    rois: dict[str, np.ndarray], notes: list[str], unit: str | None, name: str, runs: tuple[str, ...] | None,
) -> Trials:  # fmt: skip
    if unit is None:
        for kind, mask in rois.items():
            require_fit(values[:, mask], kind, name)
    units = dict.fromkeys(UNITS[kind][0] if kind in UNITS else "unknown unit" for kind in types)
    if unit is None and "unknown unit" in units:
        msg = f"{name}: channels of type {types[0]!r} have no unit; expected EEG or MEG. Give unit = 'uV', say."
        raise DataError(msg)
    return Trials(
        data=values,
        stimulus_ids=tuple(labels),
        channels=tuple(source.ch_names[k] for k in kept),
        times=tuple(float(time) for time in source.times),
        modality="MEG" if set(types) & {"mag", "grad"} else "EEG",
        unit=unit or ", ".join(units),
        rois=rois,
        runs=runs,
        notes=tuple(notes),
    )


def _column(epochs: Any, values: str | Sequence[Any], what: str, name: str) -> Sequence[Any]:
    """Return one value per epoch: a column of the metadata, names of events, or what was given."""
    if not isinstance(values, str):
        listed = list(values)
        if len(listed) != len(epochs):
            msg = (
                f"{name}: {len(listed)} {what} for {len(epochs)} epochs; give one each, of those that were not dropped."
            )
            raise DataError(msg)
        return listed
    if epochs.metadata is not None and values in epochs.metadata:
        column = epochs.metadata[values]
        missing = column.isna()
        if missing.any():
            msg = (
                f"{name}: column {values!r} has no value in {int(missing.sum())} of {len(column)} epochs; expected one "
                f"each. Leave those epochs out: epochs[epochs.metadata[{values!r}].notna()]."
            )
            raise DataError(msg)
        return column.tolist()
    if values == "event":
        names = {code: label for label, code in epochs.event_id.items()}
        return [names[code] for code in epochs.events[:, 2]]
    if epochs.metadata is None:
        fault = f"no metadata, so no column {values!r}; expected epochs.metadata = a table with a row per epoch"
        msg = f"{name}: {fault}. Set it, give one value per epoch, or 'event' for the names of events."
        raise DataError(msg)
    columns = ", ".join(map(str, epochs.metadata.columns))
    msg = f"{name}: no column {values!r} in the metadata; choose one of: {columns}, or 'event' for the names of events."
    raise DataError(msg)


def _channels(
    source: Any, kinds: Sequence[str] | None, name: str
) -> tuple[np.ndarray, dict[str, np.ndarray], list[str]]:
    """Return positions of the channels to keep, their types as masks over them, and notes."""
    types = source.get_channel_types()
    wanted = _DATA if kinds is None else tuple(kinds)
    bad = set(source.info["bads"])
    kept = np.array([k for k, one in enumerate(types) if one in wanted and source.ch_names[k] not in bad], dtype=int)
    if not len(kept):
        have = ", ".join(sorted(set(types)))
        msg = (
            f"{name}: no channel of type {', '.join(wanted)} that is not bad; the types are {have}. Give kinds = one "
            "of "
            "these, or set types with set_channel_types."
        )
        raise DataError(msg)
    held = [types[k] for k in kept]
    rois = {kind: np.array([one == kind for one in held]) for kind in dict.fromkeys(held)}
    dropped = [one for k, one in enumerate(source.ch_names) if one in bad and types[k] in wanted]
    notes = [f"{len(dropped)} bad channels were left out: {', '.join(dropped)}."] if dropped else []
    return kept, rois, notes


def _types(source: Any, kept: np.ndarray) -> list[str]:
    types = source.get_channel_types()
    return [types[k] for k in kept]


def _scaled(values: np.ndarray, scale: float) -> np.ndarray:
    return values if scale == 1.0 else values * scale

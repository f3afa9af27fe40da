"""Runs brought to one scale: each channel of each run with mean 0 and standard deviation 1."""

from dataclasses import replace

import numpy as np

from brainalign.errors import DataError
from brainalign.mapped import release, room
from brainalign.recordings.recording import Recording


def z_scored(recording: Recording) -> Recording:
    """Return the recording with each channel standardised within each run, over its trials and times.

    This removes what differs between the stimuli of runs, too, where runs hold different stimuli.

    Raises
    ------
    DataError
        If there are no runs, a run has one trial of one time, or a channel is constant in a run.
    """
    name = recording.name
    if recording.runs is None:
        msg = f"{name} has no runs to standardise in. Give runs = one name per trial."
        raise DataError(msg)
    data = room(recording.data.shape)
    for run in dict.fromkeys(recording.runs):
        rows = np.flatnonzero([one == run for one in recording.runs])
        own = np.asarray(recording.data[rows], dtype=np.float64)
        mean, spread = own.mean(axis=(0, 2), keepdims=True), own.std(axis=(0, 2), keepdims=True)
        flat = np.flatnonzero(spread[0, :, 0] <= 1e-12 * np.abs(mean[0, :, 0]))
        if len(flat):
            first = recording.channels[flat[0]]
            msg = (
                f"{name}: {len(flat)} channels, such as {first!r}, are constant in run {run!r}; expected trials that "
                "differ. "
                "Drop them: recording.drop_channels(names)."
            )
            raise DataError(msg)
        data[rows] = (own - mean) / spread
        release(recording.data)
        release(data)
    note = "Channels were standardised within each run."
    return replace(recording, data=data, unit="z", notes=(*recording.notes, note))

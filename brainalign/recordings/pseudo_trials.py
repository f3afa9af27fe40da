"""Means of a few trials of one stimulus, which stand for single trials with less noise."""

from collections import defaultdict
from dataclasses import replace

import numpy as np

from brainalign.errors import DataError, SpecError
from brainalign.mapped import release, room
from brainalign.randomness import numpy_stream
from brainalign.recordings.recording import Recording
from brainalign.recordings.recording_checks import blocks


def pseudo_trials(recording: Recording, size: int, seed: int) -> Recording:
    """Return means of ``size`` trials of one stimulus, drawn without replacement within runs.

    Trials that are left over are not used, and a note says how many.

    Parameters
    ----------
    recording
        Trials.
    size
        Trials of a mean, at least 2.
    seed
        Of the draw.

    Raises
    ------
    SpecError
        If ``size`` is below 2.
    DataError
        If a stimulus has too few trials within every run.
    """
    if size < 2:
        msg = f"size = {size}, expected at least 2 trials of a mean."
        raise SpecError(msg)
    runs = recording.runs or ("",) * len(recording.data)
    cells: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, cell in enumerate(zip(recording.stimulus_ids, runs, strict=True)):
        cells[cell].append(row)
    rng = numpy_stream(seed, "pseudo trials")
    groups = []
    for (stimulus, run), rows in cells.items():
        order = rng.permutation(rows)
        whole = len(order) // size * size
        groups += [(stimulus, run, own) for own in order[:whole].reshape(-1, size)]
    lost = set(recording.stimulus_ids) - {stimulus for stimulus, _, _ in groups}
    if lost:
        within = "" if recording.runs is None else " in any run"
        msg = (
            f"{recording.name}: {len(lost)} stimuli, such as {min(lost)!r}, have "
            "fewer than "
            f"{size} trials{within}; expected {size}. Give a smaller size."
        )
        raise DataError(msg)
    data = room((len(groups), *recording.data.shape[1:]))
    for part in blocks(data):
        for row, (_, _, own) in zip(data[part], groups[part], strict=True):
            row[:] = recording.data[own].mean(axis=0, dtype=np.float64)
        release(recording.data)
    unused = len(recording.data) - size * len(groups)
    note = f"Trials are means of {size}" + (f"; {unused} of {len(recording.data)} were left over." if unused else ".")
    return replace(
        recording,
        data=data,
        stimulus_ids=tuple(stimulus for stimulus, _, _ in groups),
        runs=None if recording.runs is None else tuple(run for _, run, _ in groups),
        notes=(*recording.notes, note),
        motion=None if recording.motion is None else np.stack([recording.motion[own].mean(0) for *_, own in groups]),
    )

"""Which channels or voxels respond alike to the same stimuli, judged by training runs only."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from brainalign.errors import DataError, SpecError
from brainalign.recordings.recording import Recording


def reliability(recording: Recording, runs: Sequence[str]) -> np.ndarray:
    """Return, for each channel, the correlation over stimuli between the means of two halves of some runs.

    Halves are every other run, in their order; stimuli that both halves hold are compared, at all times at once.

    Parameters
    ----------
    recording
        Trials with runs.
    runs
        Training runs, at least two; no other trial is looked at.

    Returns
    -------
    r
        ``(n_channels,)``; 0 where a channel is constant.

    Raises
    ------
    DataError
        If there are no such runs, or halves share fewer than 3 stimuli.
    """
    name = recording.name
    own = recording.runs or ()
    wanted = [str(run) for run in runs]
    unknown = [run for run in wanted if run not in own]
    if unknown or len(set(wanted)) < 2:
        have = ", ".join(dict.fromkeys(own)) or "none"
        msg = f"{name}: training runs are {wanted}; expected two or more of its runs: {have}."
        raise DataError(msg)
    halves = []
    for start in (0, 1):
        among = set(wanted[start::2])
        halves.append(recording.drop_trials(np.array([run not in among for run in own])))
    shared = [one for one in dict.fromkeys(halves[0].stimulus_ids) if one in set(halves[1].stimulus_ids)]
    if len(shared) < 3:
        msg = f"{name}: halves of the training runs share {len(shared)} stimuli; expected 3 or more. Use more runs."
        raise DataError(msg)
    first, second = (half.means(shared).transpose(1, 0, 2).reshape(len(recording.channels), -1) for half in halves)
    first, second = first - first.mean(axis=1, keepdims=True), second - second.mean(axis=1, keepdims=True)
    norm = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    return np.divide((first * second).sum(axis=1), norm, out=np.zeros(len(norm)), where=norm > 0)


def most_reliable(
    recording: Recording, runs: Sequence[str], n: int | None = None, above: float | None = None
) -> Recording:
    """Return the recording with its most reliable channels, chosen by training runs only.

    Scores must come from the other runs.

    Parameters
    ----------
    recording, runs
        As in :func:`reliability`.
    n
        How many channels, or
    above
        from which correlation on.

    Raises
    ------
    SpecError
        Unless one of ``n`` and ``above`` is given.
    DataError
        If no channel is above, or there are fewer than ``n``.
    """
    if (n is None) == (above is None):
        msg = f"n = {n}, above = {above}; expected one of them: a number of channels or a correlation."
        raise SpecError(msg)
    r = reliability(recording, runs)
    if n is not None and not 0 < n <= len(r):
        msg = f"n = {n}; expected 1 to {len(r)} channels."
        raise DataError(msg)
    kept = r >= above if above is not None else np.isin(np.arange(len(r)), np.argsort(-r, kind="stable")[:n])
    if not kept.any():
        msg = f"No channel has a reliability of {above} or more; the largest is {r.max():.3f}. Give a lower one."
        raise DataError(msg)
    chosen = recording.drop_channels([one for one, keep in zip(recording.channels, kept, strict=True) if not keep])
    among = ", ".join(map(str, runs))
    note = f"{int(kept.sum())} of {len(kept)} channels were chosen by their reliability in runs {among}."
    return replace(chosen, notes=(*recording.notes, note))

"""How far apart a head was between presentations of stimuli: a nuisance of the RDM of a subject."""

from collections.abc import Sequence

import numpy as np

from brainalign.comparisons.apart_in_runs import apart_in_runs
from brainalign.errors import DataError, StimulusMismatchError
from brainalign.rdms import RDMs
from brainalign.recordings.recording import Recording

#: Distance in mm from the middle of a head at which a turn is counted (Power et al. 2012).
RADIUS = 50.0


def motion_of_events(
    motion: np.ndarray, onsets: Sequence[float], durations: Sequence[float], seconds: float, shift: float = 5.0
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
        Seconds by which the response follows; volumes whose middle lies from ``onset + shift`` to before
        ``onset + shift + max(duration, seconds)`` are taken.

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


def motion_distance(recording: Recording, motion: np.ndarray, ids: Sequence[str], radius: float = RADIUS) -> RDMs:
    """Return the mean distance in mm between the head's places at presentations of two stimuli of one run.

    A distance is Euclidean over three shifts in mm and three turns in radians times ``radius``. Parameters of different
    runs refer to different images and are not compared: pairs of trials are of one run. Two stimuli that share no run
    have the mean distance of the others.

    Parameters
    ----------
    recording
        Trials of one subject.
    motion
        ``(n_trials, 6)`` shifts along x, y, z in mm, then turns in radians, of each trial; see
        :func:`motion_of_events`.
    ids
        ``n_stimuli`` ids.
    radius
        In mm.

    Returns
    -------
    RDMs
        One RDM, in mm, for :class:`brainalign.comparisons.rdm_regression.RDMRegression` or ``RSA(partial=...)``.

    Raises
    ------
    StimulusMismatchError
        If there are not six finite parameters for each trial.
    DataError
        If a stimulus has no trial.

    Examples
    --------
    >>> one = Recording(np.ones((3, 1, 1)), ("a", "b", "c"), ("c1",), (0.0,), "s01", "toy", "fMRI", "a.u.")
    >>> moved = np.array([[0, 0, 0, 0, 0, 0], [3, 4, 0, 0, 0, 0], [0, 0, 0, 0.02, 0, 0]])
    >>> motion_distance(one, moved, ("a", "b", "c")).dissimilarities.round(3).tolist()
    [[5.0, 1.0, 5.099]]
    """
    places = np.asarray(motion, dtype=np.float64)
    if places.shape != (len(recording.stimulus_ids), 6) or not np.isfinite(places).all():
        msg = f"Motion is {places.shape} for {len(recording.stimulus_ids)} trials; expected (n_trials, 6), all finite."
        raise StimulusMismatchError(msg)
    places = places * np.repeat([1.0, radius], 3)
    missing = [name for name in ids if name not in set(recording.stimulus_ids)]
    if missing:
        msg = f"{recording.name} has no trial of {missing[0]!r}; expected one of each stimulus. Leave it out."
        raise DataError(msg)
    return apart_in_runs(recording, places, ids, "mm of head motion")

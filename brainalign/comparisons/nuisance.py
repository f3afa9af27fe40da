"""Nuisance RDMs of a subject: how far apart presentations of stimuli were, in time, and how far apart the head was."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from brainalign.errors import DataError
from brainalign.rdms import RDMs
from brainalign.recordings.recording import Recording

#: Distance in mm from the middle of a head at which a turn is counted (Power et al. 2012).
RADIUS = 50.0


@dataclass(frozen=True)
class Nuisance:
    """A nuisance RDM that a study can name: its name in sentences, and what makes it of trials and ids."""

    words: str
    made: Callable[[Recording, Sequence[str]], RDMs]


def presentation_order(recording: Recording, ids: Sequence[str]) -> RDMs:
    """Return the mean distance in trials between presentations of two stimuli of one run, over pairs of trials.

    Responses drift within a run, so that stimuli that were shown one after another look alike whatever they are
    (Cai et al. 2019, PLoS Comput Biol 15:e1006299). Trials are taken in the order in which they stand; without runs all
    are one run. Two stimuli that share no run have the mean distance of the others.

    Parameters
    ----------
    recording
        Trials of one subject.
    ids
        ``n_stimuli`` ids.

    Returns
    -------
    RDMs
        One RDM, in trials.

    Raises
    ------
    DataError
        If a stimulus has no trial.

    Examples
    --------
    >>> one = Recording(np.ones((3, 1, 1)), ("a", "b", "c"), ("c1",), (0.0,), "s01", "toy", "EEG", "uV")
    >>> presentation_order(one, ("a", "b", "c")).dissimilarities.tolist()
    [[1.0, 2.0, 1.0]]
    """
    place = np.zeros((len(recording.stimulus_ids), 1))
    for run in _trials_by_run(recording):
        place[run, 0] = np.arange(len(run))
    return _apart(recording, place, ids, "trials apart")


def motion_distance(recording: Recording, ids: Sequence[str], radius: float = RADIUS) -> RDMs:
    """Return the mean distance in mm between the head's places at presentations of two stimuli of one run.

    A distance is Euclidean over three shifts in mm and three turns in radians times ``radius``. Parameters of different
    runs refer to different images and are not compared: pairs of trials are of one run. Two stimuli that share no run
    have the mean distance of the others.

    Parameters
    ----------
    recording
        Trials of one subject, with their ``motion``.
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
    DataError
        If the recording has no motion, or a stimulus has no trial.

    Examples
    --------
    >>> moved = np.array([[0, 0, 0, 0, 0, 0], [3, 4, 0, 0, 0, 0], [0, 0, 0, 0.02, 0, 0]])
    >>> about = ("a", "b", "c"), ("c1",), (0.0,), "s01", "toy", "fMRI", "a.u."
    >>> one = Recording(np.ones((3, 1, 1)), *about, motion=moved)
    >>> motion_distance(one, ("a", "b", "c")).dissimilarities.round(3).tolist()
    [[5.0, 1.0, 5.099]]
    """
    if recording.motion is None:
        msg = (
            f"{recording.name} says nothing of head motion; expected motion of each trial. Give Recording(motion=...), "
            'motion = "file" in a recording.toml, or layout = {motion = true} of a BIDS folder with confounds of '
            "fMRIPrep; or leave it out."
        )
        raise DataError(msg)
    return _apart(recording, recording.motion * np.repeat([1.0, radius], 3), ids, "mm of head motion")


#: Nuisance RDMs by the name that a study gives.
NUISANCES: Mapping[str, Nuisance] = {
    "order": Nuisance("presentation order", presentation_order),
    "motion": Nuisance("head motion", motion_distance),
}


def _trials_by_run(recording: Recording) -> list[np.ndarray]:
    """Return the trials of each run, by number and in order; without runs all are one run."""
    if recording.runs is None:
        return [np.arange(len(recording.stimulus_ids))]
    codes = np.unique(np.asarray(recording.runs), return_inverse=True)[1].ravel()
    return [np.flatnonzero(codes == code) for code in range(int(codes.max()) + 1)]


def _apart(recording: Recording, places: np.ndarray, ids: Sequence[str], measure: str) -> RDMs:
    """Return the mean distance between places ``(n_trials, n_dimensions)`` of trials of two stimuli in one run."""
    row = {name: k for k, name in enumerate(ids)}
    stimulus = np.array([row.get(name, -1) for name in recording.stimulus_ids])
    missing = sorted(set(row).difference(recording.stimulus_ids))
    if missing:
        msg = f"{recording.name} has no trial of {missing[0]!r}; expected one of each stimulus. Leave it out."
        raise DataError(msg)
    total, held = np.zeros((len(ids), len(ids))), np.zeros((len(ids), len(ids)))
    for run in _trials_by_run(recording):
        own = run[stimulus[run] >= 0]
        shown = stimulus[own]
        for k in own:
            apart = np.linalg.norm(places[own] - places[k], axis=1)
            total[stimulus[k]] += np.bincount(shown, apart, minlength=len(ids))
            held[stimulus[k]] += np.bincount(shown, minlength=len(ids))
    first, second = np.triu_indices(len(ids), 1)
    pairs, count = total[first, second], held[first, second]
    values = pairs / np.where(count > 0, count, 1)
    usual = values[count > 0].mean() if (count > 0).any() else 0.0
    return RDMs(np.where(count > 0, values, usual)[None], tuple(ids), measure)

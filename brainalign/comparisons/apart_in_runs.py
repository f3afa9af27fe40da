"""How far apart presentations of stimuli were, in time or in place: what nuisance RDMs of a subject hold."""

from collections.abc import Sequence

import numpy as np

from brainalign.rdms import RDMs
from brainalign.recordings.recording import Recording


def trials_by_run(recording: Recording) -> list[np.ndarray]:
    """Return the trials of each run, by number and in order; without runs all are one run."""
    if recording.runs is None:
        return [np.arange(len(recording.stimulus_ids))]
    codes = np.unique(np.asarray(recording.runs), return_inverse=True)[1].ravel()
    return [np.flatnonzero(codes == code) for code in range(int(codes.max()) + 1)]


def apart_in_runs(recording: Recording, places: np.ndarray, ids: Sequence[str], measure: str) -> RDMs:
    """Return the mean distance between presentations of two stimuli of one run, over pairs of trials.

    Two stimuli that share no run have the mean distance of the others.

    Parameters
    ----------
    recording
        Trials of one subject.
    places
        ``(n_trials, n_dimensions)`` where each trial was; distances are Euclidean.
    ids
        ``n_stimuli`` ids.
    measure
        What the dissimilarities are.
    """
    row = {name: k for k, name in enumerate(ids)}
    stimulus = np.array([row.get(name, -1) for name in recording.stimulus_ids])
    total, held = np.zeros((len(ids), len(ids))), np.zeros((len(ids), len(ids)))
    for run in trials_by_run(recording):
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

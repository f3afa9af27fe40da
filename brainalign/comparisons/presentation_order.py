"""How far apart in time stimuli were shown to a subject: a nuisance of its RDM."""

from collections.abc import Sequence

import numpy as np

from brainalign.rdms import RDMs
from brainalign.recordings.recording import Recording


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
        ``n_stimuli`` ids, each with a trial.

    Returns
    -------
    RDMs
        One RDM, in trials.

    Examples
    --------
    >>> one = Recording(np.ones((3, 1, 1)), ("a", "b", "c"), ("c1",), (0.0,), "s01", "toy", "EEG", "uV")
    >>> presentation_order(one, ("a", "b", "c")).dissimilarities.tolist()
    [[1.0, 2.0, 1.0]]
    """
    row = {name: k for k, name in enumerate(ids)}
    stimulus = np.array([row.get(name, -1) for name in recording.stimulus_ids])
    runs = np.zeros(len(stimulus), int)
    if recording.runs is not None:
        runs = np.unique(np.asarray(recording.runs), return_inverse=True)[1].ravel()
    total, held = np.zeros((len(ids), len(ids))), np.zeros((len(ids), len(ids)))
    for run in np.unique(runs):
        own = stimulus[runs == run]
        place, shown = np.flatnonzero(own >= 0), own[own >= 0]
        for k, name in zip(place, shown, strict=True):
            total[name] += np.bincount(shown, np.abs(place - k), minlength=len(ids))
            held[name] += np.bincount(shown, minlength=len(ids))
    first, second = np.triu_indices(len(ids), 1)
    pairs, count = total[first, second], held[first, second]
    values = pairs / np.where(count > 0, count, 1)
    usual = values[count > 0].mean() if (count > 0).any() else 0.0
    return RDMs(np.where(count > 0, values, usual)[None], tuple(ids), "trials apart")

"""How far apart in time stimuli were shown to a subject: a nuisance of its RDM."""

from collections.abc import Sequence

import numpy as np

from brainalign.comparisons.apart_in_runs import apart_in_runs, trials_by_run
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
    place = np.zeros((len(recording.stimulus_ids), 1))
    for run in trials_by_run(recording):
        place[run, 0] = np.arange(len(run))
    return apart_in_runs(recording, place, ids, "trials apart")

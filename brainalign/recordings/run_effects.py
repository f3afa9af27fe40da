"""What differs between the runs of a recording: drifts, gains of a day, another position in the scanner."""

from collections.abc import Sequence

import numpy as np

from brainalign.errors import DataError
from brainalign.mapped import add_rows
from brainalign.recordings.recording_checks import blocks


def run_effects(
    data: np.ndarray, stimulus_ids: Sequence[str], runs: Sequence[str], each: bool, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the effect of each run and the run of each trial.

    A trial is ``y = stimulus + run + noise``. Both effects are fitted together by least squares, so that runs in which
    stimuli were shown unequally often are told apart from stimuli. The effects of runs have mean 0. Where every run
    holds the same stimuli equally often, the effect of a run is its mean less the mean of all.

    Parameters
    ----------
    data
        ``(n_trials, n_channels, n_times)``.
    stimulus_ids, runs
        ``(n_trials,)``.
    each
        Take the mean over the stimuli of each run for its effect instead, whatever the stimuli.
    name
        Of the recording, for messages.

    Returns
    -------
    effects
        ``(n_runs, n_channels, n_times)``, float64.
    run
        ``(n_trials,)`` position of the run of each trial.

    Raises
    ------
    DataError
        If runs share no stimuli, directly or through other runs: nothing then tells runs from stimuli.
    """
    names, run = np.unique(np.asarray(runs), return_inverse=True)
    ids, stimulus = np.unique(np.asarray(stimulus_ids), return_inverse=True)
    cell = stimulus * len(names) + run  # a stimulus in a run
    counts = np.bincount(cell, minlength=len(ids) * len(names)).reshape(len(ids), len(names))
    if each:
        weights = np.where(counts > 0, 1 / np.maximum(counts, 1), 0.0)[stimulus, run]
        effects = _sums(data, run, len(names), weights) / (counts > 0).sum(axis=0)[:, None, None]
        return effects - effects.mean(axis=0), run
    _check_linked(counts, names, name)
    shares = counts / counts.sum(axis=1, keepdims=True)
    # the normal equations with the effects of stimuli solved for
    normal = np.diag(counts.sum(axis=0)) - counts.T @ shares
    sums = _sums(data, run, len(names), None)
    sums -= np.tensordot(shares.T, _sums(data, stimulus, len(ids), None), axes=1)
    effects = np.tensordot(np.linalg.pinv(normal, hermitian=True), sums, axes=1)
    return effects - effects.mean(axis=0), run


def _sums(data: np.ndarray, label: np.ndarray, n: int, weights: np.ndarray | None) -> np.ndarray:
    """Return sums of trials by label, ``(n, n_channels, n_times)``."""
    total = np.zeros((n, *data.shape[1:]))
    for part in blocks(data):
        values = data[part] if weights is None else data[part] * weights[part][:, None, None]
        add_rows(total, label[part], values)
    return total


def _check_linked(counts: np.ndarray, names: np.ndarray, name: str) -> None:
    """Refuse runs that fall into parts without a common stimulus."""
    from scipy.sparse.csgraph import connected_components

    n_parts, part = connected_components(counts.T @ counts, directed=False)
    if n_parts > 1:
        other = names[int(np.argmax(part != part[0]))]
        msg = (
            f"{name}: runs {str(names[0])!r} and {str(other)!r} share no stimuli, so that nothing tells a difference "
            'between runs from one between stimuli; expected runs linked by stimuli. Declare runs = "centre_each" if '
            'stimuli were dealt to runs at random, or runs = "ignore".'
        )
        raise DataError(msg)

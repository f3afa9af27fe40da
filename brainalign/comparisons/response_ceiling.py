"""How well a perfect model could correlate with responses that are an average of few noisy trials."""

import numpy as np

from brainalign.recordings.recording import Recording
from brainalign.rounding import is_constant

_MIN_REPEATED = 3
_MIN_STIMULI = 4


def response_ceiling(recording: Recording, roi: str | None = None) -> float:
    """Return the mean correlation with the targets of a recording that the true model could reach; NaN without repeats.

    ``sqrt(mean_t reliability_t)``, see :func:`response_reliability`. The mean comes before the root: estimates of
    single targets scatter around their truth, and roots of the positive ones would lift a recording without signal far
    above 0. Where targets differ in reliability the root of the mean is a little above the mean of the roots, so the
    value stays a ceiling. A negative mean gives minus the root of its size; nothing is clipped.

    Parameters
    ----------
    recording
        Trials at one time, or several: targets are channels by times.
    roi
        ROI whose channels to take; ``None`` takes all.

    Raises
    ------
    DataError
        If the recording has no such ROI.
    """
    return _root(response_reliability(recording, roi))


def response_ceilings(recording: Recording, roi: str | None = None) -> np.ndarray:
    """Return :func:`response_ceiling` at each time, ``(n_times,)``."""
    reliability = response_reliability(recording, roi).reshape(-1, len(recording.times))
    return np.array([_root(reliability[:, k]) for k in range(reliability.shape[1])])


def _root(reliability: np.ndarray) -> float:
    known = reliability[np.isfinite(reliability)]
    return float(np.sign(known.mean()) * np.sqrt(np.abs(known.mean()))) if len(known) else float("nan")


def response_reliability(recording: Recording, roi: str | None = None) -> np.ndarray:
    """Return the share of signal in the variance over stimuli of each target's mean responses, ``(n_targets,)``.

    With ``V`` the variance over stimuli of the mean responses and ``v_i`` the variance of the trials of stimulus i,
    shown ``n_i`` times, ``reliability = 1 - (K - 3) / (K - 1) mean_i(v_i / n_i) / V``. The numbers of repeats are those
    of the data that are scored: a stimulus shown once counts with the whole noise of one trial, estimated from the
    stimuli that were repeated. The factor takes out the bias of ``1 / V`` over K stimuli. Estimates can be negative.

    Parameters
    ----------
    recording, roi
        See :func:`response_ceiling`.

    Returns
    -------
    numpy.ndarray
        NaN where fewer than 3 stimuli were repeated or there are fewer than 4, and for targets that are constant.
    """
    data = recording.data if roi is None else recording.select(roi).data
    data = data.reshape(len(data), -1)
    ids, which = np.unique(np.asarray(recording.stimulus_ids), return_inverse=True)
    which, n_stimuli = which.ravel(), len(ids)
    counts = np.bincount(which, minlength=n_stimuli)
    repeated = counts > 1
    if repeated.sum() < _MIN_REPEATED or n_stimuli < _MIN_STIMULI:
        return np.full(data.shape[1], np.nan)
    means, squares = np.zeros((2, n_stimuli, data.shape[1]))
    np.add.at(means, which, data)
    means /= counts[:, None]
    np.add.at(squares, which, (data - means[which]) ** 2)
    of_repeated = squares[repeated] / (counts[repeated] - 1)[:, None]
    noise = np.tile(of_repeated.mean(axis=0), (n_stimuli, 1))
    noise[repeated] = of_repeated
    spread = means.var(axis=0, ddof=1)
    share = np.full(data.shape[1], np.nan)
    np.divide((noise / counts[:, None]).mean(axis=0), spread, out=share, where=~is_constant(means, axis=0))
    return 1 - (n_stimuli - 3) / (n_stimuli - 1) * share

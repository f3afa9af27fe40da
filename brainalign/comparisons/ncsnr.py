"""Signal-to-noise ratio of responses and the share of their variance that is signal."""

import numpy as np

from brainalign.errors import DataError
from brainalign.recordings.recording import Recording
from brainalign.rounding import is_constant


def signal_and_noise(recording: Recording, roi: str | None = None) -> tuple[np.ndarray, np.ndarray, float]:
    """Return variances over stimuli of the signal and of the noise of one trial, ``(n_targets,)``, and the mean of 1/n.

    The noise variance is that of repeats of one stimulus, over all stimuli with repeats; the signal variance is that of
    the mean responses less what noise adds to them. Stimuli may have been shown ``n`` times each, ``n`` unequal. Signal
    variances can be negative where there is none, and stay so: rectified ones would find signal in noise.

    Raises
    ------
    DataError
        If no stimulus was shown twice.
    """
    part = recording if roi is None else recording.select(roi)
    data = np.asarray(part.data, dtype=np.float64).reshape(len(part.data), -1)
    ids, which = np.unique(np.asarray(part.stimulus_ids), return_inverse=True)
    which = which.ravel()
    counts = np.bincount(which)
    dof = int((counts - 1).sum())
    if dof < 1:
        msg = (
            f"Recording {recording.dataset}/{recording.subject}: no stimulus was shown twice, expected repeats, from "
            "which noise is estimated."
        )
        raise DataError(msg)
    means = np.zeros((len(ids), data.shape[1]))
    np.add.at(means, which, data)
    means /= counts[:, None]
    noise = ((data - means[which]) ** 2).sum(axis=0) / dof
    inverse = float((1 / counts).mean())
    signal = np.where(is_constant(means, axis=0), np.nan, means.var(axis=0, ddof=1) - noise * inverse)
    return signal, noise, inverse


def ncsnr(recording: Recording, roi: str | None = None) -> np.ndarray:
    """Return the ratio of the standard deviations of signal and noise, ``(n_targets,)``.

    Allen et al. 2022, Nat Neurosci 25:116. Minus the root of the size where the signal variance is estimated below 0.
    """
    signal, noise, _ = signal_and_noise(recording, roi)
    ratio = signal / np.where(noise > 0, noise, np.nan)
    return np.sign(ratio) * np.sqrt(np.abs(ratio))


def explainable_share(recording: Recording, roi: str | None = None, n_trials: float = 0) -> np.ndarray:
    """Return the share of signal in the variance of mean responses, ``ncsnr^2 / (ncsnr^2 + 1 / n)``, ``(n_targets,)``.

    It is a ceiling of R squared; that of a correlation is its root. ``n_trials`` is the number of trials that are
    averaged; 0 takes the mean of ``1 / n`` over the stimuli as they were shown.
    """
    signal, noise, inverse = signal_and_noise(recording, roi)
    added = noise * (1 / n_trials if n_trials else inverse)
    return signal / np.where(signal + added > 0, signal + added, np.nan)

"""Multivariate noise normalisation: channels weighted by the noise of training trials, and of those only."""

from dataclasses import replace

import numpy as np

from brainalign.errors import DataError, StimulusMismatchError
from brainalign.recordings.recording import Recording
from brainalign.recordings.recording_checks import blocks


def whitened(recording: Recording, training: np.ndarray) -> Recording:
    """Return all trials in units of the noise of training trials.

    The noise of a trial is what differs from the mean of its stimulus. Its covariance is estimated at each time with
    the shrinkage of Ledoit and Wolf, averaged over times, and taken out: ``y = C^(-1/2) x``. Trials that are scored
    must not be among the training trials.

    Parameters
    ----------
    recording
        Channels of one type; select a ROI first where there are several units.
    training
        ``(n_trials,)`` booleans: the trials from which noise is estimated.

    Returns
    -------
    Recording
        In units of the noise's standard deviation; ROIs keep their channels.

    Raises
    ------
    StimulusMismatchError
        If the mask has another length.
    DataError
        If the mask is not boolean, channels have several units, or no training stimulus was repeated.

    Notes
    -----
    Guggenmos, Sterzer & Cichy (2018), NeuroImage 173:434-447.
    """
    name = f"Recording {recording.dataset}/{recording.subject}"
    mask = np.asarray(training)
    if mask.dtype != bool or mask.shape != (len(recording.data),):
        msg = (
            f"{name}: training is {mask.dtype} {mask.shape}; expected one boolean for each of {len(recording.data)} "
            "trials."
        )
        raise StimulusMismatchError(msg)
    if "," in recording.unit:
        msg = (
            f"{name} has units {recording.unit}; expected one. Select a type of channels first: "
            "recording.select('mag')."
        )
        raise DataError(msg)
    root = _inverse_root(noise_covariance(recording, mask))
    data = np.empty(recording.data.shape)
    for part in blocks(recording.data):
        data[part] = np.einsum("ij,njt->nit", root, recording.data[part])
    note = f"Channels were whitened by the noise of {int(mask.sum())} training trials."
    return replace(recording, data=data, unit="noise SD", notes=(*recording.notes, note))


def noise_covariance(recording: Recording, training: np.ndarray) -> np.ndarray:
    """Return the covariance of noise between channels, ``(n_channels, n_channels)``, averaged over times.

    Raises
    ------
    DataError
        If no stimulus was repeated among the training trials.
    """
    from sklearn.covariance import ledoit_wolf

    rows = np.flatnonzero(training)
    stimulus = np.unique([recording.stimulus_ids[row] for row in rows], return_inverse=True)[1] if len(rows) else rows
    counts = np.bincount(stimulus, minlength=1)
    kept = rows[counts[stimulus] > 1] if len(rows) else rows
    if not len(kept):
        msg = (
            f"Recording {recording.dataset}/{recording.subject}: none of {len(rows)} training trials is a repeat; "
            "expected "
            "stimuli shown at least twice, to tell noise from response. Use more training trials."
        )
        raise DataError(msg)
    label = stimulus[counts[stimulus] > 1]
    label = np.unique(label, return_inverse=True)[1]
    data = np.asarray(recording.data[kept], dtype=np.float64)
    means = np.zeros((label.max() + 1, *data.shape[1:]))
    np.add.at(means, label, data)
    residuals = data - (means / np.bincount(label)[:, None, None])[label]
    # each mean took one degree of freedom from its trials
    scale = len(kept) / (len(kept) - len(means))
    covariances = [ledoit_wolf(residuals[:, :, k], assume_centered=True)[0] for k in range(data.shape[2])]
    return scale * np.mean(covariances, axis=0)


def _inverse_root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    floor = values.max(initial=0.0) * len(values) * np.finfo(float).eps
    if not values.max(initial=0.0) > 0 or values.min() <= floor:
        msg = (
            f"The noise of {len(values)} channels has no inverse: a channel has none. Drop channels that are constant."
        )
        raise DataError(msg)
    return (vectors / np.sqrt(values)) @ vectors.T

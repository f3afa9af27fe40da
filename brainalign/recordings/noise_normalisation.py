"""Multivariate noise normalisation: channels weighted by the noise of training trials, and of those only."""

from dataclasses import replace

import numpy as np

from brainalign.dissimilarities.noise import check_noise, noise_covariance
from brainalign.dissimilarities.trials import Trials
from brainalign.errors import DataError, StimulusMismatchError
from brainalign.mapped import release, room
from brainalign.recordings.recording import Recording
from brainalign.recordings.recording_checks import blocks


def whitened(recording: Recording, training: np.ndarray, noise: str = "ledoit_wolf") -> Recording:
    """Return all trials in units of the noise of training trials.

    The noise of a trial is what neither its stimulus nor its run explains. Its covariance is estimated at each time,
    averaged over times, and taken out: ``y = C^(-1/2) x``. Trials that are scored must not be among the training
    trials.

    Parameters
    ----------
    recording
        Channels of one type; select a ROI first where there are several units.
    training
        ``(n_trials,)`` booleans: the trials from which noise is estimated.
    noise
        ``"ledoit_wolf"``, ``"diagonal_target"`` or ``"univariate"``; see
        :func:`brainalign.dissimilarities.noise.noise_covariance`.

    Returns
    -------
    Recording
        In units of the noise's standard deviation; ROIs keep their channels.

    Raises
    ------
    SpecError
        If there is no such estimator.
    StimulusMismatchError
        If the mask has another length or is not boolean.
    DataError
        If channels have several units, one has no noise, or no training stimulus was repeated.

    Notes
    -----
    Guggenmos, Sterzer & Cichy (2018), NeuroImage 173:434-447.
    """
    check_noise(noise)
    mask = np.asarray(training)
    if mask.dtype != bool or mask.shape != (len(recording.data),):
        n = len(recording.data)
        msg = f"{recording.name}: training is {mask.dtype} {mask.shape}; expected one boolean for each of {n} trials."
        raise StimulusMismatchError(msg)
    if "," in recording.unit:
        msg = (
            f"{recording.name} has units {recording.unit}; expected one. Select a type of channels first: "
            "recording.select('mag')."
        )
        raise DataError(msg)
    own = recording.drop_trials(~mask)
    ids = tuple(dict.fromkeys(own.stimulus_ids))
    trials = Trials.of(own.data, own.stimulus_ids, ids, own.runs, recording.name)
    covariance = np.mean(
        [
            noise_covariance(residuals[:, :, k], dof, noise)
            for residuals, dof in trials.residual_blocks()
            for k in range(residuals.shape[2])
        ],
        axis=0,
    )
    root = _inverse_root(covariance)
    data = room(recording.data.shape)
    for part in blocks(recording.data):
        data[part] = np.einsum("ij,njt->nit", root, recording.data[part])
        release(data)
    note = f"Channels were whitened by the noise of {int(mask.sum())} training trials ({noise})."
    return replace(recording, data=data, unit="noise SD", notes=(*recording.notes, note))


def _inverse_root(covariance: np.ndarray) -> np.ndarray:
    """Return ``C^(-1/2)`` within the space in which there is noise."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > 1e-10 * values[-1]
    return (vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T

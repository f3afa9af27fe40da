"""Linear discriminants of every two stimuli, tested on trials of folds that they were not fitted on."""

import numpy as np

from brainalign.dissimilarities.noise import inverse, noise_covariance
from brainalign.dissimilarities.trials import Trials
from brainalign.errors import DataError


def held_out_evidence(trials: Trials, time: int, folds: np.ndarray, noise: str) -> np.ndarray:
    """Return what each trial says for each stimulus, ``(n_trials, n_stimuli)``.

    ``e_k(x) = x' P m_k - m_k' P m_k / 2`` with mean responses ``m`` and noise precision ``P`` of the other folds; a
    trial is taken for stimulus i rather than j where ``e_i > e_j``, which is linear discriminant analysis with one
    covariance for all stimuli.

    Parameters
    ----------
    trials
        Of one subject.
    time
        Position of the time.
    folds
        ``(n_trials,)``.
    noise
        How the covariance is shrunk, see :func:`brainalign.dissimilarities.noise.noise_covariance`; ``"none"`` for the
        nearest mean.

    Raises
    ------
    DataError
        If training trials hold no stimulus twice.
    """
    data, n_stimuli = trials.at(time), len(trials.ids)
    evidence = np.empty((len(data), n_stimuli))
    for fold in range(int(folds.max()) + 1):
        train, test = folds != fold, folds == fold
        own = trials.stimulus[train]
        counts = np.bincount(own, minlength=n_stimuli)
        means = np.zeros((n_stimuli, data.shape[1]))
        np.add.at(means, own, data[train])
        means /= np.maximum(counts, 1)[:, None]
        weighted = means
        if noise != "none":
            dof = int(train.sum() - (counts > 0).sum())
            if dof < 1:
                msg = (
                    f"{trials.name}: training trials of a fold hold no stimulus twice, expected repeats; use more "
                    "folds, or noise = 'none'."
                )
                raise DataError(msg)
            weighted = means @ inverse(noise_covariance(data[train] - means[own], dof, noise))
        evidence[test] = data[test] @ weighted.T - (means * weighted).sum(axis=1) / 2
        evidence[np.ix_(test, counts == 0)] = np.nan
    return evidence

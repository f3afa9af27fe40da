"""How far crossnobis distances of one subject are from their truth, and how their errors go together."""

import numpy as np

from brainalign.dissimilarities.crossnobis import Crossnobis
from brainalign.dissimilarities.noise import inverse, noise_covariance
from brainalign.dissimilarities.trials import Trials, counts_of, sums_of


def crossnobis_covariance(trials: Trials, distance: Crossnobis, time: int = 0) -> np.ndarray:
    """Return the covariance of the errors of crossnobis distances, ``(n_pairs, n_pairs)``.

    ``[4 / M * Xi o Delta + 2 tr(S^2) / (M (M - 1)) * Xi o Xi] / n_channels^2`` for ``M`` folds, with the errors of
    stimuli in a fold in the contrasts of pairs, ``Xi = C K C'``, the products of true differences
    ``Delta = C X S X' C'`` and the covariance ``S`` over channels, all in the metric of the distance (Diedrichsen et
    al. 2021, Neurons Behav Data Anal Theory 5(3)). True differences are put in as estimated across folds, so that
    values are right on average. Where repeats are unequal the mean of their inverses over folds is taken.

    Parameters
    ----------
    trials
        Of one subject.
    distance
        With its options; one noise covariance for all runs.
    time
        Position of the time.

    Raises
    ------
    DataError
        If there are no folds or no repeats.
    """
    folds = trials.folds(distance.n_folds, distance.seed)
    residuals, dof = trials.residuals
    covariance = noise_covariance(residuals[:, :, time], dof)
    root = np.eye(len(covariance))
    if distance.noise != "none":
        values, axes = np.linalg.eigh(inverse(noise_covariance(residuals[:, :, time], dof, distance.noise)))
        root = (axes * np.sqrt(np.maximum(values, 0))) @ axes.T
    counts = counts_of(trials.stimulus, folds, len(trials.ids)).astype(np.float64)
    n_folds = len(counts)
    data = (trials.at(time) - trials.at(time).mean(axis=0)) @ root
    spread = root @ covariance @ root
    sums = sums_of(data, trials.stimulus, folds, len(trials.ids))
    total, weights = sums.sum(axis=0), counts.sum(axis=0)
    products = np.outer(weights, weights) - counts.T @ counts
    second = (total @ spread @ total.T - sum(one @ spread @ one.T for one in sums)) / products
    errors = np.divide(1, counts, out=np.full(counts.shape, np.nan), where=counts > 0)
    i, j = np.triu_indices(len(trials.ids), 1)
    contrasts = np.zeros((len(i), len(trials.ids)))
    contrasts[np.arange(len(i)), i], contrasts[np.arange(len(i)), j] = 1, -1
    xi = (contrasts * np.nanmean(errors, axis=0)) @ contrasts.T
    delta = contrasts @ ((second + second.T) / 2) @ contrasts.T
    effective = float((spread**2).sum())
    return (4 / n_folds * xi * delta + 2 * effective / (n_folds * (n_folds - 1)) * xi**2) / len(covariance) ** 2

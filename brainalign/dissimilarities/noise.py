"""Covariance of measurement noise over channels, shrunk so that it can be inverted, and its inverse."""

import numpy as np

from brainalign.dissimilarities.trials import Trials
from brainalign.errors import DataError, SpecError

#: Estimators by name.
NOISE = ("ledoit_wolf", "diagonal_target", "univariate", "none")


def check_noise(noise: str) -> None:
    """Raise :class:`SpecError` unless ``noise`` names an estimator."""
    if noise not in NOISE:
        msg = f"noise = {noise!r}, expected one of: {', '.join(NOISE)}."
        raise SpecError(msg)


def noise_covariance(residuals: np.ndarray, dof: int, noise: str = "ledoit_wolf") -> np.ndarray:
    """Return the covariance of noise, ``(n_channels, n_channels)``.

    Parameters
    ----------
    residuals
        ``(n_trials, n_channels)`` trials less what explains them.
    dof
        Degrees of freedom that are left in them.
    noise
        ``"ledoit_wolf"``: shrunk towards one variance for all channels (Ledoit & Wolf 2004, J Multivar Anal 88:365).
        ``"diagonal_target"``: correlations shrunk towards 0, variances kept (Schaefer & Strimmer 2005, Stat Appl Genet
        Mol Biol 4:32). ``"univariate"``: variances alone. How much to shrink follows from the residuals.

    Raises
    ------
    DataError
        If a channel has no noise.
    """
    n = len(residuals)
    squares = (residuals**2).sum(axis=0)
    if not (squares > 0).all():
        msg = (
            f"Channel {int((squares <= 0).argmax())} has the same value in all trials of a stimulus, expected noise; "
            "drop channels without signal."
        )
        raise DataError(msg)
    if noise == "univariate":
        return np.diag(squares / dof)
    product = residuals.T @ residuals
    if noise == "ledoit_wolf":
        s = product / n
        size = np.trace(s) / len(s)
        spread = ((s - size * np.eye(len(s))) ** 2).sum()
        error = (((residuals**2).sum(axis=1) ** 2).mean() - (s**2).sum()) / n
        share = min(error, spread) / spread if spread > 0 else 1.0
        return (share * size * np.eye(len(s)) + (1 - share) * s) * n / dof
    scale = np.sqrt(squares / (n - 1))
    scaled = residuals / scale
    mean = scaled.T @ scaled / n
    variance = n / (n - 1) ** 3 * ((scaled**2).T @ scaled**2 - n * mean**2)
    correlations = mean * n / (n - 1)
    others = ~np.eye(len(mean), dtype=bool)
    total = (correlations[others] ** 2).sum()
    share = min(1.0, max(0.0, variance[others].sum() / total)) if total > 0 else 1.0
    return product / dof * np.where(others, 1 - share, 1.0)


def noise_precision(trials: Trials, noise: str) -> np.ndarray | None:
    """Return the inverse of the noise covariance of trials; ``None`` for ``"none"``.

    Where there are several times, the covariance is the mean of those of all times, so that what changes over time is
    the response and not the scale (Guggenmos et al. 2018, NeuroImage 173:434).
    """
    check_noise(noise)
    if noise == "none":
        return None
    return inverse(_mean_covariance(trials, noise))


def run_covariances(trials: Trials, noise: str) -> list[np.ndarray]:
    """Return the noise covariance of each run, from the residuals of its own trials about their stimulus means.

    Raises
    ------
    DataError
        If a run holds no stimulus twice.
    """
    assert trials.runs is not None
    found = []
    for run in range(int(trials.runs.max()) + 1):
        own = trials.runs == run
        ids, stimulus = np.unique(trials.stimulus[own], return_inverse=True)
        dof = int(own.sum()) - len(ids)
        if dof < 1:
            msg = (
                f"{trials.name}: a run of {int(own.sum())} trials holds no stimulus twice, so that it has no noise "
                "covariance of its own; say per_run = False."
            )
            raise DataError(msg)
        part = Trials(
            data=trials.data[own],
            stimulus=stimulus.ravel(),
            ids=tuple(trials.ids[k] for k in ids),
            runs=None,
            name=trials.name,
        )
        found.append(_mean_covariance(part, noise))
    return found


def inverse(covariance: np.ndarray) -> np.ndarray:
    """Return the inverse of a covariance; within the space in which there is noise where channels depend on others."""
    values, axes = np.linalg.eigh(covariance)
    kept = values > 1e-10 * values[-1]
    return (axes[:, kept] / values[kept]) @ axes[:, kept].T


def _mean_covariance(trials: Trials, noise: str) -> np.ndarray:
    total, n_times = np.zeros((trials.data.shape[1],) * 2), 0
    for residuals, dof in trials.residual_blocks():
        total = total + sum(noise_covariance(residuals[:, :, k], dof, noise) for k in range(residuals.shape[2]))
        n_times += residuals.shape[2]
    return total / n_times

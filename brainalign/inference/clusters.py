"""Clusters of times, or of pairs of times, where the scores of subjects differ from 0, by sign flips with mne."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from brainalign.errors import DataError, SpecError

#: With fewer no p below .05 can be reached by two-sided sign flips.
MIN_SUBJECTS = 6


@dataclass(frozen=True, eq=False)
class Clusters:
    """What a cluster test found.

    Parameters
    ----------
    t
        ``(n_times,)`` or ``(n_times, n_times)`` t statistics.
    labels
        The same shape; 0 outside clusters, else the number of the cluster from 1.
    p
        ``(n_clusters,)`` p of each cluster; for TFCE ``p_points`` says it of each point instead.
    p_points
        The shape of ``t``: p of the cluster that a point is in (1 outside), or of the point by TFCE.
    sentence
        What may be said of it.
    """

    t: np.ndarray
    labels: np.ndarray
    p: np.ndarray
    p_points: np.ndarray
    sentence: str


def clusters(
    scores: np.ndarray,
    method: str = "cluster",
    threshold_p: float = 0.05,
    n_permutations: int = 5000,
    seed: int = 0,
    alternative: str = "greater",
) -> Clusters:
    """Test scores (or differences of scores) of subjects over times, all times together.

    Signs of whole subjects are flipped (``mne.stats.permutation_cluster_1samp_test``); stimuli are fixed. ``"cluster"``
    takes neighbours whose t exceeds that of ``threshold_p`` as one cluster; its p says that there is an effect, not
    when it begins or ends. ``"tfce"`` has no threshold and gives each point a p (Smith & Nichols 2009).

    Parameters
    ----------
    scores
        ``(n_subjects, n_times)`` or, for temporal generalisation, ``(n_subjects, n_times, n_times)``.
    method
        ``"cluster"`` or ``"tfce"``.
    threshold_p
        p of single points that form clusters, declared beforehand.
    n_permutations, seed
        Of the flips; with few subjects all flips are looked at.
    alternative
        ``"greater"`` or ``"two-sided"``.

    Raises
    ------
    SpecError
        If there are fewer than six subjects (no p below .05 could be reached), or an option is unknown.
    DataError
        If a score is not finite.
    """
    values = np.asarray(scores, np.float64)
    if values.ndim not in (2, 3) or method not in ("cluster", "tfce") or alternative not in ("greater", "two-sided"):
        msg = (
            f"Scores {values.shape}, method {method!r}, alternative {alternative!r}: expected (subjects, times) or"
            " (subjects, times, times), 'cluster' or 'tfce', 'greater' or 'two-sided'."
        )
        raise SpecError(msg)
    n = len(values)
    if n < MIN_SUBJECTS:
        msg = (
            f"{n} subjects cannot reach p < .05 by sign flips (smallest p {2.0 ** (1 - n):.3g}); test each subject by"
            " permutation_test."
        )
        raise SpecError(msg)
    if not np.isfinite(values).all():
        msg = f"{int((~np.isfinite(values)).sum())} scores are not finite; leave these subjects or times out."
        raise DataError(msg)
    t, found, p = _mne(values, method, threshold_p, n_permutations, seed, alternative)
    labels, points = np.zeros(t.shape, int), np.ones(t.shape)
    if method == "tfce":
        points = np.asarray(p).reshape(t.shape)
        said = "Threshold-free clusters, p of each point adjusted for all"
    else:
        for number, mask in enumerate(found):
            labels[mask], points[mask] = number + 1, p[number]
        said = (
            f"Clusters of points with p < {threshold_p:g}; p says that there is an effect, not when it begins or ends"
        )
    smallest = max(2.0 ** (1 - n), 1 / n_permutations)
    sentence = f"{said} (sign flips over {n} subjects, smallest attainable p {smallest:.2g})."
    return Clusters(
        t=t, labels=labels, p=np.asarray(p) if method == "cluster" else np.empty(0), p_points=points, sentence=sentence
    )


def _mne(
    values: np.ndarray, method: str, threshold_p: float, n_permutations: int, seed: int, alternative: str
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    import mne
    from mne.stats import permutation_cluster_1samp_test
    from scipy.special import stdtrit

    tail = 1 if alternative == "greater" else 0
    share = threshold_p if tail else threshold_p / 2
    threshold = {"start": 0.0, "step": 0.2} if method == "tfce" else float(stdtrit(len(values) - 1, 1 - share))
    # it says which of its arguments are old, and warns in notebooks that lack the widgets of its progress bar
    with mne.use_log_level("error"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "IProgress not found")
        t, found, p, _ = permutation_cluster_1samp_test(
            values,
            threshold=threshold,
            n_permutations=n_permutations,
            tail=tail,
            out_type="mask",
            seed=seed,
            buffer_size=None,
            verbose="error",
        )
    return t, [_mask(one, t.shape) for one in found] if method == "cluster" else [], p


def _mask(cluster: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return a cluster as a mask; of one axis, mne may return a slice."""
    if isinstance(cluster, np.ndarray) and cluster.shape == shape:
        return cluster
    mask = np.zeros(shape, dtype=bool)
    mask[cluster] = True
    return mask

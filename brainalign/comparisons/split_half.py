"""How much responses to one half of the repeats agree with those to the other."""

import numpy as np

from brainalign.comparisons.ceiling import Ceiling, jackknife_interval
from brainalign.comparisons.comparators import compare
from brainalign.errors import DataError
from brainalign.randomness import numpy_stream
from brainalign.rdms import compute_rdms
from brainalign.recordings.recording import Recording

KIND = "split half"
MIN_STIMULI = 4


def split_halves(recording: Recording, roi: str | None, n_splits: int, seed: int) -> np.ndarray:
    """Return mean responses to random halves of the repeats, ``(n_splits, 2, n_stimuli, n_channels, n_times)``.

    Stimuli are those shown twice or more, in the order of first presentation; where the number of repeats is odd, the
    halves differ by one trial.

    Raises
    ------
    DataError
        If fewer than 4 stimuli were shown twice.
    """
    part = recording if roi is None else recording.select(roi)
    rng, where = numpy_stream(seed, "split halves"), dict[str, list[int]]()
    for row, stimulus in enumerate(part.stimulus_ids):
        where.setdefault(stimulus, []).append(row)
    rows = [np.array(one) for one in where.values() if len(one) > 1]
    if len(rows) < MIN_STIMULI:
        msg = (
            f"Recording {recording.dataset}/{recording.subject}: {len(rows)} stimuli were shown twice or more, "
            f"expected at least {MIN_STIMULI}; without repeats there is no ceiling within a subject."
        )
        raise DataError(msg)
    data = np.asarray(part.data, dtype=np.float64)
    found = np.empty((n_splits, 2, len(rows), *data.shape[1:]))
    for split in range(n_splits):
        for k, own in enumerate(rows):
            dealt = rng.permutation(own)
            found[split, 0, k] = data[dealt[: len(own) // 2]].mean(axis=0)
            found[split, 1, k] = data[dealt[len(own) // 2 :]].mean(axis=0)
    return found


def split_half_correlations(
    recording: Recording, roi: str | None = None, n_splits: int = 100, seed: int = 0
) -> np.ndarray:
    """Return the correlation over stimuli of two halves of the repeats, mean over splits, ``(n_targets,)``.

    Targets are channels by times. See :func:`spearman_brown` for the reliability of all repeats.

    Raises
    ------
    DataError
        If fewer than 4 stimuli were shown twice.
    """
    return _correlations(split_halves(recording, roi, n_splits, seed))[0]


def split_half_ceiling(recording: Recording, roi: str | None = None, n_splits: int = 100, seed: int = 0) -> Ceiling:
    """Return the mean correlation with responses that the true model could reach, from halves of the repeats.

    ``sqrt(mean_targets rho_t)`` with the reliability of all repeats ``rho = 2 r / (1 + r)`` of Spearman and Brown. The
    mean comes before the root, and a negative mean gives minus the root of its size. The interval is over stimuli.
    """
    try:
        halves = split_halves(recording, roi, n_splits, seed)
    except DataError as error:
        return Ceiling.inestimable(KIND, str(error))
    whole, without = _correlations(halves)
    value = _root(spearman_brown(whole))
    low, high = jackknife_interval(value, np.array([_root(spearman_brown(one)) for one in without]))
    return Ceiling(kind=KIND, lower=value, upper=value, low=low, high=high, scope="stimuli")


def rdm_split_half_ceiling(
    recording: Recording,
    method: str,
    roi: str | None = None,
    measure: str = "correlation",
    n_splits: int = 20,
    seed: int = 0,
) -> Ceiling:
    """Return how well RDMs of two halves of the repeats agree, and of all repeats by Spearman and Brown.

    ``lower`` is the mean comparison of two halves, ``upper`` its correction ``2 r / (1 + r)``. The correction is exact
    for linear comparators of unbiased dissimilarities and approximate otherwise. The interval is that of ``lower`` over
    splits of the repeats, with these stimuli. One time is expected.

    Parameters
    ----------
    recording
        Trials.
    method
        A comparator.
    roi
        ROI whose channels to take; ``None`` takes all.
    measure
        A dissimilarity of mean patterns.
    n_splits, seed
        Of the repeats.
    """
    try:
        halves = split_halves(recording, roi, n_splits, seed)
    except DataError as error:
        return Ceiling.inestimable(KIND, str(error))
    ids = tuple(map(str, range(halves.shape[2])))
    scores = []
    for first, second in halves:
        one, other = (compute_rdms(half.reshape(len(ids), -1), ids, measure) for half in (first, second))
        scores.append(float(compare(one, other, method)[0, 0]))
    low, high = np.quantile(scores, [0.025, 0.975])
    mean = float(np.mean(scores))
    return Ceiling(
        kind=KIND,
        lower=mean,
        upper=float(spearman_brown(np.array(mean))),
        low=float(low),
        high=float(high),
        scope="splits of the repeats",
    )


def spearman_brown(r: np.ndarray, factor: float = 2.0) -> np.ndarray:
    """Return the reliability of ``factor`` times as many repeats, ``factor r / (1 + (factor - 1) r)``."""
    return factor * r / (1 + (factor - 1) * r)


def _correlations(halves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return means over splits of the correlations over stimuli, ``(n_targets,)``, and those without each stimulus."""
    n_splits, _, n = halves.shape[:3]
    whole, without = np.zeros(halves[0, 0, 0].size), np.zeros((n, halves[0, 0, 0].size))
    for first, second in halves.reshape(n_splits, 2, n, -1):
        a, b = first - first.mean(axis=0), second - second.mean(axis=0)
        cross, left, right = (a * b).sum(axis=0), (a * a).sum(axis=0), (b * b).sum(axis=0)
        whole = whole + _ratio(cross, left, right)
        rest = n / (n - 1)
        without = without + _ratio(cross - rest * a * b, left - rest * a * a, right - rest * b * b)
    return whole / n_splits, without / n_splits


def _ratio(cross: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    size = left * right
    return cross / np.sqrt(np.where(size > 0, size, np.nan))


def _root(reliability: np.ndarray) -> float:
    mean = float(np.nanmean(reliability))
    return float(np.sign(mean) * np.sqrt(abs(mean)))

"""When a time course of scores peaks or begins to rise, with jackknife intervals over subjects."""

import math
from dataclasses import dataclass

import numpy as np

from brainalign.errors import SpecError
from brainalign.inference.sign_flip import sign_flip_test
from brainalign.inference.student import t_interval

#: Onsets of fewer subjects are not claimed: their intervals cover .85 to .9 in simulations.
MIN_ONSET_SUBJECTS = 20

#: Share of the peak that counts as begun.
_BEGUN = 0.5
#: Share of the peak that is around it.
_AROUND = 0.7


@dataclass(frozen=True)
class Latency:
    """A latency of the mean time course.

    Parameters
    ----------
    kind
        ``"peak"`` or ``"onset"``.
    seconds, se, ci_low, ci_high
        Estimate, jackknife standard error and 95% interval, in seconds; NaN where it is not claimed.
    n_subjects
        How many.
    gate
        Why it is not claimed; empty where it is.
    """

    kind: str
    seconds: float
    se: float
    ci_low: float
    ci_high: float
    n_subjects: int
    gate: str = ""


def latency(courses: np.ndarray, times: np.ndarray, kind: str = "peak") -> Latency:
    """Estimate when the mean of the subjects' time courses peaks, or first reaches half of its peak.

    The baseline (mean before 0 s) is taken out. Single subjects are too noisy, so each latency is that of the mean
    without one subject (Miller et al. 1998): with ``J_i`` these, ``SE = sqrt((N - 1) / N sum (J_i - mean J)^2)``, and t
    with ``N - 1`` degrees of freedom. The onset is the half-peak crossing before the peak, between samples by a line.
    The peak is the vertex of the parabola that fits the samples around the highest one that reach 70% of it.

    A latency is claimed where some time after 0 is above the baseline over subjects (sign flips, the largest t,
    one-sided .05). An onset is claimed from 20 subjects on: with fewer its intervals are too short.

    Intervals are too short where scores are noisy: of 20 simulated subjects whose scores at one time have noise of .3
    of the peak, .96 of the intervals held the true peak and .85 the true onset; with noise as large as the peak .81 and
    .73 (``docs/results/simstudy.md``).

    Parameters
    ----------
    courses
        ``(n_subjects, n_times)`` scores.
    times
        ``(n_times,)`` seconds from onset, rising.
    kind
        ``"peak"`` or ``"onset"``.

    Raises
    ------
    SpecError
        If shapes do not fit, there are fewer than three subjects or times, no time after 0, or the kind is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> times = np.linspace(-0.1, 0.5, 61)
    >>> course = np.exp(-((times - 0.15) ** 2) / 0.002)
    >>> courses = course + 0.05 * np.random.default_rng(0).standard_normal((24, 61))
    >>> round(latency(courses, times).seconds, 2)
    0.15
    """
    values, at = np.asarray(courses, np.float64), np.asarray(times, np.float64)
    if values.ndim != 2 or at.shape != values.shape[1:] or min(values.shape) < 3 or not (at > 0).sum() > 1:
        msg = (
            f"Time courses {values.shape} and times {at.shape}: expected (subjects, times), three or more of each, and"
            " times after 0."
        )
        raise SpecError(msg)
    if kind not in ("peak", "onset"):
        msg = f"kind = {kind!r}, expected 'peak' or 'onset'."
        raise SpecError(msg)
    n = len(values)
    before = at < 0
    if before.any():
        values = values - values[:, before].mean(axis=1, keepdims=True)
    gate = _gate(values, at, kind)
    if gate:
        return Latency(kind, math.nan, math.nan, math.nan, math.nan, n, gate)
    without = (values.sum(axis=0) - values) / (n - 1)
    moments = np.array([_moment(one, at, kind) for one in without])
    seconds = _moment(values.mean(axis=0), at, kind)
    se = float(np.sqrt((n - 1) / n * ((moments - moments.mean()) ** 2).sum()))
    # latencies that agree to the sample are known to the sample, no better
    se = max(se, float(np.diff(at).min()) / math.sqrt(12))
    low, high = t_interval(seconds, se, n - 1, 0.05)
    return Latency(kind, seconds, se, low, high, n)


def _gate(values: np.ndarray, at: np.ndarray, kind: str) -> str:
    n = len(values)
    if kind == "onset" and n < MIN_ONSET_SUBJECTS:
        return f"{n} subjects, fewer than {MIN_ONSET_SUBJECTS}: no onset is claimed, its interval would be too short."
    p = float(sign_flip_test(values[:, at > 0], 2000, alternative="greater").p_max.min())
    return "" if p < 0.05 else f"No time is above the baseline over subjects (p = {p:.2g}): no latency is claimed."


def _moment(course: np.ndarray, at: np.ndarray, kind: str) -> float:
    after = np.flatnonzero(at > 0)
    top = int(after[course[after].argmax()])
    if kind == "peak":
        return _vertex(course, at, top)
    level = _BEGUN * course[top]
    low = top
    while low > 0 and course[low] >= level:
        low -= 1
    rise = course[low + 1] - course[low]
    share = (level - course[low]) / rise if rise > 0 else 0.0
    return float(at[low] + np.clip(share, 0, 1) * (at[low + 1] - at[low]))


def _vertex(course: np.ndarray, at: np.ndarray, top: int) -> float:
    low = high = top
    while low > 0 and course[low - 1] >= _AROUND * course[top]:
        low -= 1
    while high < len(at) - 1 and course[high + 1] >= _AROUND * course[top]:
        high += 1
    low, high = max(0, min(low, top - 1)), min(len(at) - 1, max(high, top + 1))
    if high - low < 2:
        return float(at[top])
    curve, slope, _ = np.polyfit(at[low : high + 1] - at[top], course[low : high + 1], 2)
    return float(np.clip(at[top] - slope / (2 * curve), at[low], at[high])) if curve < 0 else float(at[top])

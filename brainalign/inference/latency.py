"""When a time course of scores peaks or begins to rise, with intervals that hold the true moment."""

import math
from dataclasses import dataclass

import numpy as np

from brainalign.errors import SpecError
from brainalign.inference.course_errors import CourseErrors
from brainalign.inference.sign_flip import sign_flip_test

#: Onsets of fewer subjects are not claimed: half of the peak of a mean of few is reached too late or too early.
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
        Estimate, jackknife standard error over subjects and 95% interval, in seconds; NaN where it is not claimed.
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


def latency(courses: np.ndarray, times: np.ndarray, kind: str = "peak", without: np.ndarray | None = None) -> Latency:
    """Estimate when the mean of the subjects' time courses peaks, or first reaches half of its peak.

    The baseline (mean before 0 s) is taken out. Single subjects are too noisy, so each latency is that of the mean
    without one subject (Miller et al. 1998): with ``J_i`` these, ``SE = sqrt((N - 1) / N sum (J_i - mean J)^2)``, and t
    with ``N - 1`` degrees of freedom. The onset is the half-peak crossing before the peak, between samples by a line.
    The peak is the vertex of the parabola that fits the samples around the highest one that reach 70% of it.

    A latency is claimed where some time after 0 is above the baseline over subjects (sign flips, the largest t,
    one-sided .05). An onset is claimed from 20 subjects on.

    The interval goes from the first to the last time at which the true course may peak (or rise to half of its peak),
    half a sample more on each side: the times that no other is significantly above, by the largest t over all of them
    (:class:`~brainalign.inference.course_errors.CourseErrors`). It is not symmetric, and as wide as noise makes it: of
    20 simulated subjects with noise of .3 of the peak it is 70 ms; with noise as large as the peak 290 of 395 ms, and
    for an onset all of the course. It holds the true moment in .95 of samples or more, where twice the jackknife error
    does so in .6 to .9 (``docs/results/simstudy.md``).

    Parameters
    ----------
    courses
        ``(n_subjects, n_times)`` scores.
    times
        ``(n_times,)`` seconds from onset, rising.
    kind
        ``"peak"`` or ``"onset"``.
    without
        ``(n_stimuli, n_times)`` the mean course over subjects without each stimulus, where the interval is to hold for
        new stimuli, too.

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
    n, before = len(values), at < 0
    if without is not None and np.asarray(without).shape[1:] != at.shape:
        msg = f"Courses without each stimulus {np.shape(without)}: expected (stimuli, {len(at)} times)."
        raise SpecError(msg)
    if before.any():
        values = values - values[:, before].mean(axis=1, keepdims=True)
        without = None if without is None else without - without[:, before].mean(axis=1, keepdims=True)
    gate = _gate(values, at, kind)
    if gate:
        return Latency(
            kind=kind, seconds=math.nan, se=math.nan, ci_low=math.nan, ci_high=math.nan, n_subjects=n, gate=gate
        )
    of_others = (values.sum(axis=0) - values) / (n - 1)
    moments = np.array([_moment(one, at, kind) for one in of_others])
    seconds = _moment(values.mean(axis=0), at, kind)
    se = float(np.sqrt((n - 1) / n * ((moments - moments.mean()) ** 2).sum()))
    # latencies that agree to the sample are known to the sample, no better
    se = max(se, float(np.diff(at).min()) / math.sqrt(12))
    low, high = _interval(CourseErrors.of(values, without), at, kind)
    return Latency(
        kind=kind, seconds=seconds, se=se, ci_low=min(low, seconds), ci_high=max(high, seconds), n_subjects=n
    )


def _interval(errors: CourseErrors, at: np.ndarray, kind: str) -> tuple[float, float]:
    """Return the ends of the set of times at which the true course may peak or rise to half of its peak."""
    after = np.flatnonzero(at > 0)
    if kind == "peak":
        found = errors.peaks(0.05, after)
        edges = np.concatenate([at[:1], (at[1:] + at[:-1]) / 2, at[-1:]])
        return float(edges[found[0]]), float(edges[found[-1] + 1])
    found = errors.onsets(0.05, _BEGUN, after)
    # no gap is left where a course is above half of its peak from its first time on
    return (float(at[found[0]]), float(at[found[-1] + 1])) if len(found) else (float(at[0]), float(at[-1]))


def _gate(values: np.ndarray, at: np.ndarray, kind: str) -> str:
    n = len(values)
    if kind == "onset" and n < MIN_ONSET_SUBJECTS:
        return f"{n} subjects, fewer than {MIN_ONSET_SUBJECTS}: no onset is claimed, half of a noisy peak is biased."
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

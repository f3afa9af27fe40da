"""Errors of a mean time course that its times share, and the times at which it may peak or begin."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from brainalign.inference.student import satterthwaite
from brainalign.randomness import numpy_stream

# draws of multipliers
_DRAWS = 1000
# part of the level that goes to leaving out times far below the one that is tested
_FIRST = 0.1
# how an onset shares its level: where the peak is, above half of it until then, below half of it before
_SHARES = (0.2, 0.4, 0.4)


@dataclass(frozen=True, eq=False)
class CourseErrors:
    """A mean course with what each subject, and each stimulus, does to it at every time.

    Any sum of times, such as the difference of two, has the sum of squares of its influences as variance, and normal
    multipliers on the influences give the joint distribution of many such sums. What subjects and stimuli share is in
    both, so that errors are a little too large.

    Parameters
    ----------
    mean
        ``(n_times,)``.
    subjects, stimuli
        ``(n_levels, n_times)`` influences, whose squares add up to the variance of ``mean``; no rows where a factor is
        fixed.

    Examples
    --------
    >>> rng, times = np.random.default_rng(0), np.linspace(0, 0.4, 41)
    >>> courses = np.exp(-((times - 0.15) ** 2) / 0.005) + 0.1 * rng.standard_normal((20, 41))
    >>> found = CourseErrors.of(courses).peaks(0.05)
    >>> 0.11 < times[found[0]] <= 0.15 <= times[found[-1]] < 0.19
    np.True_
    """

    mean: np.ndarray
    subjects: np.ndarray
    stimuli: np.ndarray

    @classmethod
    def of(cls, courses: np.ndarray, without: np.ndarray | None = None) -> "CourseErrors":
        """Return the errors of the mean over subjects.

        Parameters
        ----------
        courses
            ``(n_subjects, n_times)``.
        without
            ``(n_stimuli, n_times)`` the mean course without each stimulus, where stimuli are random, too.
        """
        n, mean = len(courses), courses.mean(axis=0)
        if without is None:
            without = np.empty((0, len(mean)))
        k = max(len(without), 1)
        of_stimuli = (without - without.mean(axis=0)) * np.sqrt((k - 1) / k) if len(without) else without
        return cls(mean, (courses - mean) / np.sqrt(n * (n - 1)), of_stimuli)

    def peaks(self, alpha: float, among: np.ndarray | None = None) -> np.ndarray:
        """Return the times, by number, at which the true course may be highest: a ``1 - alpha`` confidence set.

        A time is left out where another is above it, by the largest t of all others (one-sided, shared multipliers).
        At the true peak no other is, so that the set holds it with probability ``1 - alpha`` or more, however the
        observed peak was found. Times that are far below the one that is tested are left out of the largest t first
        (Romano, Shaikh, Wolf 2014, Econometrica 82:1979), at a tenth of the level.

        Parameters
        ----------
        alpha
            Level.
        among
            Times that are looked at; all without it.
        """
        from scipy.special import stdtrit

        times = np.arange(len(self.mean)) if among is None else among
        kept, nu, drawn = [], self._dof, self._multipliers
        for one in times:
            others = times[times != one]
            t, unit = self._tests(_difference(len(self.mean), others, int(one)))
            highest = t.max()
            if highest > stdtrit(nu, 1 - (1 - _FIRST) * alpha / len(others)):
                continue  # beyond what all others together can reach
            if highest > stdtrit(nu, 1 - alpha):
                noise = drawn @ unit
                near = t > -np.quantile(noise.max(axis=1), 1 - _FIRST * alpha)
                if highest > np.quantile(noise[:, near].max(axis=1), 1 - (1 - _FIRST) * alpha):
                    continue
            kept.append(int(one))
        return np.array(kept, int)

    def onsets(self, alpha: float, share: float, among: np.ndarray) -> np.ndarray:
        """Return the gaps between times k and k + 1, by k, in which the true course may rise to a share of its peak.

        A gap is left out where, for every time at which the course may peak, a time from the gap to there is below that
        share (the largest t of all), or the time before the gap is above it. The true gap is none of these with
        probability ``1 - alpha`` or more.

        Parameters
        ----------
        alpha
            Level.
        share
            Of the peak.
        among
            Times at which the course may peak.
        """
        from scipy.special import stdtrit

        nu, drawn = self._dof, self._multipliers
        of_peak, of_course, of_gap = (part * alpha for part in _SHARES)
        found: set[int] = set()
        for top in self.peaks(of_peak, among):
            if top == 0:
                continue
            until = np.arange(top)
            t, unit = self._tests(_difference(len(self.mean), until, int(top), share))
            lowest = np.quantile((drawn @ unit).max(axis=1), 1 - of_course)
            below = np.flatnonzero(t < -lowest)
            first = int(below[-1]) if len(below) else 0
            found |= {int(k) for k in until[first:] if t[k] <= stdtrit(nu, 1 - of_gap)}
        return np.array(sorted(found), int)

    @cached_property
    def _dof(self) -> float:
        """Degrees of freedom of the mean at the median time."""
        parts = [one - one.mean(axis=1, keepdims=True) for one in (self.subjects, self.stimuli) if len(one)]
        free = [float(len(one) - 1) for one in parts]
        nu = satterthwaite([float(np.median((one**2).sum(axis=0))) for one in parts], free)
        # courses without any spread are known exactly
        return min(free) if np.isnan(nu) else nu

    @cached_property
    def _multipliers(self) -> np.ndarray:
        """``(n_draws, n_levels)``: sums of influences of size 1 by these are distributed as t."""
        rng, levels = numpy_stream(0, "latency"), len(self.subjects) + len(self.stimuli)
        scale = np.sqrt(self._dof / rng.chisquare(self._dof, _DRAWS))
        return (rng.standard_normal((_DRAWS, levels)) * scale[:, None]).astype(np.float32)

    def _tests(self, sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return t of sums of times ``(n_times, n_sums)``, and their influences of size 1."""
        own = np.concatenate([self.subjects, self.stimuli]) @ sums
        size = np.sqrt(np.maximum((own**2).sum(axis=0), np.finfo(float).tiny))
        return (self.mean @ sums) / size, (own / size).astype(np.float32)


def _difference(n: int, times: np.ndarray, from_: int, share: float = 1.0) -> np.ndarray:
    """Return ``(n, n_times)`` sums: each time less a share of another."""
    sums = np.zeros((n, len(times)))
    sums[times, np.arange(len(times))] = 1.0
    sums[from_] -= share
    return sums

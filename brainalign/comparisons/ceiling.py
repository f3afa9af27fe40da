"""One noise ceiling: its bounds, how sure they are, or why there is none."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ceiling:
    """What the true model could score. Nothing is clipped: a ceiling of noise is about 0, and can be negative.

    Parameters
    ----------
    kind
        ``"between subjects"``, ``"brain to brain"``, ``"split half"`` or ``"variance of repeats"``.
    lower, upper
        Bounds on the mean score; equal where there is one estimate; NaN where there is none.
    low, high
        95 % interval of ``lower``, over what is random in it (``scope``); NaN where there is none.
    scope
        What the interval extends to.
    reason
        Why there is no estimate; empty where there is one.

    >>> Ceiling.inestimable("split half", "no stimulus was shown twice")
    Ceiling(split half: none, no stimulus was shown twice)
    """

    kind: str
    lower: float
    upper: float
    low: float = np.nan
    high: float = np.nan
    scope: str = ""
    reason: str = ""

    @classmethod
    def inestimable(cls, kind: str, reason: str) -> "Ceiling":
        """Return a ceiling that cannot be estimated, with the reason."""
        return cls(kind, np.nan, np.nan, reason=reason)

    def __repr__(self) -> str:
        if self.reason:
            return f"Ceiling({self.kind}: none, {self.reason})"
        bounds = f"{self.lower:.3f}" if self.lower == self.upper else f"{self.lower:.3f} to {self.upper:.3f}"
        return f"Ceiling({self.kind}: {bounds}, 95 % interval {self.low:.3f} to {self.high:.3f} over {self.scope})"


def jackknife_interval(value: float, without: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of an estimate from those without each stimulus, ``(n_stimuli,)``."""
    from scipy.stats import t

    n = len(without)
    error = np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())
    width = float(t.ppf(0.975, n - 1) * error)
    return value - width, value + width

"""Variance of a mean score and its parts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ScoreVariance:
    """Variance of a mean over subjects.

    Parameters
    ----------
    total
        Variance under the scope; 0 if neither subjects nor stimuli are random.
    subjects, stimuli
        Corrected variance from resampling one factor; NaN for a fixed factor. They overlap, so they do not
        add up to ``total``.
    dof
        Degrees of freedom of ``total``; infinite where it is exactly 0.
    seeds
        Variance from seeds, where ``total`` holds it; NaN where it does not, or seeds are fixed.
    """

    total: float
    subjects: float
    stimuli: float
    dof: float
    seeds: float = float("nan")

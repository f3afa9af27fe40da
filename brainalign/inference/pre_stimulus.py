"""Gate G8: before a stimulus is shown nothing can be known of it."""

import numpy as np

from brainalign.errors import SpecError
from brainalign.inference.gate import Gate
from brainalign.inference.student import t_interval


def pre_stimulus(scores: np.ndarray, times: np.ndarray, alpha: float = 0.05) -> Gate | None:
    """Return gate G8 where scores before onset are not 0 on average; ``None`` where they are, or none is before onset.

    A mean over subjects of the mean score before onset whose ``1 - alpha`` interval (t over subjects) does not hold 0
    means leakage, slow drifts or stimuli in blocks: what comes after onset cannot be trusted either.

    Parameters
    ----------
    scores
        ``(n_subjects, n_times)`` scores whose mean is 0 without signal (crossnobis, held-out r, correlation with a
        model); two subjects or more.
    times
        ``(n_times,)`` seconds from onset.
    alpha
        Level.

    Examples
    --------
    >>> import numpy as np
    >>> times = np.linspace(-0.2, 0.4, 7)
    >>> noise = 0.1 * np.random.default_rng(0).standard_normal((10, 7))
    >>> pre_stimulus(noise, times) is None, pre_stimulus(noise + 0.2, times).code
    (True, 'G8')
    """
    values, at = np.asarray(scores, np.float64), np.asarray(times, np.float64)
    if values.ndim != 2 or at.shape != values.shape[1:] or len(values) < 2:
        msg = f"Scores {values.shape} and times {at.shape}: expected (subjects, times), two subjects or more."
        raise SpecError(msg)
    before = values[:, at < 0]
    if not before.shape[1]:
        return None
    means = before.mean(axis=1)
    mean, se = float(means.mean()), float(means.std(ddof=1)) / np.sqrt(len(means))
    low, high = t_interval(mean, se, len(means) - 1, alpha)
    if not (low > 0 or high < 0):
        return None
    sentence = (
        f"Before onset the mean score is {mean:.2g} ({100 * (1 - alpha):g}% interval [{low:.2g}, {high:.2g}] over"
        f" {len(means)} subjects): leakage, drift or blocked stimuli; what follows onset is not trusted."
    )
    return Gate("G8", "stop", sentence)

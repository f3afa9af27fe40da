"""Variance that measuring the same subjects under the same stimuli again would add."""

import math

import numpy as np

from brainalign.inference.score_variance import ScoreVariance
from brainalign.inference.student import satterthwaite
from brainalign.inference.variance_components import jackknife

#: With two repeats the variance was a half of the true one in simulations: each half is noisier than the whole.
MIN_REPEATS = 4


def measurement_variance(scores: np.ndarray, without: np.ndarray, seeds_random: bool) -> ScoreVariance:
    """Return the variance of the mean over seeds and subjects where measurement, and perhaps seeds, are random.

    Subjects and stimuli are fixed. Another measurement of the same subjects would still give other scores; without
    that part, rules are ranked by the noise of one measurement. Repeats of a subject stand for its measurements, and
    those of two subjects are independent. With ``d_r[s, i]`` the score of seed s and subject i without repeat r (of R),
    and J the jackknife variance, ``V_mea = sum_i J(mean_s d_r[., i]) / N^2``; what seeds share with it,
    ``I = sum_{s, i} J(d_r[s, i] - mean_s d_r[., i]) / (N^2 n (n - 1))``, counts once:
    ``V = V_see + V_mea - I``, not taken below either. Degrees of freedom as in
    :class:`~brainalign.inference.variance_components.VarianceComponents`, from ``n - 1`` and ``N (R - 1)``.

    Parameters
    ----------
    scores
        ``(n_seeds, n_subjects)`` scores, or differences of paired seeds of two rules.
    without
        ``(n_repeats, n_seeds, n_subjects)`` the same without each repeat; NaN with fewer than four.
    seeds_random
        Whether seeds are random, too.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal((400, 3, 2))
    >>> found = measurement_variance(noise.mean(axis=0), (noise.sum(axis=0) - noise) / 399, False)
    >>> round(found.total * 400 * 3 * 2, 1)
    1.0
    """
    n_repeats, (n_seeds, n_subjects) = len(without), scores.shape
    if n_repeats < MIN_REPEATS or not (np.isfinite(scores).all() and np.isfinite(without).all()):
        return ScoreVariance(math.nan, math.nan, math.nan, math.nan)
    of_subject = without.mean(axis=1)
    measured = float(jackknife(of_subject).sum()) / n_subjects**2
    parts, dofs, shared, of_seeds = [measured], [float(n_subjects * (n_repeats - 1))], 0.0, math.nan
    if seeds_random and n_seeds > 1:
        of_seeds = float(scores.mean(axis=1).var(ddof=1)) / n_seeds
        apart = without - of_subject[:, None]
        shared = float(jackknife(apart).sum()) / (n_subjects**2 * n_seeds * (n_seeds - 1))
        parts, dofs = [*parts, of_seeds], [*dofs, n_seeds - 1.0]
    total = max(sum(parts) - shared, *parts)
    dof = satterthwaite(parts, dofs) * total / sum(parts) if total > 0 else math.inf
    return ScoreVariance(total=total, subjects=math.nan, stimuli=math.nan, dof=dof, seeds=of_seeds)

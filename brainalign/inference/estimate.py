"""A mean score (or noise ceiling) with an interval whose scope is stated."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from brainalign.inference.left_out_variance import left_out_variance
from brainalign.inference.measurement import measurement_variance
from brainalign.inference.scope import Scope
from brainalign.inference.score_variance import ScoreVariance
from brainalign.inference.student import satterthwaite, t_interval
from brainalign.inference.variance import score_variance
from brainalign.resampling.score_draws import ScoreDraws


@dataclass(frozen=True)
class Estimate:
    """A mean, standard error, degrees of freedom and ``1 - alpha`` interval; NaN where nothing is random."""

    mean: float
    se: float
    dof: float
    ci_low: float
    ci_high: float
    scope: Scope


def estimate_score(draws: ScoreDraws, rows: Sequence[int] | np.ndarray, scope: Scope, alpha: float = 0.05) -> Estimate:
    """Estimate the mean score of a rule whose seeds are ``rows``.

    Draws without each stimulus give each factor and interaction once. Bootstrap draws give
    ``SE^2 = V_2f(mean over seeds) + s^2 / n_m``, s the standard deviation over seeds of the mean over subjects, the
    second term only if seeds are random. Where neither subjects nor stimuli are random the noise of the measurement
    comes from repeats; without them there is no interval.
    """
    index = np.asarray(rows, int)
    observed = draws.observed[index]
    mean = float(observed.mean(axis=1).mean())
    if scope.brains_fixed:
        own = ScoreVariance(math.nan, math.nan, math.nan, math.nan)
        if draws.repeats is not None:
            own = measurement_variance(observed, draws.repeats[:, index], scope.seeds == "random")
        return _estimate(mean, own, scope, alpha)
    if draws.left_out:
        training = None if draws.training is None else draws.training[:, index]
        own = left_out_variance(observed, draws.draws[:, index], scope, draws.n_strata, training)
        return _estimate(mean, own, scope, alpha)
    two = score_variance(
        observed.mean(axis=0), draws.draws[:, index].mean(axis=1), scope, draws.n_units, draws.n_strata
    )
    if scope.seeds == "random" and len(index) > 1:
        seeds = float(observed.mean(axis=1).var(ddof=1)) / len(index)
        dof = satterthwaite([two.total, seeds], [two.dof, len(index) - 1.0])
        two = replace(two, total=two.total + seeds, dof=dof, seeds=seeds)
    return _estimate(mean, two, scope, alpha)


def estimate_ceiling(draws: ScoreDraws, scope: Scope, alpha: float = 0.05, upper: bool = False) -> Estimate | None:
    """Estimate the lower (or upper) noise ceiling; ``None`` where the draws have none.

    Pools of subjects are fixed, so the variance over subjects is that of scores against a fixed pool. Where neither
    subjects nor stimuli are random, the interval is that over subjects: whether there is reliable geometry can be asked
    of any two subjects.
    """
    observed, samples = draws.ceiling_lower_observed, draws.ceiling_lower
    if upper:
        observed, samples = draws.ceiling_upper_observed, draws.ceiling_upper
    if observed is None or samples is None:
        return None
    asked = Scope("random", "fixed", "fixed") if scope.brains_fixed else scope
    if draws.left_out:
        variance = left_out_variance(observed[None], samples[:, None], asked, draws.n_strata)
    else:
        variance = score_variance(observed, samples, asked, draws.n_units, draws.n_strata)
    return _estimate(float(observed.mean()), variance, scope, alpha)


def _estimate(mean: float, variance: ScoreVariance, scope: Scope, alpha: float) -> Estimate:
    se = math.sqrt(variance.total)
    low, high = t_interval(mean, se, variance.dof, alpha)
    return Estimate(mean=mean, se=se, dof=variance.dof, ci_low=low, ci_high=high, scope=scope)

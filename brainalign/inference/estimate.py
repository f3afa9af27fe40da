"""A mean score (or noise ceiling) with an interval whose scope is stated."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from brainalign.inference.left_out_variance import left_out_variance
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

    Equation: ``SE^2 = V_2f(mean over seeds) + s^2 / n_m``, s the standard deviation over seeds of the mean
    over subjects; the second term only if seeds are random.
    """
    index = np.asarray(rows, int)
    observed = draws.observed[index]
    if draws.left_out:
        own = left_out_variance(observed, draws.draws[:, index], scope, draws.n_strata)
        return _estimate(float(observed.mean()), own, 0.0, 1, scope, alpha)
    variance = score_variance(
        observed.mean(axis=0), draws.draws[:, index].mean(axis=1), scope, draws.n_units, draws.n_strata
    )
    by_seed = observed.mean(axis=1)
    seeds = float(by_seed.var(ddof=1)) / len(index) if scope.seeds == "random" and len(index) > 1 else 0.0
    return _estimate(float(by_seed.mean()), variance, seeds, len(index) - 1, scope, alpha)


def estimate_ceiling(draws: ScoreDraws, scope: Scope, alpha: float = 0.05, upper: bool = False) -> Estimate | None:
    """Estimate the lower (or upper) noise ceiling; ``None`` where the draws have none.

    Pools of subjects are fixed, so the variance over subjects is that of scores against a fixed pool.
    """
    observed, samples = draws.ceiling_lower_observed, draws.ceiling_lower
    if upper:
        observed, samples = draws.ceiling_upper_observed, draws.ceiling_upper
    if observed is None or samples is None:
        return None
    if draws.left_out:
        variance = left_out_variance(observed[None], samples[:, None], scope, draws.n_strata)
    else:
        variance = score_variance(observed, samples, scope, draws.n_units, draws.n_strata)
    return _estimate(float(observed.mean()), variance, 0.0, 1, scope, alpha)


def _estimate(
    mean: float, variance: ScoreVariance, seeds: float, seed_dof: float, scope: Scope, alpha: float
) -> Estimate:
    dof = satterthwaite([variance.total, seeds], [variance.dof, seed_dof])
    se = math.sqrt(variance.total + seeds)
    low, high = t_interval(mean, se, dof, alpha)
    return Estimate(mean, se, dof, low, high, scope)

"""Intervals, p values and detectable differences from an estimate, its error and degrees of freedom."""

from functools import lru_cache

import numpy as np


def satterthwaite(variances: list[float], dofs: list[float]) -> float:
    """Return the degrees of freedom of a sum of independent variance estimates.

    Equation: ``nu = (sum v)^2 / sum(v^2 / nu_i)`` (Satterthwaite 1946). NaN if every variance is zero.
    """
    bottom = sum(v * v / dof for v, dof in zip(variances, dofs, strict=True) if v > 0)
    return sum(variances) ** 2 / bottom if bottom > 0 else float("nan")


def t_interval(estimate: float, se: float, dof: float, alpha: float) -> tuple[float, float]:
    """Return the two-sided ``1 - alpha`` interval; NaN where ``se`` or ``dof`` is not positive and finite."""
    from scipy.special import stdtrit

    if not _usable(estimate, se, dof):
        return float("nan"), float("nan")
    half = float(stdtrit(dof, 1 - alpha / 2)) * se
    return estimate - half, estimate + half


def t_test(estimate: float, se: float, dof: float) -> float:
    """Return the two-sided p of ``estimate`` against 0; NaN where there is no error to compare it with."""
    from scipy.special import stdtr

    return float(2 * stdtr(dof, -abs(estimate) / se)) if _usable(estimate, se, dof) else float("nan")


def minimum_detectable(se: float, dof: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """Return the difference that a two-sided t test finds with probability ``power``.

    The multiple of ``se`` is the non-centrality at which the noncentral t exceeds its critical values with
    that probability (5.65 at 2 degrees of freedom, 3.15 at 9, 2.80 in the limit).
    """
    return _multiplier(round(dof, 6), alpha, power) * se if _usable(0.0, se, dof) else float("nan")


@lru_cache(maxsize=4096)
def _multiplier(dof: float, alpha: float, power: float) -> float:
    from scipy.optimize import brentq
    from scipy.special import nctdtrinc, stdtrit
    from scipy.stats import nct

    critical = float(stdtrit(dof, 1 - alpha / 2))

    def shortfall(noncentrality: float) -> float:
        # the opposite tail is below 1e-4 at any power of interest
        return float(nct.sf(critical, dof, noncentrality)) - power

    # right to 1e-6: a bracket around it takes a quarter of the steps
    near = float(nctdtrinc(dof, 1 - power, critical))
    low, high = near * (1 - 1e-5), near * (1 + 1e-5)
    if not (np.isfinite(near) and shortfall(low) < 0 < shortfall(high)):
        low, high = 0.0, 10 * critical
    return float(brentq(shortfall, low, high))


def _usable(estimate: float, se: float, dof: float) -> bool:
    return bool(np.isfinite([estimate, se]).all() and se > 0 and dof > 0)

"""The difference between two rules, over subjects, stimuli and seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from brainalign.errors import SpecError
from brainalign.inference.measurement import measurement_variance
from brainalign.inference.scope import Scope
from brainalign.inference.score_variance import ScoreVariance
from brainalign.inference.student import minimum_detectable, satterthwaite, t_interval, t_test
from brainalign.inference.variance import score_variance
from brainalign.inference.variance_components import VarianceComponents
from brainalign.resampling.score_draws import ScoreDraws


@dataclass(frozen=True)
class Contrast:
    """Difference ``delta`` of mean scores A - B with its error, interval and test.

    Parameters
    ----------
    delta, se, dof
        Difference, standard error, Satterthwaite degrees of freedom.
    se_subjects, se_stimuli, se_seeds
        Standard error from each factor alone; NaN for a fixed factor. They overlap, so their squares do not
        add up.
    ci_low, ci_high, p
        ``1 - alpha`` interval and two-sided p, unadjusted; NaN where nothing is random.
    mde
        Smallest difference found with power .8.
    n_subjects, n_stimuli, n_seeds
        Sizes; ``n_stimuli`` counts clusters if these were resampled, ``n_seeds`` is the smaller of the two
        rules.
    verdict
        ``"higher"``, ``"lower"``, ``"inconclusive"`` (at the unadjusted level) or ``"no inference
        possible"``.
    var_subjects, var_stimuli, var_seeds, var_subjects_stimuli, var_stimuli_seeds, var_subjects_seeds, var_residual
        Variance between single levels of each factor and interaction, fixed or random, in squared units of the score:
        what :func:`~brainalign.inference.power.needed` plans with. NaN for bootstrap draws, and where a factor has one
        level; small ones may be negative.
    """

    delta: float
    se: float
    se_subjects: float
    se_stimuli: float
    se_seeds: float
    dof: float
    ci_low: float
    ci_high: float
    p: float
    mde: float
    scope: Scope
    n_subjects: int
    n_stimuli: int
    n_seeds: int
    paired: bool
    alpha: float
    verdict: str
    var_subjects: float = math.nan
    var_stimuli: float = math.nan
    var_seeds: float = math.nan
    var_subjects_stimuli: float = math.nan
    var_stimuli_seeds: float = math.nan
    var_subjects_seeds: float = math.nan
    var_residual: float = math.nan


def contrast(
    draws: ScoreDraws,
    rows_a: Sequence[int] | np.ndarray,
    rows_b: Sequence[int] | np.ndarray,
    scope: Scope,
    paired: bool = True,
    alpha: float = 0.05,
) -> Contrast:
    """Compare rule A with rule B.

    Draws without each stimulus give each factor and interaction once, see
    :class:`~brainalign.inference.variance_components.VarianceComponents`. Where seeds are not paired, the variance of
    the difference of means and that of seeds, ``s_A^2/n_A + s_B^2/n_B``, are added.

    Equation, for bootstrap draws: ``SE^2 = V_2f(Delta of seed means) + s_d^2 / n_m``, ``s_d`` the standard deviation
    over seeds of the paired difference; unpaired, the last term is ``s_A^2/n_A + s_B^2/n_B``. Degrees of freedom by
    Satterthwaite from ``min(N, K) - 1`` (over the random factors) and ``n_m - 1``. Conservative, since what seeds share
    with stimuli is in both terms.

    Where neither subjects nor stimuli are random, the noise of the measurement is in neither: it is estimated from
    repeats (:func:`~brainalign.inference.measurement.measurement_variance`), and without repeats there is no test.

    Parameters
    ----------
    draws
        Scores of all models.
    rows_a, rows_b
        Rows of the seeds of each rule; in paired order (same initialisation at the same place) if ``paired``.
    scope
        What is random, as returned by :func:`resolve_scope`.
    paired
        Whether seed k of A and seed k of B share their initialisation and data order.
    alpha
        Level of interval, verdict and detectable difference.

    Returns
    -------
    Contrast
        p, interval and MDE are NaN if nothing is random or a score is not finite.

    Raises
    ------
    SpecError
        If a rule has no seed, or paired rules have different numbers of them.
    """
    a, b = np.asarray(rows_a, int), np.asarray(rows_b, int)
    _check(a, b, paired, scope)
    delta = float(draws.observed[a].mean() - draws.observed[b].mean())
    components = _components(draws, a, b) if draws.left_out and paired else None
    if scope.brains_fixed:
        variance = _measured(draws, a, b, scope, paired)
    elif draws.left_out:
        variance = _apart(draws, a, b, scope) if components is None else components.under(scope)
    else:
        variance = _drawn(draws, a, b, scope, paired)
    se, dof = math.sqrt(variance.total), variance.dof
    if se == 0 and delta == 0 and "random" in (scope.subjects, scope.stimuli, scope.seeds):
        # a rule compared with itself
        low, high, p = 0.0, 0.0, 1.0
    else:
        (low, high), p = t_interval(delta, se, dof, alpha), t_test(delta, se, dof)
    return Contrast(
        delta=delta,
        se=se,
        se_subjects=math.sqrt(variance.subjects),
        se_stimuli=math.sqrt(variance.stimuli),
        se_seeds=math.sqrt(variance.seeds),
        dof=dof,
        ci_low=low,
        ci_high=high,
        p=p,
        mde=minimum_detectable(se, dof, alpha),
        scope=scope,
        n_subjects=draws.n_subjects,
        n_stimuli=draws.n_units,
        n_seeds=min(len(a), len(b)),
        paired=paired,
        alpha=alpha,
        verdict=_verdict(delta, p, alpha),
        **({} if components is None else {f"var_{name}": value for name, value in components.components.items()}),
    )


def _components(draws: ScoreDraws, a: np.ndarray, b: np.ndarray) -> VarianceComponents:
    difference = draws.draws[:, a] - draws.draws[:, b]
    training = None if draws.training is None else draws.training[:, a] - draws.training[:, b]
    return VarianceComponents.of(draws.observed[a] - draws.observed[b], difference, draws.n_strata, training)


def _measured(draws: ScoreDraws, a: np.ndarray, b: np.ndarray, scope: Scope, paired: bool) -> ScoreVariance:
    """Return the variance where subjects and stimuli are fixed; NaN without repeats, or where nothing else tells."""
    if draws.repeats is None or not paired:
        return ScoreVariance(math.nan, math.nan, math.nan, math.nan)
    observed, without = draws.observed[a] - draws.observed[b], draws.repeats[:, a] - draws.repeats[:, b]
    return measurement_variance(observed, without, scope.seeds == "random")


def _drawn(draws: ScoreDraws, a: np.ndarray, b: np.ndarray, scope: Scope, paired: bool) -> ScoreVariance:
    """Return the variance from bootstrap draws: over subjects and stimuli, plus that over seeds."""
    observed_a, observed_b = draws.observed[a], draws.observed[b]
    difference = draws.draws[:, a].mean(axis=1) - draws.draws[:, b].mean(axis=1)
    observed = observed_a.mean(axis=0) - observed_b.mean(axis=0)
    two = score_variance(observed, difference, scope, draws.n_units, draws.n_strata)
    if scope.seeds == "fixed":
        return two
    seeds, dofs = _seed_variances(observed_a.mean(axis=1), observed_b.mean(axis=1), paired)
    total, dof = two.total + sum(seeds), satterthwaite([two.total, *seeds], [two.dof, *dofs])
    return replace(two, total=total, dof=dof, seeds=sum(seeds))


def _apart(draws: ScoreDraws, a: np.ndarray, b: np.ndarray, scope: Scope) -> ScoreVariance:
    """Return the variance without each stimulus where seeds are not paired: of the difference of means, plus seeds.

    What seeds share with stimuli and subjects is in both terms, so that it is conservative.
    """
    means = [(draws.observed[rows].mean(axis=0), draws.draws[:, rows].mean(axis=1)) for rows in (a, b)]
    observed, without = (one - other for one, other in zip(*means, strict=True))
    two = VarianceComponents.of(observed[None], without[:, None], draws.n_strata).under(scope)
    if scope.seeds == "fixed":
        return two
    seeds, dofs = _seed_variances(draws.observed[a].mean(axis=1), draws.observed[b].mean(axis=1), paired=False)
    total, dof = two.total + sum(seeds), satterthwaite([two.total, *seeds], [two.dof, *dofs])
    return replace(two, total=total, dof=dof, seeds=sum(seeds))


def _check(a: np.ndarray, b: np.ndarray, paired: bool, scope: Scope) -> None:
    fewest = 2 if scope.seeds == "random" else 1
    if min(len(a), len(b)) < fewest:
        msg = (
            f"Rules have {len(a)} and {len(b)} seeds, expected at least {fewest} each. Train more seeds or"
            ' set seeds = "fixed".'
        )
        raise SpecError(msg)
    if paired and len(a) != len(b):
        msg = (
            f"Paired rules have {len(a)} and {len(b)} seeds, expected equal numbers. Use the shared seeds or paired"
            " = False."
        )
        raise SpecError(msg)


def _seed_variances(by_seed_a: np.ndarray, by_seed_b: np.ndarray, paired: bool) -> tuple[list[float], list[float]]:
    parts = [by_seed_a - by_seed_b] if paired else [by_seed_a, by_seed_b]
    return [float(part.var(ddof=1)) / len(part) for part in parts], [float(len(part) - 1) for part in parts]


def _verdict(delta: float, p: float, alpha: float) -> str:
    if math.isnan(p):
        return "no inference possible"
    if p >= alpha:
        return "inconclusive"
    return "higher" if delta > 0 else "lower"

"""How many subjects, stimuli and seeds a difference of a given size needs."""

import math
from collections.abc import Callable, Mapping
from functools import partial

from brainalign.errors import SpecError
from brainalign.inference.plan import Plan
from brainalign.inference.student import minimum_detectable
from brainalign.inference.variance_components import COMPONENTS

FACTORS = ("subjects", "stimuli", "seeds")
#: More of a factor than this is as good as never.
MOST = 10_000


def standard_error(components: Mapping[str, float], sizes: Mapping[str, int]) -> tuple[float, float]:
    """Return the standard error of a difference, and its degrees of freedom, with other numbers of levels.

    Equation: ``SE^2 = sum_c sigma_c^2 / prod_f n_f``, each component divided by the levels of its factors; components
    below 0 count as 0, and NaN ones, of factors with one level, are left out. Degrees of freedom as in
    :class:`~brainalign.inference.variance_components.VarianceComponents`.

    Examples
    --------
    >>> parts = {"subjects": 4.0, "stimuli": 9.0, "subjects_stimuli": 1.0}
    >>> round(standard_error(parts, {"subjects": 4, "stimuli": 9, "seeds": 1})[0] ** 2, 3)
    2.028
    """
    variance = {
        name: max(0.0, components[name]) / math.prod(sizes[factor] for factor in factors)
        for name, factors in COMPONENTS.items()
        if math.isfinite(components.get(name, math.nan))
    }
    total = sum(variance.values())
    by_factor = {
        factor: sum(value for name, value in variance.items() if factor in COMPONENTS[name]) for factor in FACTORS
    }
    parts = {factor: value for factor, value in by_factor.items() if value > 0 and sizes[factor] > 1}
    bottom = sum(value**2 / (sizes[factor] - 1) for factor, value in parts.items())
    return math.sqrt(total), total * sum(parts.values()) / bottom if bottom > 0 else math.nan


def needed(
    components: Mapping[str, float],
    sizes: Mapping[str, int],
    gap: float,
    alpha: float = 0.05,
    power: float = 0.8,
) -> Plan:
    """Return the subjects, stimuli and seeds with which a two-sided test finds ``gap``.

    Parameters
    ----------
    components
        Variance components of the difference, as contrasts hold them; factors of one level have none and stay as they
        are.
    sizes
        Levels at hand of subjects, stimuli and seeds.
    gap
        Difference of mean scores.
    alpha, power
        Level, and how often the gap is to be found.

    Raises
    ------
    SpecError
        If the gap is not positive, a size is missing, or no component is known.

    Examples
    --------
    >>> parts = {"subjects": 0.01, "seeds": 0.001}
    >>> needed(parts, {"subjects": 10, "stimuli": 50, "seeds": 5}, 0.1).alone["subjects"]
    12
    """
    known = [name for name in COMPONENTS if math.isfinite(components.get(name, math.nan))]
    if not (gap > 0 and math.isfinite(gap)) or set(sizes) != set(FACTORS) or not known:
        msg = (
            f"gap = {gap}, sizes of {sorted(sizes)}, components {known}: expected a positive difference, sizes of"
            " subjects, stimuli and seeds, and variance components (from scores without each stimulus)."
        )
        raise SpecError(msg)

    def found(now: Mapping[str, int]) -> bool:
        se, dof = standard_error(components, now)
        return minimum_detectable(se, dof, alpha, power) <= gap

    grows = [factor for factor in FACTORS if any(factor in COMPONENTS[name] for name in known) and sizes[factor] > 1]
    alone = {factor: _smallest(partial(lambda name, n: found({**sizes, name: n}), factor), 2) for factor in grows}
    fold = _smallest(lambda k: found(_grown(sizes, grows, k / 10)), 10)
    se, dof = standard_error(components, sizes)
    return Plan(
        gap=gap,
        power=power,
        alpha=alpha,
        detectable=minimum_detectable(se, dof, alpha, power),
        sizes=dict(sizes),
        alone=alone,
        together=None if fold is None else _grown(sizes, grows, fold / 10),
    )


def _grown(sizes: Mapping[str, int], grows: list[str], fold: float) -> dict[str, int]:
    return {factor: math.ceil(fold * n - 1e-9) if factor in grows else n for factor, n in sizes.items()}


def _smallest(enough: Callable[[int], bool], least: int) -> int | None:
    """Return the smallest number from ``least`` on that is enough; ``None`` where the most is not."""
    if not enough(MOST):
        return None
    low, high = least - 1, MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high

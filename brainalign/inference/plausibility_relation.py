"""Whether more plausible rules are more brain-like, with the uncertainty over rules."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from brainalign.errors import SpecError
from brainalign.randomness import numpy_stream

#: With fewer families of rules there is a correlation, but no p and no line.
MIN_FAMILIES = 8

_MOST_EXACT = 8


@dataclass(frozen=True)
class PlausibilityRelation:
    """Rank correlation of plausibility and alignment over rules.

    Parameters
    ----------
    rho
        Spearman correlation over families (means of their rules).
    ci_low, ci_high
        95% interval over rules: families drawn with replacement, and scores within their errors.
    p
        Two-sided permutation p over families; NaN with fewer than eight.
    n_rules, n_families
        Sizes.
    sentence
        What may be said.
    """

    rho: float
    ci_low: float
    ci_high: float
    p: float
    n_rules: int
    n_families: int
    sentence: str


def plausibility_relation(
    plausibility: Mapping[str, float],
    alignment: Mapping[str, float],
    errors: Mapping[str, float],
    families: Mapping[str, str] | None = None,
    n_draws: int = 5000,
    seed: int = 0,
) -> PlausibilityRelation:
    """Correlate plausibility with alignment over rules; rules of one family count as one.

    Variants of one rule are no independent evidence, so families are averaged first, permuted and drawn. The interval
    holds what other rules and other measurements would give: families are drawn with replacement and each score moves
    by its standard error.

    Parameters
    ----------
    plausibility, alignment
        Rule to plausibility (e.g. share of probes passed) and to mean score.
    errors
        Rule to the standard error of its mean score.
    families
        Rule to its family; default: each rule for itself.
    n_draws, seed
        Of permutations and draws.

    Raises
    ------
    SpecError
        If rules of the three mappings differ, a value is not finite, or there are fewer than four families.

    Examples
    --------
    >>> rules = {f"rule {k}": float(k) for k in range(9)}
    >>> found = plausibility_relation(rules, rules, dict.fromkeys(rules, 0.1))
    >>> round(found.rho, 2), found.p < 0.01
    (1.0, True)
    """
    rules = sorted(plausibility)
    own = families or {rule: rule for rule in rules}
    if set(alignment) != set(rules) or set(errors) != set(rules) or set(own) < set(rules):
        msg = (
            f"Rules {rules} have plausibility, {sorted(alignment)} alignment; expected the same, with error and family."
        )
        raise SpecError(msg)
    values = np.array([[plausibility[rule], alignment[rule], errors[rule]] for rule in rules], float)
    names = sorted({own[rule] for rule in rules})
    if not np.isfinite(values).all() or len(names) < 4:
        msg = f"{len(names)} families of rules, finite values expected of four or more; add rules or leave rules out."
        raise SpecError(msg)
    member = np.array([[own[rule] == name for rule in rules] for name in names], float)
    member /= member.sum(axis=1, keepdims=True)
    x, y = member @ values[:, 0], member @ values[:, 1]
    spread = np.sqrt(member**2 @ values[:, 2] ** 2)
    rho = float(_spearman(x, y))
    rng = numpy_stream(seed, "families of rules")
    low, high = _interval(x, y, spread, n_draws, rng)
    p = _permuted(x, y, n_draws, rng) if len(names) >= MIN_FAMILIES else math.nan
    sizes = f"{len(names)} families of {len(rules)} rules"
    how = f"{sizes}: Spearman {rho:.2f}, 95% interval over rules [{low:.2f}, {high:.2f}]"
    said = f", permutation p = {p:.3g}." if len(names) >= MIN_FAMILIES else f"; fewer than {MIN_FAMILIES} have no p."
    return PlausibilityRelation(
        rho=rho, ci_low=low, ci_high=high, p=p, n_rules=len(rules), n_families=len(names), sentence=how + said
    )


def _spearman(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return Spearman correlations of rows; NaN where a row is constant."""
    from scipy.stats import rankdata

    a, b = (rankdata(one, axis=-1) - (one.shape[-1] + 1) / 2 for one in (x, y))
    size = np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    return np.divide((a * b).sum(axis=-1), size, out=np.full(size.shape, np.nan), where=size > 0)


def _interval(
    x: np.ndarray, y: np.ndarray, spread: np.ndarray, n_draws: int, rng: np.random.Generator
) -> tuple[float, float]:
    drawn = rng.integers(0, len(x), (n_draws, len(x)))
    moved = (y + spread * rng.standard_normal((n_draws, len(x))))[np.arange(n_draws)[:, None], drawn]
    low, high = np.nanpercentile(_spearman(x[drawn], moved), [2.5, 97.5])
    return float(low), float(high)


def _permuted(x: np.ndarray, y: np.ndarray, n_draws: int, rng: np.random.Generator) -> float:
    """Return the two-sided p over all orders of few families, or over random ones."""
    observed = abs(_spearman(x, y)) - 1e-12
    if len(x) <= _MOST_EXACT:
        orders = y[np.array(list(itertools.permutations(range(len(x)))))]
        return float(np.mean(np.abs(_spearman(np.broadcast_to(x, orders.shape), orders)) >= observed))
    orders = rng.permuted(np.broadcast_to(y, (n_draws, len(y))), axis=1)
    hits = int((np.abs(_spearman(np.broadcast_to(x, orders.shape), orders)) >= observed).sum())
    return (1 + hits) / (n_draws + 1)

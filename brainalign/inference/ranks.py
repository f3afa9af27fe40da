"""Simultaneous confidence sets of ranks from all pairwise contrasts."""

from collections.abc import Mapping

import numpy as np

from brainalign.errors import SpecError
from brainalign.inference.contrast import Contrast
from brainalign.inference.family import adjust
from brainalign.inference.rank_set import RankSet


def rank_sets(
    means: Mapping[str, float],
    contrasts: Mapping[tuple[str, str], Contrast],
    alpha: float = 0.05,
    adjusted: Mapping[tuple[str, str], float] | None = None,
) -> tuple[RankSet, ...]:
    """Return the rank set of every rule, best mean first.

    Equation (Mogstad et al. 2024, Rev Econ Stud 91:476): ``rank_j`` lies in
    ``[1 + #{k significantly better}, R - #{k significantly worse}]``, significance by Holm over the R(R-1)/2
    pairs, so that all sets hold together with probability ``1 - alpha``. With p adjusted within a larger family, those
    of all its cells do.

    Parameters
    ----------
    means
        Rule to mean score.
    contrasts
        One contrast per unordered pair of rules, keyed (a, b), delta = a - b. A NaN p counts as not
        significant.
    alpha
        Family-wise level.
    adjusted
        Pair to p adjusted within the family that the cell belongs to; default: Holm over the pairs of the cell.

    Raises
    ------
    SpecError
        If a pair is missing or there twice.
    """
    rules = list(means)
    expected = {frozenset((a, b)) for i, a in enumerate(rules) for b in rules[i + 1 :]}
    if {frozenset(pair) for pair in contrasts} != expected or len(contrasts) != len(expected):
        msg = f"{len(contrasts)} contrasts for {len(rules)} rules, expected one for each of {len(expected)} pairs."
        raise SpecError(msg)
    better, worse = dict.fromkeys(rules, 0), dict.fromkeys(rules, 0)
    if adjusted is None:
        adjusted = dict(zip(contrasts, adjust([item.p for item in contrasts.values()]).tolist(), strict=True))
    for (a, b), item in contrasts.items():
        if adjusted[a, b] < alpha:
            winner, loser = (a, b) if item.delta > 0 else (b, a)
            better[loser] += 1
            worse[winner] += 1
    order = sorted(rules, key=lambda rule: -np.nan_to_num(means[rule], nan=-np.inf))
    return tuple(
        RankSet(
            rule=rule,
            mean_score=means[rule],
            rank=order.index(rule) + 1,
            rank_low=1 + better[rule],
            rank_high=len(rules) - worse[rule],
        )
        for rule in order
    )

"""Two rules over several architectures: their interaction first, and an order only where every architecture agrees."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from brainalign.errors import SpecError
from brainalign.inference.contrast import Contrast, contrast
from brainalign.inference.family import adjust
from brainalign.inference.scope import Scope
from brainalign.inference.student import t_test
from brainalign.inference.variance_components import VarianceComponents
from brainalign.resampling.score_draws import ScoreDraws

#: Architecture to rows of the seeds of one rule.
Rows = Mapping[str, Sequence[int] | np.ndarray]


@dataclass(frozen=True, eq=False)
class Architectures:
    """What is known of two rules over architectures.

    Parameters
    ----------
    contrasts
        Architecture to the contrast A - B.
    p_interaction
        Smallest p, by Holm's method, that the difference of the rules is the same in two architectures.
    p_all
        p that A and B differ in every architecture with one sign: the largest p; 1 where signs differ.
    verdict
        ``"higher"``, ``"lower"``, ``"depends on the architecture"``, ``"inconclusive"`` or ``"no inference possible"``.
    sentence
        The same as a sentence.
    """

    contrasts: Mapping[str, Contrast]
    p_interaction: float
    p_all: float
    verdict: str
    sentence: str


def over_architectures(
    draws: ScoreDraws, rows_a: Rows, rows_b: Rows, scope: Scope, alpha: float = 0.05
) -> Architectures:
    """Compare rule A with rule B in several architectures.

    Architectures are few and fixed. The interaction of rule and architecture comes first: for each two architectures,
    the difference of differences, with the variance over subjects and stimuli that they share (``VarianceComponents``).
    A is said to score above B only where it does so in every architecture (intersection-union test: the largest p).

    Parameters
    ----------
    draws
        Scores without each stimulus, of the networks of all architectures.
    rows_a, rows_b
        Architecture to the rows of the seeds of each rule, paired, as many in every architecture.
    scope
        What is random.
    alpha
        Level.

    Raises
    ------
    SpecError
        If architectures differ, there are fewer than two, or scores are bootstrap draws.
    """
    names = list(rows_a)
    sizes = {len(rows) for rows in (*rows_a.values(), *rows_b.values())}
    if set(rows_b) != set(names) or len(names) < 2 or len(sizes) > 1 or not draws.left_out:
        msg = (
            f"Rule A has architectures {names}, rule B {list(rows_b)}, with {sorted(sizes)} seeds: expected the same,"
            " two or more, as many seeds in each, and scores without each stimulus."
        )
        raise SpecError(msg)
    contrasts = {name: contrast(draws, rows_a[name], rows_b[name], scope, True, alpha) for name in names}
    pairs = [(one, other) for k, one in enumerate(names) for other in names[k + 1 :]]
    between = [_interaction(draws, rows_a, rows_b, pair, scope) for pair in pairs]
    tested = adjust(between)
    p_interaction = float(np.nanmin(tested)) if np.isfinite(tested).any() else math.nan
    signs = {np.sign(one.delta) for one in contrasts.values()}
    p_all = max(one.p for one in contrasts.values()) if len(signs) == 1 else 1.0
    verdict = _verdict(contrasts, p_interaction, p_all, alpha)
    return Architectures(
        contrasts=contrasts,
        p_interaction=p_interaction,
        p_all=p_all,
        verdict=verdict,
        sentence=_sentence(contrasts, p_interaction, p_all, verdict),
    )


def _interaction(draws: ScoreDraws, rows_a: Rows, rows_b: Rows, pair: tuple[str, str], scope: Scope) -> float:
    """Return p of the difference of two architectures' differences; their seeds are independent, so paired freely."""
    if scope.brains_fixed:
        return math.nan
    observed, without = (
        values[..., np.asarray(rows_a[pair[0]], int), :]
        - values[..., np.asarray(rows_b[pair[0]], int), :]
        - values[..., np.asarray(rows_a[pair[1]], int), :]
        + values[..., np.asarray(rows_b[pair[1]], int), :]
        for values in (draws.observed, draws.draws)
    )
    variance = VarianceComponents.of(observed, without, draws.n_strata).under(scope)
    return t_test(float(observed.mean()), math.sqrt(variance.total), variance.dof)


def _verdict(contrasts: Mapping[str, Contrast], p_interaction: float, p_all: float, alpha: float) -> str:
    if any(math.isnan(one.p) for one in contrasts.values()):
        return "no inference possible"
    if p_all < alpha:
        return "higher" if next(iter(contrasts.values())).delta > 0 else "lower"
    return "depends on the architecture" if p_interaction < alpha else "inconclusive"


def _sentence(contrasts: Mapping[str, Contrast], p_interaction: float, p_all: float, verdict: str) -> str:
    own = ", ".join(f"{name} {one.delta:+.2g} (p = {one.p:.2g})" for name, one in contrasts.items())
    said = {
        "higher": "the first rule scores higher in every architecture",
        "lower": "the first rule scores lower in every architecture",
        "depends on the architecture": "the difference depends on the architecture, and no order holds for all",
        "inconclusive": "no order of the rules holds for all architectures",
    }
    end = said.get(verdict, "no inference possible")
    return f"Rule by architecture p = {p_interaction:.2g}; {own}; in all p = {p_all:.2g}: {end}."

"""All that is known about the rules of one cell (network, data set, region or time, layer, measure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from brainalign.errors import SpecError
from brainalign.inference.contrast import Contrast, contrast
from brainalign.inference.estimate import Estimate, estimate_ceiling, estimate_score
from brainalign.inference.scope import Scope, resolve_scope
from brainalign.resampling.score_draws import ScoreDraws


@dataclass(frozen=True, eq=False)
class Cell:
    """Estimates and contrasts of the rules of a cell.

    Parameters
    ----------
    scores
        Rule to its mean score.
    contrasts
        Pair of rules (a, b) to the contrast a - b, every pair once.
    vs_untrained
        Rule to the contrast with its untrained control; empty without controls.
    scope
        What was random.
    n_subjects, n_stimuli, n_seeds
        Sizes; clusters of stimuli if these were resampled, the fewest seeds of any rule.
    ceiling
        Lower noise ceiling, ``None`` if it cannot be estimated.
    resolution
        Smallest p the tests of the cell can reach, 0 for t tests; ``1 / (B + 1)`` for B permutations.
    alpha
        Level of the cell's intervals and tests.
    """

    scores: Mapping[str, Estimate]
    contrasts: Mapping[tuple[str, str], Contrast]
    vs_untrained: Mapping[str, Contrast]
    scope: Scope
    n_subjects: int
    n_stimuli: int
    n_seeds: int
    ceiling: Estimate | None = None
    resolution: float = 0.0
    alpha: float = field(default=0.05)


def compare_rules(
    draws: ScoreDraws,
    rules: Mapping[str, Sequence[int] | np.ndarray],
    scope: Scope,
    untrained: Mapping[str, Sequence[int] | np.ndarray] | None = None,
    paired: bool = True,
    alpha: float = 0.05,
) -> Cell:
    """Estimate every rule, every pair of rules, and every rule against its untrained control.

    Parameters
    ----------
    draws
        Scores of all models of the cell.
    rules
        Rule to the rows of its seeds, in the same order of seeds for all rules if ``paired``.
    scope
        What is random; what the sample cannot support becomes fixed (:func:`resolve_scope`).
    untrained
        Rule to the rows of its untrained controls (same initialisations, same order).
    paired
        Whether seeds share their initialisation across rules.
    alpha
        Level.

    Raises
    ------
    SpecError
        If there is no rule, rows do not pair, or the sample supports no test.
    """
    if not rules:
        msg = "No rule to compare, expected at least one with the rows of its seeds."
        raise SpecError(msg)
    names = list(rules)
    n_seeds = min(len(rows) for rows in rules.values())
    scope = resolve_scope(scope, draws.n_subjects, draws.n_units, n_seeds)
    return Cell(
        scores={name: estimate_score(draws, rules[name], scope, alpha) for name in names},
        contrasts={
            (a, b): contrast(draws, rules[a], rules[b], scope, paired, alpha)
            for i, a in enumerate(names)
            for b in names[i + 1 :]
        },
        vs_untrained={
            name: contrast(draws, rules[name], rows, scope, paired, alpha) for name, rows in (untrained or {}).items()
        },
        scope=scope,
        n_subjects=draws.n_subjects,
        n_stimuli=draws.n_units,
        n_seeds=n_seeds,
        ceiling=estimate_ceiling(draws, scope, alpha),
        alpha=alpha,
    )

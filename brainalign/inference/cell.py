"""All that is known about the rules of one cell (network, data set, region or time, layer, measure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from brainalign.errors import SpecError
from brainalign.inference.contrast import Contrast, contrast
from brainalign.inference.estimate import Estimate, estimate_ceiling, estimate_score
from brainalign.inference.gate import Gate
from brainalign.inference.scope import Scope, resolve_scope
from brainalign.resampling.score_draws import ScoreDraws

#: Rule to the rows of its seeds.
Rows = Mapping[str, Sequence[int] | np.ndarray]

_FEWEST_SEEDS = 2

#: Under which name :class:`Cell` holds the rows of networks of which only the readout was trained.
READOUT = "readout only"

#: What decides, unless another thing is said, whether a rule exceeds readout only.
TEST_SPLIT = "test split"


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
    sign_flip
        Where one factor alone is random, subjects or seeds, ``2^(1 - levels)``: the smallest p of a test that assumes
        no distribution. A smaller p rests on the t distribution. 0 where several factors are random, or stimuli.
    collapsed
        Rule, or ``"untrained <rule>"``, to the seeds (by place) whose scores are undefined; these seeds are left out of
        all rules.
    unlearned
        Rules that do not exceed readout only after as many steps: scored and contrasted, not ranked.
    unlearned_on
        What that was measured on, in words.
    vs_readout_only
        Rule to the contrast with networks of which only the readout was trained; empty without these.
    rows
        Rule, or ``"readout only"``, to the rows of the seeds that were compared.
    seeds
        Places of these seeds.
    paired
        Whether seeds share their initialisation across rules.
    before_onset
        Gate G8, where scores before onset are not 0.
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
    sign_flip: float = 0.0
    collapsed: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    unlearned: tuple[str, ...] = ()
    unlearned_on: str = TEST_SPLIT
    vs_readout_only: Mapping[str, Contrast] = field(default_factory=dict)
    rows: Mapping[str, np.ndarray] = field(default_factory=dict)
    seeds: tuple[int, ...] = ()
    paired: bool = True
    before_onset: Gate | None = None


def compare_rules(
    draws: ScoreDraws,
    rules: Rows,
    scope: Scope,
    untrained: Rows | None = None,
    paired: bool = True,
    alpha: float = 0.05,
    readout_only: Sequence[int] | np.ndarray | None = None,
) -> Cell:
    """Estimate every rule, every pair of rules, and every rule against its untrained control and readout only.

    A seed whose scores are undefined for one rule (its layer collapsed) is left out of all rules that are paired with
    it, so that one seed does not empty the cell; at least two seeds stay. A rule without any defined score stays
    undefined.

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
    readout_only
        Rows of networks of which only the readout was trained, in the same order of seeds.

    Raises
    ------
    SpecError
        If there is no rule, rows do not pair, or the sample supports no test.
    """
    if not rules:
        msg = "No rule to compare, expected at least one with the rows of its seeds."
        raise SpecError(msg)
    whole = _whole(draws, rules, {**_controls(untrained), **_readout(readout_only)}, paired)
    rules, (controls, readout) = whole.rules, whole.apart()
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
            name: contrast(draws, rules[name], rows, scope, paired, alpha) for name, rows in controls.items()
        },
        scope=scope,
        n_subjects=draws.n_subjects,
        n_stimuli=draws.n_units,
        n_seeds=n_seeds,
        ceiling=estimate_ceiling(draws, scope, alpha),
        alpha=alpha,
        sign_flip=_sign_flip(scope, draws.n_subjects, n_seeds),
        collapsed=whole.collapsed,
        vs_readout_only={
            name: contrast(draws, rules[name], readout[READOUT], scope, paired, alpha) for name in names if readout
        },
        rows={**rules, **readout},
        seeds=whole.seeds,
        paired=paired,
    )


@dataclass(frozen=True, eq=False)
class _Whole:
    """Rows of rules and of controls whose scores are defined, and the seeds that were left out."""

    rules: dict[str, np.ndarray]
    controls: dict[str, np.ndarray]
    collapsed: dict[str, tuple[int, ...]]
    seeds: tuple[int, ...]

    def apart(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return the untrained controls by rule, and networks of which only the readout was trained."""
        start = len(_UNTRAINED)
        untrained = {name[start:]: rows for name, rows in self.controls.items() if name != READOUT}
        return untrained, {name: rows for name, rows in self.controls.items() if name == READOUT}


_UNTRAINED = "untrained "


def _controls(untrained: Rows | None) -> dict[str, np.ndarray]:
    return {f"{_UNTRAINED}{name}": np.asarray(rows, int) for name, rows in (untrained or {}).items()}


def _readout(rows: Sequence[int] | np.ndarray | None) -> dict[str, np.ndarray]:
    return {} if rows is None else {READOUT: np.asarray(rows, int)}


def _whole(draws: ScoreDraws, rules: Rows, of_controls: dict[str, np.ndarray], paired: bool) -> _Whole:
    """Return rows of rules and controls without the seeds whose scores are undefined, and which these are."""
    defined = np.isfinite(draws.observed).all(axis=1)
    of_rules = {name: np.asarray(rows, int) for name, rows in rules.items()}
    both = [*of_rules.items(), *of_controls.items()]
    lost = {
        name: tuple(np.flatnonzero(~defined[rows]).tolist())
        for name, rows in both
        if not defined[rows].all() and defined[rows].any()
    }
    kept = np.ones(max(len(rows) for _, rows in both), dtype=bool)
    for places in lost.values():
        kept[list(places)] = False
    same = len({len(rows) for _, rows in both}) == 1
    places = tuple(np.flatnonzero(kept).tolist())
    if not (lost and paired and same and kept.sum() >= _FEWEST_SEEDS):
        return _Whole(of_rules, of_controls, {}, tuple(range(len(kept))))
    left = [{name: rows[kept] for name, rows in rows_of.items()} for rows_of in (of_rules, of_controls)]
    return _Whole(left[0], left[1], lost, places)


def _sign_flip(scope: Scope, n_subjects: int, n_seeds: int) -> float:
    """Return the smallest two-sided p of a sign-flip test over the only random factor; 0 where there is none such."""
    levels = {"subjects": n_subjects, "seeds": n_seeds}
    random = [name for name in levels if getattr(scope, name) == "random"]
    return min(1.0, 2.0 ** (1 - levels[random[0]])) if len(random) == 1 and scope.stimuli == "fixed" else 0.0

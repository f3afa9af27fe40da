from dataclasses import replace

import numpy as np
import pytest

from benchmarks.worlds import World, condensed, left_out
from brainalign.condensed import Condensed
from brainalign.errors import SpecError
from brainalign.inference.contrast import Contrast, contrast
from brainalign.inference.family import adjust
from brainalign.inference.influence import Influence
from brainalign.inference.max_t import adjusted_by_max_t, max_t
from brainalign.inference.scope import Scope
from brainalign.resampling.left_out import units_of
from brainalign.resampling.linear_pairs import LinearPairs
from brainalign.resampling.score_draws import ScoreDraws

WORLD = World(10, 40, 5)
A, B = range(5), range(5, 10)


def course(number: int, n_times: int = 8, shift: float = 0.0) -> list[ScoreDraws]:
    """Two rules that are equal at every time; times differ by fresh noise on the same brains."""
    rng = np.random.default_rng([number, 77])
    k, d = WORLD.n_stimuli, 4
    blocks = rng.standard_normal((2, k, d))
    gains = 1 + 0.3 * rng.standard_normal((10, 2))
    signal = np.concatenate([gains[:, b, None, None] * blocks[b] for b in range(2)], axis=2)
    models = np.stack([
        condensed(blocks[rule] @ (np.eye(d) + 0.5 * rng.standard_normal((d, d)))) for rule in range(2) for _ in range(5)
    ])  # fmt: skip
    units, counted = units_of(None, k)
    pairs = LinearPairs(Condensed.of(models), units, counted, centred=True)
    found = []
    for _ in range(n_times):
        brains = Condensed.of(condensed(signal + rng.standard_normal(signal.shape)))
        draws = ScoreDraws.without_each(*pairs.scores(brains), units)
        draws.observed[:5] += shift
        draws.draws[:, :5] += shift
        found.append(draws)
    return found


def test_one_cell_has_its_own_p() -> None:
    draws = left_out(WORLD, 3)
    own = contrast(draws, A, B, Scope()).p
    assert max_t([draws], A, B, Scope(), 20_000)[0] == pytest.approx(own, abs=0.06)


def test_family_wise_error_is_nominal() -> None:
    n_sims = 150
    hits = [max_t(course(number), A, B, Scope(), 1000).min() < 0.05 for number in range(n_sims)]
    assert np.mean(hits) <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / n_sims)


def test_cells_that_go_together_cost_less_than_by_holm() -> None:
    cells = course(1, shift=0.3)
    by_holm = adjust([contrast(one, A, B, Scope()).p for one in cells])
    assert max_t(cells, A, B, Scope()).mean() < by_holm.mean()


def test_bootstrap_draws_and_fixed_brains_are_refused() -> None:
    with pytest.raises(SpecError, match="without each stimulus"):
        max_t([left_out(WORLD, 0)], A, B, Scope("fixed", "fixed"))


# -- several rules against one control -------------------------------------------------------------------------------


def rules_alike(number: int, n_rules: int = 5, shift: float = 0.0) -> tuple[list[Contrast], list[Influence]]:
    """Rules of equal geometry, each against the last, over brains that share stimuli, subjects and seeds."""
    rng = np.random.default_rng([number, 5])
    k, d, n_seeds, n_subjects = 24, 4, 5, 8
    signal = rng.standard_normal((k, d))
    gains = 1 + 0.3 * rng.standard_normal((n_subjects, 1, 1))
    brains = Condensed.of(condensed(gains * signal + rng.standard_normal((n_subjects, k, d))))
    of_seed = rng.standard_normal((n_seeds, d, d))
    models = np.stack([
        condensed(signal @ (np.eye(d) + 0.3 * of_seed[seed] + 0.4 * rng.standard_normal((d, d))))
        for _ in range(n_rules) for seed in range(n_seeds)
    ])  # fmt: skip
    units, counted = units_of(None, k)
    pairs = LinearPairs(Condensed.of(models), units, counted, centred=True)
    draws = ScoreDraws.without_each(*pairs.scores(brains), units)
    draws.observed[:n_seeds] += shift
    draws.draws[:, :n_seeds] += shift
    rows = [range(r * n_seeds, (r + 1) * n_seeds) for r in range(n_rules)]
    own = [(draws, one, rows[-1], Scope()) for one in rows[:-1]]
    return [contrast(*one) for one in own], [Influence.of(*one) for one in own]


def test_some_rule_differs_from_a_control_it_equals_no_more_often_than_the_level() -> None:
    n_sims = 150
    hits = [adjusted_by_max_t(*rules_alike(number), 1000).min() < 0.05 for number in range(n_sims)]
    assert np.mean(hits) <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / n_sims)


def test_adjusted_p_are_between_those_of_single_tests_and_of_all_by_bonferroni() -> None:
    found, influences = rules_alike(3, shift=0.05)
    p, adjusted = np.array([one.p for one in found]), adjusted_by_max_t(found, influences)
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(1, len(p) * p) + 0.015).all()
    assert adjusted.sum() < adjust(p).sum() + 0.02
    alone = adjusted_by_max_t(found[:1], influences[:1])
    assert alone[0] == found[0].p
    twice = adjusted_by_max_t([found[0]] * 2, [influences[0]] * 2, 40_000)
    assert twice[0] == pytest.approx(found[0].p, abs=0.01)  # one test told twice is one test


def test_a_rule_beside_itself_is_no_test_and_takes_nothing_of_the_others() -> None:
    found, influences = rules_alike(4)
    same = replace(found[0], delta=0.0, se=0.0, p=1.0)
    adjusted = adjusted_by_max_t([*found, same], [*influences, influences[0]])
    assert adjusted[-1] == 1.0
    np.testing.assert_array_equal(adjusted[:-1], adjusted_by_max_t(found, influences))

import numpy as np
import pytest

from benchmarks.worlds import World, condensed, left_out
from brainalign.condensed import Condensed
from brainalign.errors import SpecError
from brainalign.inference.contrast import contrast
from brainalign.inference.family import adjust
from brainalign.inference.max_t import max_t
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

import numpy as np
import pytest
from scipy import stats

from benchmarks.worlds import World, left_out
from brainalign.errors import SpecError
from brainalign.inference.contrast import contrast
from brainalign.inference.power import needed, standard_error
from brainalign.inference.scope import Scope
from brainalign.inference.variance_components import COMPONENTS

SIZES = {"subjects": 10, "stimuli": 40, "seeds": 5}


def components_of(world: World, n: int) -> tuple[dict[str, float], float]:
    """Return mean variance components over simulated data sets, and the true standard error of the difference."""
    rows = np.arange(world.n_seeds)
    found = [contrast(left_out(world, k), rows, rows + world.n_seeds, Scope()) for k in range(n)]
    parts = {name: float(np.mean([getattr(one, f"var_{name}") for one in found])) for name in COMPONENTS}
    return parts, float(np.std([one.delta for one in found], ddof=1))


def test_more_levels_divide_their_components():
    parts = dict.fromkeys(COMPONENTS, 1.0)
    se, dof = standard_error(parts, SIZES)
    assert se**2 == pytest.approx(1 / 10 + 1 / 40 + 1 / 5 + 1 / 400 + 1 / 200 + 1 / 50 + 1 / 2000)
    assert 4 <= dof <= 53
    assert standard_error({"subjects": 1.0}, SIZES) == pytest.approx((np.sqrt(0.1), 9))


def test_the_plan_finds_the_gap_with_the_power_it_says():
    parts = {"subjects": 0.02, "stimuli": 0.05}
    plan = needed(parts, SIZES, 0.2)
    n = plan.alone["subjects"]
    se, dof = standard_error(parts, SIZES | {"subjects": n})
    power = stats.nct.sf(stats.t.ppf(0.975, dof), dof, 0.2 / se)
    assert power >= 0.8
    se, dof = standard_error(parts, SIZES | {"subjects": n - 1})
    assert stats.nct.sf(stats.t.ppf(0.975, dof), dof, 0.2 / se) < 0.8
    assert needed(parts, SIZES, 0.02).alone == {"subjects": None, "stimuli": None}  # the other factor forbids it


def test_a_pilot_foretells_the_error_of_a_larger_study():
    parts, _ = components_of(World(10, 40, 5), 60)
    large = World(20, 80, 5)
    _, true = components_of(large, 150)
    se, _ = standard_error(parts, {"subjects": 20, "stimuli": 80, "seeds": 5})
    assert se == pytest.approx(true, rel=0.2)


def test_a_gap_must_be_positive():
    with pytest.raises(SpecError, match="positive difference"):
        needed({"subjects": 1.0}, SIZES, 0)
    with pytest.raises(SpecError, match="variance components"):
        needed({"subjects": float("nan")}, SIZES, 0.1)

"""False positives and power of the contrast without each stimulus, where two rules are equal in the population."""

import os

import numpy as np
import pytest
from scipy import stats

from benchmarks.further_studies import scope_of
from benchmarks.worlds import World, left_out
from brainalign.inference.contrast import Contrast, contrast

N_SIMS = int(os.environ.get("BRAINALIGN_SIMULATIONS", "300"))
LIMIT = 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / N_SIMS)


def contrasts(world: World, n_sims: int = N_SIMS) -> list[Contrast]:
    rows = np.arange(world.n_seeds)
    return [contrast(left_out(world, number), rows, rows + world.n_seeds, scope_of(world)) for number in range(n_sims)]


@pytest.mark.parametrize(
    ("world", "least"),
    [
        (World(10, 40, 5), 0.02),
        (World(15, 92, 3), 0.02),
        (World(6, 20, 3), 0.02),
        (World(4, 92, 5, subject_sd=0), 0.02),
        (World(1, 92, 5, subject_sd=0), 0.02),
        (World(20, 16, 10, "swap"), 0.02),
        (World(10, 40, 5, "same", noise=3.0), 0),  # the noise of the measurement dominates
    ],
    ids=str,
)
def test_false_positives_are_near_nominal(world: World, least: float) -> None:
    assert least <= np.mean([one.p < 0.05 for one in contrasts(world)]) <= LIMIT


@pytest.mark.parametrize(
    ("world", "known", "least"),
    [
        (World(10, 40, 5, "same"), 0.795, 0.52),
        (World(15, 92, 5, "same"), 0.767, 0.61),
        (World(10, 40, 5, "same", noise=3.0), 0.463, 0.22),
    ],
    ids=str,
)
def test_a_gap_is_found_where_rules_share_their_geometry(world: World, known: float, least: float) -> None:
    found = contrasts(world)
    delta, se, dof = (np.array([getattr(one, name) for one in found]) for name in ("delta", "se", "dof"))
    true = delta.std(ddof=1)

    def power(gap: float) -> float:
        return float(np.mean(2 * stats.t.sf(abs(delta + gap * true) / se, dof) < 0.05))

    assert power(1.96 + stats.norm.ppf(known)) >= least - 2.6 * np.sqrt(least * (1 - least) / N_SIMS)
    assert power(4.0) >= 0.5
    # what seeds and stimuli share counted twice: 1.28 to 1.42
    assert 0.9 <= np.sqrt(np.mean(se**2)) / true <= 1.35

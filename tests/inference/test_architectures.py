from dataclasses import replace

import numpy as np
import pytest

from benchmarks.worlds import World, left_out
from brainalign.errors import SpecError
from brainalign.inference.architectures import over_architectures
from brainalign.inference.scope import Scope
from brainalign.resampling.score_draws import ScoreDraws

N = 5
A = {"mlp": range(N), "cnn": range(2 * N, 3 * N)}
B = {"mlp": range(N, 2 * N), "cnn": range(3 * N, 4 * N)}


def draws(number: int, mlp: float = 0.0, cnn: float = 0.0) -> ScoreDraws:
    """Two architectures of the same two rules against the same brains; A is ahead by so much in each."""
    world = World(10, 40, 2 * N, "same", noise=0.5)
    found = left_out(world, number)
    ahead = np.repeat([mlp, 0.0, cnn, 0.0], N)[:, None]
    return replace(found, observed=found.observed + ahead, draws=found.draws + ahead)


def test_an_order_needs_every_architecture():
    both = over_architectures(draws(0, 0.4, 0.4), A, B, Scope())
    assert both.verdict == "higher"
    assert both.p_all == max(one.p for one in both.contrasts.values())
    one = over_architectures(draws(0, 0.4, -0.4), A, B, Scope())
    assert one.verdict == "depends on the architecture"
    assert one.p_all == 1
    assert one.p_interaction < 0.001
    assert one.sentence.startswith("Rule by architecture p = ")
    assert over_architectures(draws(0, 0.4, 0.0), A, B, Scope()).verdict == "depends on the architecture"
    assert over_architectures(draws(0), A, B, Scope()).verdict == "inconclusive"


def test_false_positives_of_the_interaction():
    found = [over_architectures(draws(number), A, B, Scope()) for number in range(200)]
    limit = 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 200)
    assert np.mean([one.p_interaction < 0.05 for one in found]) <= limit
    assert np.mean([one.verdict in ("higher", "lower") for one in found]) <= limit


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(SpecError, match="the same, two or more"):
        over_architectures(draws(0), A, {"mlp": B["mlp"]}, Scope())

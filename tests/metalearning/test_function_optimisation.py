"""Walks on landscapes: what each method does exactly, that the outer level improves, and what is refused."""

import pytest
import torch

from brainalign.errors import SpecError
from brainalign.metalearning.credit_walk import EDGE, CreditWalk
from brainalign.metalearning.descents import Descent, OnePlusOne
from brainalign.metalearning.evolution import Evolution
from brainalign.metalearning.function_optimisation import (
    FunctionOptions,
    draw_meeting,
    function_experiment,
    mean_log_value,
    train_method,
)

SMALL = FunctionOptions(
    functions=("rastrigin",), methods=("credit",), steps=30, instances=16, n_test=64, seeds=(0,),
    evolution=Evolution(25, 16, sigma=0.1, learning_rate=0.05),
)  # fmt: skip


def _met(options: FunctionOptions = SMALL, n: int = 6, name: str = "rastrigin"):  # type: ignore[no-untyped-def]
    return draw_meeting(name, n, options, torch.Generator().manual_seed(0))


def test_credit_zero_leaves_the_point_where_it_is() -> None:
    walk = CreditWalk(2, steps=30)
    met = _met()
    done = walk.walk(torch.zeros(2, walk.network.n_parameters), *met)
    assert torch.equal(done.point, met.start.expand(2, 6, 2))


def test_credit_that_only_returns_ends_at_the_best_answer_met() -> None:
    walk = CreditWalk(2, steps=30, hidden=())
    met = _met()
    # A linear top-down network whose credits are its biases: (k_0, noise x 2, last change x 2, best answer x 2).
    phi = torch.zeros(1, walk.network.n_parameters)
    phi[0, -7:] = torch.tensor([0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0])
    done = walk.walk(phi, *met, keep=True)
    steps = done.path[1:, 0] - done.path[:-1, 0]
    best, lowest = met.start, met.terrain.value(met.start)
    for t, noise in enumerate(met.noise):
        expected = (best + 0.3 * noise).clamp(-EDGE, EDGE)
        assert torch.allclose(done.path[t, 0] + steps[t], expected, atol=1e-5)
        value = met.terrain.value(expected)
        best = torch.where((value < lowest)[:, None], expected, best)
        lowest = torch.minimum(lowest, value)


def test_a_network_of_many_equals_itself_alone() -> None:
    walk = CreditWalk(3, n_credits=2, reads="gradient", steps=8)
    options = FunctionOptions(dimension=3, steps=8)
    met = _met(options)
    phi = torch.stack([walk.network.init(torch.Generator().manual_seed(k)) for k in range(3)])
    together = walk.walk(phi, *met).point
    alone = torch.cat([walk.walk(one[None], *met).point for one in phi])
    assert torch.allclose(together, alone, atol=1e-5)


def test_diffusion_makes_parameters_independent_of_neurons() -> None:
    count = {d: CreditWalk(d, 1).network.n_parameters for d in (2, 10, 100)}
    assert len(set(count.values())) == 1
    assert CreditWalk(100).network.n_parameters > 10 * count[100]


def test_descent_is_gradient_descent_with_momentum() -> None:
    met = _met(name="rosenbrock")
    done = Descent(5).walk(Descent.constant(torch.tensor([1e-4]), 0.9), *met)
    point, velocity = met.start, torch.zeros(6, 2)
    for _ in range(5):
        velocity = 0.9 * velocity - 1e-4 * met.terrain.slope(point)
        point = (point + velocity).clamp(-EDGE, EDGE)
    assert torch.allclose(done.point[0], point, atol=1e-5)


def test_the_one_plus_one_strategy_never_worsens() -> None:
    met = _met()
    done = OnePlusOne(30).walk(torch.tensor([[-1.0]]), *met, keep=True)
    values = torch.stack([met.terrain.value(point) for point in done.path])
    assert (values.diff(dim=0) <= 0).all()
    assert torch.allclose(values[-1], done.value)


def test_a_tiny_outer_run_improves_on_unseen_instances() -> None:
    trained = train_method("credit", ("rastrigin",), SMALL, 0)
    untrained = trained.walker.network.init(torch.Generator().manual_seed(5))
    unseen = [draw_meeting("rastrigin", 200, SMALL, torch.Generator().manual_seed(9))]
    after, before = mean_log_value(trained.walker, torch.stack([trained.phi, untrained]), unseen, SMALL.floor)
    assert after < before - 0.3
    assert trained.lifetimes == 25 * 16 * 16


def test_the_tables_hold_a_row_per_function_method_and_seed() -> None:
    methods = ("credit_diffused", "gradient_descent", "learned_rate", "one_plus_one")
    options = FunctionOptions(
        functions=("ackley", "double_well"), methods=methods, steps=5, instances=4, n_test=20, seeds=(0, 1),
        evolution=Evolution(2, 4),
    )  # fmt: skip
    tables = function_experiment(options)
    assert len(tables.scores) == 2 * 4 * 2
    assert tables.scores.escaped.between(0, 1).all()
    assert set(tables.paths.method) == set(options.methods)
    assert not tables.scores.isna().any().any()


def test_what_cannot_be_run_is_refused() -> None:
    for wrong, message in (
        ({"functions": ("hill",)}, "Unknown function 'hill'"), ({"methods": ("magic",)}, "methods is 'magic'"),
        ({"seeds": ()}, "expected at least one"), ({"steps": 0}, "steps is 0"),
    ):  # fmt: skip
        with pytest.raises(SpecError, match=message):
            FunctionOptions(**wrong)
    with pytest.raises(SpecError, match="n_credits is 3"):
        CreditWalk(2, n_credits=3)
    with pytest.raises(SpecError, match="reads is 'all'"):
        CreditWalk(2, reads="all")

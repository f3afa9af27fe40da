"""Weight perturbation: exact where the loss is quadratic, the gradient in the mean, and its known variance."""

from dataclasses import replace
from itertools import product

import pytest
import torch

from brainalign.credit.batch import Batch
from brainalign.credit.cost import forward_cost
from brainalign.datasets.task import Task
from brainalign.errors import SpecError
from brainalign.networks.architecture import architecture
from brainalign.rules.backprop import Backprop
from brainalign.rules.weight_perturbation import WeightPerturbation
from tests.rules.directions import assert_mean_is, many
from tests.small import NETWORKS, batch, instance, largest_difference, network, noise

REGRESSION = Task((3, 1, 1), 2, 64, "regression")
VARIANTS = {
    f"{'both' if antithetic else 'one'}-{'directional' if directional else 'plain'}": WeightPerturbation(
        1e-4, 1, antithetic, directional
    )
    for antithetic, directional in product((True, False), repeat=2)
}


def _quadratic(n: int = 10):
    """Return one linear layer under squared error, whose loss is quadratic in the weights."""
    net = architecture("mlp", {"widths": ()}).build(REGRESSION)
    g = torch.Generator().manual_seed(5)
    x = torch.randn(n, 3, 1, 1, generator=g, dtype=torch.float64)
    data = Batch(x, torch.randn(n, 2, generator=g, dtype=torch.float64), torch.arange(n))
    params, state = instance(net, WeightPerturbation(), 0)
    return net, data, params, state, Backprop().step(net, params, state, data, {}).updates


@pytest.mark.parametrize("sigma", [0.01, 3.0])
@pytest.mark.parametrize("samples", [1, 3])
def test_with_both_signs_a_quadratic_loss_is_differentiated_exactly(sigma: float, samples: int) -> None:
    net, data, params, state, g = _quadratic()
    rule = WeightPerturbation(sigma, samples)
    v = {n.removeprefix("direction/"): t for n, t in noise(rule, net).items()}
    slope = sum((v[n] * g[n]).flatten(1).sum(1) for n in g)
    expected = {n: torch.einsum("k,k...->...", slope, v[n]) / samples for n in g}
    found = rule.step(net, params, state, data, noise(rule, net)).updates
    assert largest_difference(found, expected) < 1e-10
    # Without, the curvature along the direction is added, once per sigma / 2.
    one = replace(rule, antithetic=False, samples=1)
    v = {n: t[0] for n, t in v.items()}
    moved = data.x.flatten(1) @ v["readout.weight"].T + v["readout.bias"]
    extra = {n: sigma * moved.square().mean() * v[n] for n in g}
    slope = sum((v[n] * g[n]).sum() for n in g)
    drawn = {n: t[:1] for n, t in noise(rule, net).items()}
    found = one.step(net, params, state, data, drawn).updates
    assert largest_difference(found, {n: slope * v[n] + extra[n] for n in g}) < 1e-10


def test_directional_divides_by_the_mean_square_of_the_direction() -> None:
    net, data, params, state, _ = _quadratic()
    drawn = noise(WeightPerturbation(samples=1), net)
    plain, divided = (
        WeightPerturbation(samples=1, directional=d).step(net, params, state, data, drawn) for d in (False, True)
    )
    square = sum(float(t.square().sum()) for t in drawn.values()) / sum(t.numel() for t in drawn.values())
    assert largest_difference(divided.updates, {n: u / square for n, u in plain.updates.items()}) < 1e-12
    assert abs(square - 1) > 1e-2


@pytest.mark.parametrize("directional", [False, True])
def test_squared_length_of_updates_is_that_of_theory(directional: bool) -> None:
    # E |(g v) v|^2 = (N + 2) |g|^2 of normal v, N |g|^2 where its length is taken out.
    net, data, params, state, g = _quadratic()
    updates = many(WeightPerturbation(samples=1, directional=directional), net, params, state, data, 6000)
    size = sum(u.flatten(1).square().sum(1) for u in updates.values()) / sum(t.square().sum() for t in g.values())
    n_params = sum(t.numel() for t in g.values())
    theory = n_params if directional else n_params + 2
    assert abs(float(size.mean()) - theory) < 4 * float(size.std()) / len(size) ** 0.5
    assert float(size.std()) / len(size) ** 0.5 < 0.4  # a theory off by 2 would be seen


@pytest.mark.parametrize("rule", VARIANTS.values(), ids=VARIANTS)
def test_mean_of_updates_is_the_gradient(rule: WeightPerturbation) -> None:
    net, data = network("mlp"), batch(4)
    params, state = instance(net, rule, 1)
    assert_mean_is(many(rule, net, params, state, data, 1500), Backprop().step(net, params, state, data, {}).updates)


@pytest.mark.parametrize("name", [n for n in NETWORKS if n != "mlp"])
def test_small_sigma_finds_the_slope_of_every_parameter_in_every_network(name: str) -> None:
    net, data, rule = network(name), batch(6), WeightPerturbation(1e-5, 1)
    params, state = instance(net, rule, 0)
    g = Backprop().step(net, params, state, data, {}).updates
    v = {n.removeprefix("direction/"): t[0] for n, t in noise(rule, net, 6).items()}
    assert set(v) == set(params)
    slope = sum((v[n] * g[n]).sum() for n in g)
    found = rule.step(net, params, state, data, noise(rule, net, 6)).updates
    assert abs(float(slope)) > 1e-2
    assert largest_difference(found, {n: slope * v[n] for n in params}) < 1e-5 * abs(float(slope))


def test_statistics_and_metrics_are_those_of_the_calm_pass() -> None:
    net, data = network("cnn"), batch()
    for antithetic, tolerance in ((False, 1e-12), (True, 1e-6)):
        rule = WeightPerturbation(1e-4, 2, antithetic)
        params, state = instance(net, rule, 0)
        step, exact = (
            rule.step(net, params, state, data, noise(rule, net)),
            Backprop().step(net, params, state, data, {}),
        )
        assert largest_difference(step.state, exact.state) < tolerance
        assert abs(float(step.metrics["loss"] - exact.metrics["loss"])) < tolerance


def test_cost_counts_passes() -> None:
    net = network("mlp")
    f = sum(forward_cost(net).values())
    assert WeightPerturbation(samples=3).multiply_adds(net, 7) == 6 * f
    assert WeightPerturbation(samples=3, antithetic=False).multiply_adds(net, 7) == 4 * f


def test_options_that_make_no_sense_are_refused() -> None:
    with pytest.raises(SpecError, match="sigma is 0"):
        WeightPerturbation(sigma=0)
    with pytest.raises(SpecError, match="samples is 0; expected a whole number, 1 or more"):
        WeightPerturbation(samples=0)

"""Equilibrium propagation against the derivative of its equilibrium, found by autograd through a long free phase."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from brainalign.credit.batch import Batch
from brainalign.credit.cost import forward_cost
from brainalign.errors import IncompatibleError, SpecError
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring
from brainalign.rules.backprop import Backprop
from brainalign.rules.equilibrium_propagation import EquilibriumPropagation
from tests.small import NETWORKS, TASK, batch, instance, largest_difference, network, noise

LONG = EquilibriumPropagation(free_steps=200, nudged_steps=200)
HOPFIELD = ["mlp", "cnn", "cnn-plain"]


def _weak(net: Network, seed: int = 0) -> tuple[Params, Params]:
    """Return an instance whose layers are coupled weakly enough to have one fixed point."""
    params, state = instance(net, LONG, seed)
    generator = torch.Generator().manual_seed(seed)
    state = {n: t + 0.3 * torch.rand(t.shape, generator=generator, dtype=t.dtype) for n, t in state.items()}
    return {n: 0.5 * t if n.endswith("weight") else t + 0.1 for n, t in params.items()}, state


def _rho(name: str, a: Tensor, slope: float) -> Tensor:
    a = slope * a
    return {"hard_sigmoid": a.clamp(0, 1), "hard_tanh": a.clamp(-1, 1), "tanh": a.tanh()}[name]


def _equilibrium_gradient(rule: EquilibriumPropagation, net: Network, params: Params, state: Params) -> Params:
    """Return the derivative of the loss at the free fixed point of simultaneous updates, by autograd through them."""
    leaves = {n: t.clone().requires_grad_() for n, t in params.items()}
    data, wiring = batch(), Wiring(state)
    chain = net.blocks if rule.readout == "inside" else net.blocks[:-1]
    states, below = [], data.x
    for block in chain:
        below = torch.zeros_like(block.forward(params, below, wiring)).requires_grad_()
        states.append(below)
    weights = [rule.gain ** (k + 1 - len(chain)) for k in range(len(chain))]
    for _ in range(150):
        coupling = sum(
            weight * (s * block.preactivation(leaves, below, wiring)).sum()
            for block, below, s, weight in zip(chain, [data.x, *states], states, weights, strict=False)
        )
        slopes = torch.autograd.grad(coupling, states, create_graph=True)
        currents = [slope / weight for slope, weight in zip(slopes, weights, strict=True)]
        linear = [rule.readout == "inside" and k == len(chain) - 1 for k in range(len(chain))]
        states = [
            c if outputs else _rho(rule.activation, c, rule.slope) for c, outputs in zip(currents, linear, strict=True)
        ]
    if rule.readout == "inside":
        error = (states[-1] - F.one_hot(data.y, 5)).square().sum() / (2 * len(data.y))
    else:
        error = F.cross_entropy(net.blocks[-1].forward(leaves, states[-1], wiring), data.y)
    return dict(zip(leaves, torch.autograd.grad(error, list(leaves.values())), strict=True))


def _updates(rule: EquilibriumPropagation, net: Network, params: Params, state: Params, data: Batch | None = None):
    data = data or batch()
    return rule.step(net, params, state, data, noise(rule, net, len(data.y))).updates


def _relative(found: Params, wanted: Params) -> float:
    """Return the largest relative error of any parameter."""
    assert found.keys() == wanted.keys()
    return max(float((found[n] - wanted[n]).norm() / wanted[n].norm()) for n in wanted)


# -- the limit of weak nudges -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOPFIELD)
@pytest.mark.parametrize("readout", ["outside", "inside"])
@pytest.mark.parametrize("nudging", ["symmetric", "one_sided"])
def test_weak_nudge_gives_the_derivative_of_the_equilibrium(name: str, readout: str, nudging: str) -> None:
    net, rule = network(name), replace(LONG, beta=1e-5, readout=readout, nudging=nudging)
    params, state = _weak(net)
    exact = _equilibrium_gradient(rule, net, params, state)
    assert _relative(_updates(rule, net, params, state), exact) < 1e-3
    plain = _plain_gradient(net, params, state)
    assert name == "cnn-plain" or _relative(plain, exact) > 0.05  # feedback changes what is descended


def _plain_gradient(net: Network, params: Params, state: Params) -> Params:
    leaves = {n: t.clone().requires_grad_() for n, t in params.items()}
    error = F.cross_entropy(net.forward(leaves, batch().x, Wiring(state)), batch().y)
    return dict(zip(leaves, torch.autograd.grad(error, list(leaves.values())), strict=True))


@pytest.mark.parametrize("activation", ["hard_tanh", "tanh"])
def test_other_responses_do_too(activation: str) -> None:
    net, rule = network("mlp"), replace(LONG, beta=1e-4, activation=activation, slope=0.8)
    params, state = _weak(net)
    assert _relative(_updates(rule, net, params, state), _equilibrium_gradient(rule, net, params, state)) < 1e-4


@pytest.mark.parametrize("name", HOPFIELD)
@pytest.mark.parametrize("readout", ["outside", "inside"])
def test_a_feedback_gain_weighs_layers_of_the_energy(name: str, readout: str) -> None:
    net, rule = network(name), replace(LONG, beta=1e-4, readout=readout, gain=0.3)
    params, state = _weak(net)
    assert _relative(_updates(rule, net, params, state), _equilibrium_gradient(rule, net, params, state)) < 1e-3


def test_with_little_feedback_the_free_state_is_the_forward_pass_and_few_steps_suffice() -> None:
    net, rule = network("mlp"), replace(LONG, gain=1e-3)
    params, state = instance(net, rule, 0)
    below, hasty = batch().x, replace(rule, free_steps=1, nudged_steps=3, beta=1e-3)
    for name, free in hasty.respond(net, params, state, batch().x).items():
        block = next(block for block in net.blocks if block.name == name)
        drive = block.preactivation(params, below, Wiring(state))
        below = drive if block is net.blocks[-1] else _rho(rule.activation, drive, rule.slope)
        torch.testing.assert_close(free, below, rtol=0, atol=2e-3)
    exact = _updates(replace(rule, beta=1e-3), net, params, state)
    assert _relative(_updates(hasty, net, params, state), exact) < 1e-4


@pytest.mark.parametrize("readout", ["outside", "inside"])
def test_error_falls_with_the_square_of_a_symmetric_nudge(readout: str) -> None:
    net = network("mlp")
    rule = replace(LONG, activation="tanh", readout=readout)
    params, state = _weak(net)
    exact = _equilibrium_gradient(rule, net, params, state)

    def error(nudging: str, beta: float) -> float:
        return _relative(_updates(replace(rule, nudging=nudging, beta=beta), net, params, state), exact)

    for nudging, order in (("symmetric", 4.0), ("one_sided", 2.0)):
        assert error(nudging, 0.1) / error(nudging, 0.05) == pytest.approx(order, rel=0.1)
    assert error("symmetric", 0.1) < error("one_sided", 0.1) / 3


@pytest.mark.parametrize("readout", ["outside", "inside"])
@pytest.mark.parametrize("name", NETWORKS)
def test_with_prediction_errors_a_weak_nudge_gives_backpropagation(name: str, readout: str) -> None:
    net = network(name)
    rule = EquilibriumPropagation(energy="prediction", beta=1e-4, readout=readout)
    params, state = instance(net, rule, 0)
    if readout == "inside":  # half the squared error of 5 outputs is 5 / 2 of the mean over outputs
        net = replace(net, task=replace(TASK, objective="regression"))
        data = batch()._replace(y=F.one_hot(batch().y, 5).double())
        exact = {n: 2.5 * t for n, t in _backprop(net, params, state, data).items()}
    else:
        data = batch()
        exact = _backprop(net, params, state, data)
    assert _relative_used(_updates(rule, net, params, state, data), exact) < 1e-5


def test_with_prediction_errors_the_free_phase_has_none() -> None:
    net, rule = network("rnn"), EquilibriumPropagation("one_sided", 1e-5, energy="prediction")
    params, state = instance(net, rule, 0)
    exact = _backprop(net, params, state, batch())
    assert _relative(_updates(rule, net, params, state), exact) < 1e-3


def _backprop(net: Network, params: Params, state: Params, data: Batch) -> Params:
    if not any(block.normalisations() for block in net.blocks):
        return Backprop().step(net, params, state, data, {}).updates
    leaves = {n: t.clone().requires_grad_() for n, t in params.items()}  # statistics of the batch play no part
    output = net.forward(leaves, data.x, Wiring(state))
    error = F.cross_entropy(output, data.y) if data.y.ndim == 1 else F.mse_loss(output, data.y)
    return dict(zip(leaves, torch.autograd.grad(error, list(leaves.values())), strict=True))


def _relative_used(found: Params, wanted: Params) -> float:
    largest = max(float(t.norm()) for t in wanted.values())
    return max(float((found[n] - wanted[n]).norm() / max(float(wanted[n].norm()), 1e-3 * largest)) for n in wanted)


# -- phases -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("energy", ["hopfield", "prediction"])
@pytest.mark.parametrize("readout", ["outside", "inside"])
def test_symmetric_nudging_is_the_mean_of_both_signs_run_apart(energy: str, readout: str) -> None:
    net, data = network("cnn"), batch()
    rule = EquilibriumPropagation("random_sign", 0.01, energy=energy, readout=readout)
    params, state = instance(net, rule, 0)
    signs = [torch.tensor(s, dtype=torch.float64) for s in (1.0, -1.0)]
    plus, minus = (rule.step(net, params, state, data, {"sign": sign}).updates for sign in signs)
    together = _updates(replace(rule, nudging="symmetric"), net, params, state)
    assert largest_difference(together, {n: (plus[n] + minus[n]) / 2 for n in plus}) < 1e-12
    assert largest_difference(plus, _updates(replace(rule, nudging="one_sided"), net, params, state)) == 0
    assert largest_difference(plus, minus) > 1e-4


def test_random_sign_is_drawn_by_noise_and_both_occur() -> None:
    rule, net = EquilibriumPropagation("random_sign"), network("mlp")
    assert {float(noise(rule, net, seed=k)["sign"]) for k in range(20)} == {-1.0, 1.0}
    assert not noise(LONG, net)


def test_readout_learns_from_both_nudged_phases() -> None:
    net, rule, data = network("mlp"), replace(LONG, beta=0.3), batch()
    params, state = _weak(net)
    updates = _updates(rule, net, params, state)
    # One hidden layer left in the energy: its nudged states follow from one equation, solved here by iteration.
    shallow = replace(
        net, blocks=(net.blocks[0], replace(net.blocks[2], weight=replace(net.blocks[2].weight, n_in=12)))
    )
    params["readout.weight"] = torch.linspace(-0.5, 0.5, 60, dtype=torch.float64).view(5, 12)
    updates = _updates(rule, shallow, {n: params[n] for n in params if "hidden2" not in n}, state)
    w, v, b = params["hidden1.weight"], params["readout.weight"], params["readout.bias"]
    drive = data.x.flatten(1) @ w.T + params["hidden1.bias"]
    states, errors = [], []
    for beta in (0.3, -0.3):
        s = (0.5 * drive).clamp(0, 1)
        for _ in range(200):
            error = (s @ v.T + b).softmax(1) - F.one_hot(data.y, 5)
            s = (0.5 * (drive - beta * error @ v)).clamp(0, 1)
        states.append(s)
        errors.append((s @ v.T + b).softmax(1) - F.one_hot(data.y, 5))
    wanted = sum(e.T @ s for e, s in zip(errors, states, strict=True)) / (2 * 12)
    torch.testing.assert_close(updates["readout.weight"], wanted)
    torch.testing.assert_close(updates["readout.bias"], (errors[0] + errors[1]).sum(0) / 24)
    hidden = -(states[0] - states[1]).T @ data.x.flatten(1) / (0.6 * 12)
    torch.testing.assert_close(updates["hidden1.weight"], hidden)
    torch.testing.assert_close(updates["hidden1.bias"], -(states[0] - states[1]).sum(0) / (0.6 * 12))


def test_a_nudge_sinks_by_two_layers_in_a_step() -> None:
    net, rule = network("mlp"), replace(LONG, readout="inside")
    params, state = _weak(net)
    moved = [_updates(replace(rule, nudged_steps=steps), net, params, state) for steps in (1, 2)]
    assert [float(u["hidden1.bias"].abs().max()) > 1e-9 for u in moved] == [False, True]
    assert [float(u["hidden2.bias"].abs().max()) > 1e-9 for u in moved] == [True, True]


# -- samples ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("energy", ["hopfield", "prediction"])
@pytest.mark.parametrize("name", HOPFIELD)
def test_update_of_a_batch_is_the_mean_of_its_samples_in_any_order(energy: str, name: str) -> None:
    net, data, rule = network(name), batch(), EquilibriumPropagation(energy=energy)
    params, state = instance(net, rule, 0)
    together = _updates(rule, net, params, state, data)
    alone = [_updates(rule, net, params, state, Batch(*(part[k : k + 1] for part in data))) for k in range(12)]
    assert largest_difference(together, {n: sum(u[n] for u in alone) / 12 for n in together}) < 1e-12
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    shuffled = _updates(rule, net, params, state, Batch(*(part[order] for part in data)))
    assert largest_difference(together, shuffled) < 1e-12


@pytest.mark.parametrize("name", HOPFIELD)
def test_response_is_the_free_fixed_point_of_each_stimulus_alone(name: str) -> None:
    net, x = network(name), batch().x
    params, state = _weak(net)
    with torch.no_grad():
        together = LONG.respond(net, params, state, x)
        alone = LONG.respond(net, params, state, x[3:4])
    assert max(float((together[n][3:4] - alone[n]).abs().max()) for n in together) < 1e-12
    *hidden, answer = together.values()
    torch.testing.assert_close(answer, net.blocks[-1].forward(params, hidden[-1], Wiring(state)))
    step = LONG.step(net, params, state, batch(), {})
    assert float(step.metrics["loss"]) == pytest.approx(float(F.cross_entropy(answer, batch().y)))
    inside = replace(LONG, readout="inside")
    outputs = list(inside.respond(net, params, state, x).values())[-1]
    error = (outputs - F.one_hot(batch().y, 5)).square().sum() / 24
    assert float(inside.step(net, params, state, batch(), {}).metrics["loss"]) == pytest.approx(float(error))


def test_response_with_prediction_errors_is_the_forward_pass() -> None:
    net, rule = network("rnn"), EquilibriumPropagation(energy="prediction")
    params, state = instance(net, rule, 0)
    forward = net.activities(params, state, batch().x)
    assert largest_difference(rule.respond(net, params, state, batch().x), forward) == 0


def test_running_statistics_follow_the_free_state() -> None:
    net, x = network("cnn"), batch().x
    params, state = _weak(net)
    first = LONG.respond(net, params, state, x)["conv1"]
    current = F.conv2d(first, params["conv2.weight"], padding=1)
    wanted = 0.9 * state["conv2.norm.mean"] + 0.1 * current.mean((0, 2, 3))
    torch.testing.assert_close(LONG.step(net, params, state, batch(), {}).state["conv2.norm.mean"], wanted)


# -- what is refused, and what it costs ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(NETWORKS.keys() - set(HOPFIELD)))
def test_blocks_of_several_synapses_need_the_other_energy(name: str) -> None:
    with pytest.raises(IncompatibleError, match="no Hopfield energy; use energy = 'prediction'"):
        EquilibriumPropagation().check(network(name))
    EquilibriumPropagation(energy="prediction").check(network(name))


def test_options_are_checked() -> None:
    with pytest.raises(SpecError, match=r"Option beta is 1.0; expected less than 1 with readout = 'inside'"):
        EquilibriumPropagation(beta=1.0, readout="inside")
    EquilibriumPropagation("one_sided", beta=2.0, readout="inside")
    with pytest.raises(SpecError, match="Option nudging is 'two_sided'"):
        EquilibriumPropagation("two_sided")
    with pytest.raises(SpecError, match="Option slope is 0"):
        EquilibriumPropagation(slope=0)


def test_a_network_of_a_readout_alone_learns_as_by_backpropagation() -> None:
    net = network("mlp")
    net = replace(net, blocks=(replace(net.blocks[2], weight=replace(net.blocks[2].weight, n_in=64)),))
    params, state = instance(net, LONG, 0)
    exact = Backprop().step(net, params, state, batch(), {}).updates
    for energy in ("hopfield", "prediction"):
        assert largest_difference(_updates(replace(LONG, energy=energy), net, params, state), exact) < 1e-12


def test_cost_of_a_multi_layer_perceptron() -> None:
    net = network("mlp")  # 64 - 12 - 9 - 5
    first, middle, last = 64 * 12, 12 * 9, 9 * 5
    assert sum(forward_cost(net).values()) == first + middle + last
    products = first + 2 * (middle + last)  # the input is the same in both phases
    start = first + middle + last
    rule = EquilibriumPropagation(free_steps=7, nudged_steps=3)
    assert rule.multiply_adds(net, 12) == start + 7 * 2 * middle + 2 * 3 * 2 * (middle + last) + products
    inside = replace(rule, readout="inside", nudging="one_sided")
    assert inside.multiply_adds(net, 12) == start + (7 + 3) * 2 * (middle + last) + products
    prediction = replace(rule, energy="prediction")
    assert prediction.multiply_adds(net, 12) == start + 2 * 3 * 2 * (middle + last) + products

"""Contrastive Hebbian learning against linear systems, backpropagation, and an infinite nudge."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from brainalign.credit.batch import Batch
from brainalign.errors import IncompatibleError, SpecError
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring
from brainalign.rules.contrastive_hebbian import ContrastiveHebbian
from brainalign.rules.equilibrium_propagation import EquilibriumPropagation
from tests.small import NETWORKS, TASK, batch, instance, largest_difference, network

LONG = ContrastiveHebbian(free_steps=200, clamped_steps=200)
HOPFIELD = ["mlp", "cnn", "cnn-plain"]


def _weak(net: Network, seed: int = 0) -> tuple[Params, Params]:
    params, state = instance(net, LONG, seed)
    return {n: 0.5 * t if n.endswith("weight") else t + 0.1 for n, t in params.items()}, state


def _updates(rule, net: Network, params: Params, state: Params, data: Batch | None = None) -> Params:
    return rule.step(net, params, state, data or batch(), {}).updates


def test_a_linear_network_has_closed_fixed_points() -> None:
    gain, slope = 0.4, 0.6
    net, data = network("mlp"), batch()
    rule = ContrastiveHebbian(gain, 300, 300, "hard_tanh", slope)
    params, state = instance(net, rule, 0)
    params = {n: 0.05 * t if n.endswith("weight") else t + 0.01 for n, t in params.items()}  # nothing saturates
    x, wanted = data.x.flatten(1), F.one_hot(data.y, 5).double()
    (w1, b1), (w2, b2), (w3, b3) = (
        (params[f"{n}.weight"], params[f"{n}.bias"]) for n in ("hidden1", "hidden2", "readout")
    )
    coupling = torch.zeros(26, 26, dtype=torch.float64)  # of (s1, s2, s3) to themselves
    coupling[:12, 12:21], coupling[12:21, :12] = slope * gain * w2.T, slope * w2
    coupling[12:21, 21:], coupling[21:, 12:21] = slope * gain * w3.T, w3
    drive = torch.cat([slope * (x @ w1.T + b1), (slope * b2).expand(12, -1), b3.expand(12, -1)], dim=1)
    free = torch.linalg.solve(torch.eye(26) - coupling, drive.T).T
    hidden = drive[:, :21] + wanted @ coupling[:21, 21:].T
    taught = torch.cat([torch.linalg.solve(torch.eye(21) - coupling[:21, :21], hidden.T).T, wanted], dim=1)
    assert free[:, :21].abs().max() < 1
    assert taught[:, :21].abs().max() < 1
    updates = _updates(rule, net, params, state)
    parts = [s.split([12, 9, 5], dim=1) for s in (taught, free)]
    for k, name in enumerate(("hidden1", "hidden2", "readout")):
        hebb = [p[k].T @ (x if k == 0 else p[k - 1]) for p in parts]
        torch.testing.assert_close(updates[f"{name}.weight"], -(gain ** (k - 2)) * (hebb[0] - hebb[1]) / 12)
        rest = (parts[0][k] - parts[1][k]).sum(0)
        torch.testing.assert_close(updates[f"{name}.bias"], -(gain ** (k - 2)) * rest / 12)


@pytest.mark.parametrize("activation", ["hard_sigmoid", "tanh"])
@pytest.mark.parametrize("name", HOPFIELD)
def test_weak_feedback_gives_backpropagation_of_squared_error(name: str, activation: str) -> None:
    net, rule = network(name), ContrastiveHebbian(1e-3, activation=activation)
    params, state = _weak(net)
    leaves = {n: t.clone().requires_grad_() for n, t in params.items()}
    x, wiring = batch().x, Wiring(state)
    for k, block in enumerate(net.blocks):
        x = block.preactivation(leaves, x, wiring)
        if k < len(net.blocks) - 1:
            x = (0.5 * x).clamp(0, 1) if activation == "hard_sigmoid" else (0.5 * x).tanh()
    error = (x - F.one_hot(batch().y, 5)).square().sum() / 24
    exact = dict(zip(leaves, torch.autograd.grad(error, list(leaves.values())), strict=True))
    updates = _updates(rule, net, params, state)
    for n, wanted in exact.items():
        assert float((updates[n] - wanted).norm() / wanted.norm()) < 1e-2, n
        assert float(F.cosine_similarity(updates[n].flatten(), wanted.flatten(), dim=0)) > 0.9999
    strong = _updates(replace(rule, gain=1.0), net, params, state)
    first = net.synapses[0].weight_name
    assert float((strong[first] - exact[first]).norm() / exact[first].norm()) > 0.02


@pytest.mark.parametrize("name", HOPFIELD)
def test_clamping_is_the_strongest_nudge_of_equilibrium_propagation(name: str) -> None:
    net, strength = network(name), 1e9
    params, state = _weak(net)
    steps = {"free_steps": 100, "nudged_steps": 100}
    nudged = EquilibriumPropagation("one_sided", strength, readout="inside", **steps)
    clamped = _updates(replace(LONG, gain=1.0), net, params, state)
    found = _updates(nudged, net, params, state)
    assert largest_difference({n: strength * u for n, u in found.items()}, clamped) < 1e-6
    assert max(float(u.abs().max()) for u in clamped.values()) > 1e-2


def test_where_free_outputs_are_the_targets_nothing_moves() -> None:
    net = replace(network("cnn"), task=replace(TASK, objective="regression"))
    params, state = _weak(net)
    outputs = list(LONG.respond(net, params, state, batch().x).values())[-1]
    step = LONG.step(net, params, state, batch()._replace(y=outputs), {})
    assert max(float(u.abs().max()) for u in step.updates.values()) < 1e-12
    assert float(step.metrics["loss"]) == 0
    assert set(step.state) == set(net.init_state())  # but normalisations go on


@pytest.mark.parametrize("name", HOPFIELD)
def test_update_of_a_batch_is_the_mean_of_its_samples_in_any_order(name: str) -> None:
    net, data, rule = network(name), batch(), ContrastiveHebbian()
    params, state = instance(net, rule, 0)
    together = _updates(rule, net, params, state)
    alone = [_updates(rule, net, params, state, Batch(*(part[k : k + 1] for part in data))) for k in range(12)]
    assert largest_difference(together, {n: sum(u[n] for u in alone) / 12 for n in together}) < 1e-12
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    shuffled = _updates(rule, net, params, state, Batch(*(part[order] for part in data)))
    assert largest_difference(together, shuffled) < 1e-12


def test_response_is_the_free_state_of_each_stimulus_alone() -> None:
    net, x = network("mlp"), batch().x
    params, state = _weak(net)
    found = LONG.respond(net, params, state, x)
    alone = LONG.respond(net, params, state, x[3:4])
    assert max(float((found[n][3:4] - alone[n]).abs().max()) for n in found) < 1e-12

    def receives(name: str, below: Tensor) -> Tensor:
        return below @ params[f"{name}.weight"].T + params[f"{name}.bias"]

    h1, h2, out = found.values()
    up1 = receives("hidden1", x.flatten(1)) + LONG.gain * h2 @ params["hidden2.weight"]
    up2 = receives("hidden2", h1) + LONG.gain * out @ params["readout.weight"]
    torch.testing.assert_close(h1, (0.5 * up1).clamp(0, 1))
    torch.testing.assert_close(h2, (0.5 * up2).clamp(0, 1))
    torch.testing.assert_close(out, receives("readout", h2))


def test_options_and_networks_are_checked() -> None:
    for name in NETWORKS.keys() - set(HOPFIELD):
        with pytest.raises(IncompatibleError, match="the states have no Hopfield energy"):
            LONG.check(network(name))
    with pytest.raises(SpecError, match="Option gain is 0"):
        ContrastiveHebbian(gain=0)
    with pytest.raises(SpecError, match=r"Option clamped_steps is 1\.5"):
        ContrastiveHebbian(clamped_steps=1.5)
    with pytest.raises(SpecError, match="Option clamped_steps is 0"):
        ContrastiveHebbian(clamped_steps=0)


def test_cost_of_a_multi_layer_perceptron() -> None:
    first, upper = 64 * 12, 12 * 9 + 9 * 5
    found = ContrastiveHebbian(free_steps=7, clamped_steps=3).multiply_adds(network("mlp"), 12)
    assert found == first + upper + 2 * upper * (7 + 3) + first + 2 * upper

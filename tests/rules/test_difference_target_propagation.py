"""Difference target propagation against Gauss-Newton targets, and where nothing may move."""

from dataclasses import replace

import pytest
import torch
from linear_chain import exact_inverses, linear_chain

from brainalign.credit.cost import local_cost
from brainalign.credit.objective import output_error
from brainalign.credit.targets import target_cost
from brainalign.networks.wiring import Wiring
from brainalign.rules.backprop import Backprop
from brainalign.rules.difference_target_propagation import DifferenceTargetPropagation
from tests.small import NETWORKS, TASK, batch, instance, network, noise


@pytest.mark.parametrize("step_size", [0.01, 3.0])
def test_with_exact_inverses_targets_are_those_of_gauss_and_newton(step_size: float) -> None:
    net, data = linear_chain(), batch()
    rule = DifferenceTargetPropagation(step_size, activation="linear", feedback_steps=0)
    params, state = instance(net, rule, 0)
    updates = rule.step(net, params, exact_inverses(net, params, state), data, noise(rule, net)).updates
    below, chain = data.x.flatten(1), torch.eye(5, dtype=torch.float64)
    weights = [params[f"{block.name}.weight"] for block in net.blocks]
    error = output_error(net.task, net.forward(params, data.x, Wiring(state)), data.y)
    for k, weight in enumerate(weights[:-1]):
        chain = torch.eye(5, dtype=torch.float64)
        for above in weights[k + 1 :]:
            chain = above @ chain
        wanted = torch.linalg.solve(chain, error.T) @ below  # the step of h_k that makes the output's step
        torch.testing.assert_close(updates[f"block{k + 1}.weight"], wanted, rtol=1e-9, atol=1e-9)
        below = below @ weight.T


@pytest.mark.parametrize("name", NETWORKS)
def test_where_the_output_is_on_target_no_hidden_block_moves(name: str) -> None:
    task = replace(TASK, objective="regression")
    net, rule = replace(network(name), task=task), DifferenceTargetPropagation()
    params, state = instance(net, rule, 0)
    data = batch()
    data = data._replace(y=net.forward(params, data.x, Wiring(state, adapt=True)))
    step = rule.step(net, params, state, data, noise(rule, net))
    assert all(update.abs().max() == 0 for update in step.updates.values())
    feedback = f"feedback/{net.blocks[-1].name}.weight"
    assert (step.state[feedback] - state[feedback]).abs().max() > 1e-6  # while feedback weights go on learning


@pytest.mark.parametrize("name", NETWORKS)
def test_readout_update_equals_backprop(name: str) -> None:
    net, rule, data = network(name), DifferenceTargetPropagation(), batch()
    params, state = instance(net, rule, 0)
    mine = rule.step(net, params, state, data, noise(rule, net)).updates
    exact = Backprop().step(net, params, state, data, {}).updates
    for own in net.blocks[-1].parameters():
        torch.testing.assert_close(mine[own], exact[own], rtol=1e-9, atol=1e-12)
    first = net.synapses[0].weight_name
    assert (mine[first] - exact[first]).abs().max() > 1e-6


def test_one_hidden_layer_pair_closed_form() -> None:
    net, data = network("mlp"), batch()
    rule = DifferenceTargetPropagation(0.3, activation="tanh", feedback_steps=0)
    params, state = instance(net, rule, 0)
    x = data.x.flatten(1)
    h1 = (x @ params["hidden1.weight"].T).relu()
    h2 = (h1 @ params["hidden2.weight"].T).relu()
    y = h2 @ params["readout.weight"].T
    t = y - 0.3 * (y.softmax(1) - torch.nn.functional.one_hot(data.y, 5))
    g3, g2 = state["feedback/readout.weight"], state["feedback/hidden2.weight"]
    t2 = h2 + (t @ g3.T).tanh() - (y @ g3.T).tanh()
    t1 = h1 + (t2 @ g2.T).tanh() - (h2 @ g2.T).tanh()
    updates = rule.step(net, params, state, data, noise(rule, net)).updates
    for name, h, wanted, below in (("hidden2", h2, t2, h1), ("hidden1", h1, t1, x)):
        delta = (h - wanted) * (h > 0) / (12 * 0.3)
        torch.testing.assert_close(updates[f"{name}.weight"], delta.T @ below)
        torch.testing.assert_close(updates[f"{name}.bias"], delta.sum(0))


def test_there_is_no_way_back_to_the_stimulus() -> None:
    net, rule = network("mlp"), DifferenceTargetPropagation()
    params, state = instance(net, rule, 0)
    assert set(state) == {f"feedback/{name}.{part}" for name in ("hidden2", "readout") for part in ("weight", "bias")}
    assert set(rule.feedback_angles(net, params, state)) == {"hidden2", "readout"}


def test_cost_of_a_multi_layer_perceptron() -> None:
    net = network("mlp")  # 64 - 12 - 9 - 5
    path = 12 * 9 + 9 * 5
    assert target_cost(net, DifferenceTargetPropagation().stages(net), 0) == local_cost(net)
    costs = [DifferenceTargetPropagation(feedback_steps=k).multiply_adds(net, 12) for k in (0, 3)]
    assert costs == [local_cost(net) + 2 * path, local_cost(net) + 2 * path + 3 * (path + 2 * path)]

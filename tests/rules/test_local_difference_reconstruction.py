"""Local difference reconstruction: feedback learns the transposed Jacobian, and updates become backpropagation's."""

import pytest
import torch
from linear_chain import linear_chain

from brainalign.credit.cost import local_cost
from brainalign.networks.architecture import architecture
from brainalign.rules.backprop import Backprop
from brainalign.rules.local_difference_reconstruction import LocalDifferenceReconstruction
from tests.small import TASK, batch, instance, network, noise


def _cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a * b).sum() / (a.norm() * b.norm()))


def _learn(net, rule: LocalDifferenceReconstruction, n_steps: int, n: int = 64):
    params, state = instance(net, rule, 0)
    data = batch(n)
    before = {name: float(a) for name, a in rule.feedback_angles(net, params, state).items()}
    for k in range(n_steps):
        state = {**state, **rule.step(net, params, state, data, noise(rule, net, n, k)).state}
    after = {name: float(a) for name, a in rule.feedback_angles(net, params, state).items()}
    mine = rule.step(net, params, state, data, noise(rule, net, n, n_steps)).updates
    return before, after, mine, Backprop().step(net, params, state, data, {}).updates


def test_on_a_linear_network_feedback_becomes_the_transpose_and_updates_backpropagations() -> None:
    before, after, mine, exact = _learn(linear_chain(8, 4), LocalDifferenceReconstruction(feedback_steps=20), 20)
    assert min(before.values()) > 40
    assert max(after.values()) < 10
    for name, update in mine.items():
        assert _cosine(update, exact[name]) > 0.99
        assert float(update.norm() / exact[name].norm()) == pytest.approx(1, abs=0.15)


def test_with_the_transpose_and_a_small_step_the_update_is_backpropagations() -> None:
    net, data = linear_chain(), batch()
    rule = LocalDifferenceReconstruction(1e-3, feedback_steps=0)
    params, state = instance(net, rule, 0)
    state |= {f"feedback/{b.name}.weight": params[f"{b.name}.weight"].T for b in net.blocks[1:]}
    mine, exact = (r.step(net, params, state, data, noise(r, net)).updates for r in (rule, Backprop()))
    for name, update in mine.items():
        torch.testing.assert_close(update, exact[name], rtol=1e-9, atol=1e-12)


def test_on_a_tanh_network_updates_come_near_backpropagations() -> None:
    net = architecture("mlp", {"widths": (12, 9), "activation": "tanh"}).build(TASK)
    rule = LocalDifferenceReconstruction(activation="tanh", feedback_rate=0.05, feedback_steps=20)
    params, state = instance(net, rule, 0)
    untrained = rule.step(net, params, state, batch(64), {n: t[:0] for n, t in noise(rule, net, 64).items()}).updates
    _, _, mine, exact = _learn(net, rule, 20)
    assert _cosine(untrained["hidden1.weight"], exact["hidden1.weight"]) < 0.5
    for name, update in mine.items():
        assert _cosine(update, exact[name]) > 0.9


def test_learning_stays_finite_with_far_more_features_than_samples() -> None:
    net = architecture("mlp", {"widths": (300, 300)}).build(TASK)
    rule = LocalDifferenceReconstruction(feedback_rate=0.5, feedback_steps=60)
    params, state = instance(net, rule, 0)
    new = rule.step(net, params, state, batch(4), noise(rule, net, 4)).state
    assert max(float(weight.norm() / state[name].norm()) for name, weight in new.items()) < 20


def test_noise_of_a_layer_is_drawn_once_for_both_of_its_stages() -> None:
    net, rule = linear_chain(5, 3), LocalDifferenceReconstruction(feedback_steps=2, noise_size=0.3)
    drawn = noise(rule, net, 400)
    assert {name: tuple(t.shape) for name, t in drawn.items()} == dict.fromkeys(
        ("block2", "block3", "output"), (2, 400, 5)
    )
    assert float(torch.cat(list(drawn.values())).std()) == pytest.approx(0.3, rel=0.05)


def test_a_draw_crosses_the_path_three_times() -> None:
    net = network("mlp")  # 64 - 12 - 9 - 5
    path = upper = 12 * 9 + 9 * 5
    found = LocalDifferenceReconstruction(feedback_steps=4).multiply_adds(net, 12)
    assert found == local_cost(net) + path + 4 * (upper + 3 * path)

"""Kolen-Pollack: forward and feedback weights differ by what decays, and by nothing else."""

import pytest
import torch

from brainalign.rules.feedback_alignment import FeedbackAlignment
from brainalign.rules.kolen_pollack import KolenPollack
from tests.small import NETWORKS, batch, descend, instance, network


@pytest.mark.parametrize("name", ["mlp", "cnn", "rnn", "transformer"])
def test_difference_of_the_weights_decays_geometrically(name: str) -> None:
    net, rule, rate = network(name), KolenPollack(decay=0.2), 0.1
    params, state = instance(net, rule, 0)
    first = {s.weight_name: params[s.weight_name] - state[f"feedback/{s.weight_name}"] for s in net.synapses}
    for k in range(20):
        params, state, _ = descend(rule, net, params, state, batch(12, k), rate)
    for weight, difference in first.items():
        expected = difference * (1 - rate * rule.decay) ** 20
        torch.testing.assert_close(params[weight] - state[f"feedback/{weight}"], expected, rtol=1e-9, atol=1e-12)
        assert not torch.allclose(params[weight], instance(net, rule, 0)[0][weight])  # something was learned meanwhile


def test_angle_falls_with_decay_and_stays_without_learning_alike() -> None:
    net = network("mlp")
    for rule, falls in ((KolenPollack(decay=0.05), True), (FeedbackAlignment(), False)):
        params, state = instance(net, rule, 0)
        before = rule.feedback_angles(net, params, state)
        for _ in range(500):
            params, state, _ = descend(rule, net, params, state, batch(), 0.1)
        after = rule.feedback_angles(net, params, state)
        assert all((float(after[n]) < 20) is falls for n in after)
        assert all(float(angle) > 45 for angle in before.values())


@pytest.mark.parametrize("name", NETWORKS)
def test_without_decay_updates_are_feedback_alignments(name: str) -> None:
    net, rule, data = network(name), KolenPollack(decay=0.0), batch()
    params, state = instance(net, rule, 0)
    mine = rule.step(net, params, state, data, {}).updates
    for weight, update in FeedbackAlignment().step(net, params, state, data, {}).updates.items():
        torch.testing.assert_close(mine[weight], update)
        if f"feedback/{weight}" in state:
            torch.testing.assert_close(mine[f"feedback/{weight}"], update)

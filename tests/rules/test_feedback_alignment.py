"""Feedback alignment: with B = W it is backprop; otherwise only what lies below the readout differs."""

import pytest
import torch

from brainalign.rules.backprop import Backprop
from brainalign.rules.feedback_alignment import FeedbackAlignment
from tests.small import NETWORKS, batch, instance, largest_difference, network


@pytest.mark.parametrize("name", NETWORKS)
def test_with_transposed_weights_it_is_backprop(name: str) -> None:
    net, rule, data = network(name), FeedbackAlignment(), batch()
    params, state = instance(net, rule, 0)
    mirrored = {**state, **{f"feedback/{s.weight_name}": params[s.weight_name] for s in net.synapses}}
    exact = Backprop().step(net, params, state, data, {}).updates
    assert largest_difference(rule.step(net, params, mirrored, data, {}).updates, exact) < 1e-6
    # The equality is no accident of the test: with the random feedback it does not hold.
    random = rule.step(net, params, state, data, {}).updates
    assert largest_difference(random, exact) > 1e-3


def test_two_layer_closed_form() -> None:
    net, rule, data = network("mlp"), FeedbackAlignment(), batch()
    params, state = instance(net, rule, 0)
    x = data.x.flatten(1)
    a1 = x @ params["hidden1.weight"].T
    h1 = a1.relu()
    a2 = h1 @ params["hidden2.weight"].T
    h2 = a2.relu()
    output = h2 @ params["readout.weight"].T
    e = (output.softmax(1) - torch.nn.functional.one_hot(data.y, 5)) / len(data.y)
    d2 = (e @ state["feedback/readout.weight"]) * (a2 > 0)
    d1 = (d2 @ state["feedback/hidden2.weight"]) * (a1 > 0)
    updates = rule.step(net, params, state, data, {}).updates
    torch.testing.assert_close(updates["readout.weight"], e.T @ h2)
    torch.testing.assert_close(updates["hidden2.weight"], d2.T @ h1)
    torch.testing.assert_close(updates["hidden1.weight"], d1.T @ x)


def test_forward_weights_above_do_not_reach_updates_below_except_through_the_error() -> None:
    # Null-space intervention: change the readout in directions its inputs do not have, so that the output, and
    # hence the error, stay as they are. Feedback alignment must not notice; backprop does.
    net, data = network("mlp"), batch(4)
    for rule, notices in ((FeedbackAlignment(), False), (Backprop(), True)):
        params, state = instance(net, rule, 0)
        h = net.activities(params, state, data.x)["hidden2"]
        projector = torch.eye(h.shape[1], dtype=h.dtype) - torch.linalg.pinv(h) @ h
        noise = torch.randn(5, h.shape[1], generator=torch.Generator().manual_seed(1), dtype=h.dtype)
        moved = {**params, "readout.weight": params["readout.weight"] + noise @ projector}
        before, after = (rule.step(net, p, state, data, {}).updates["hidden1.weight"] for p in (params, moved))
        change = float((before - after).norm() / before.norm())
        assert (change > 1e-2) if notices else (change < 1e-10)

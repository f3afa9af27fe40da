"""Direct feedback alignment against its closed form, and its readout against backprop's."""

import pytest
import torch

from brainalign.networks.architecture import architecture
from brainalign.rules.backprop import Backprop
from brainalign.rules.direct_feedback_alignment import DirectFeedbackAlignment
from tests.small import NETWORKS, TASK, batch, instance, network


@pytest.mark.parametrize("name", NETWORKS)
def test_readout_update_equals_backprop(name: str) -> None:
    net, rule, data = network(name), DirectFeedbackAlignment(), batch()
    params, state = instance(net, rule, 0)
    mine, exact = (r.step(net, params, state, data, {}).updates for r in (rule, Backprop()))
    for own in net.blocks[-1].parameters():
        torch.testing.assert_close(mine[own], exact[own], rtol=1e-9, atol=1e-12)
    first = net.synapses[0].weight_name
    assert (mine[first] - exact[first]).abs().max() > 1e-6


def test_one_hidden_layer_closed_form() -> None:
    net = architecture("mlp", {"widths": (12,), "activation": "tanh"}).build(TASK)
    rule, data = DirectFeedbackAlignment(scale=0.7), batch()
    params, state = instance(net, rule, 0)
    x = data.x.flatten(1)
    h = (x @ params["hidden1.weight"].T).tanh()
    output = h @ params["readout.weight"].T
    e = (output.softmax(1) - torch.nn.functional.one_hot(data.y, 5)) / len(data.y)
    delta = (e @ state["feedback/hidden1"]) * (1 - h**2)
    updates = rule.step(net, params, state, data, {}).updates
    torch.testing.assert_close(updates["hidden1.weight"], delta.T @ x)
    torch.testing.assert_close(updates["hidden1.bias"], delta.sum(0))
    assert float(state["feedback/hidden1"].std()) == pytest.approx(0.7 / 5**0.5, rel=0.15)

"""Backprop against automatic differentiation of the whole network."""

import pytest
import torch
from torch.nn import functional as F

from brainalign.networks.wiring import Wiring
from brainalign.rules.backprop import Backprop
from tests.small import NETWORKS, batch, instance, network


@pytest.mark.parametrize("name", NETWORKS)
def test_equals_autograd(name: str) -> None:
    net, rule, data = network(name), Backprop(), batch()
    params, state = instance(net, rule, 0)
    leaves = {n: p.clone().requires_grad_() for n, p in params.items()}
    F.cross_entropy(net.forward(leaves, data.x, Wiring(state, adapt=True)), data.y).backward()
    updates = rule.step(net, params, state, data, {}).updates
    for n, leaf in leaves.items():
        torch.testing.assert_close(updates[n], leaf.grad, rtol=1e-9, atol=1e-12)

"""Angles between feedback and forward weights."""

import math

import pytest
import torch

from brainalign.credit.angles import angle, direct_angles, weight_angles
from brainalign.rules.backprop import Backprop
from tests.small import instance, network


def test_angle_in_degrees_of_known_directions() -> None:
    x, y = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    for other, degrees in ((3 * x, 0), (y, 90), (-x, 180), (x + y / 2, 45)):
        assert float(angle(x, other)) == pytest.approx(degrees, abs=1e-4)
    assert float(angle(x, 0 * x)) == 90  # no weight points nowhere


def test_weights_are_compared_with_their_own_feedback_but_for_the_first() -> None:
    net = network("cnn")
    params, _ = instance(net, Backprop(), 0)
    feedback = {s.weight_name: 2 * params[s.weight_name] for s in net.synapses}
    angles = weight_angles(net, params, feedback)
    assert list(angles) == [s.name for s in net.synapses[1:]]
    assert all(float(a) == pytest.approx(0, abs=1e-5) for a in angles.values())


def test_direct_feedback_stands_for_the_product_of_all_weights_above() -> None:
    net = network("mlp")  # 64-12-9-5
    params, _ = instance(net, Backprop(), 0)
    readout, hidden2 = params["readout.weight"], params["hidden2.weight"]
    exact = direct_angles(net, params, {"hidden1": readout @ hidden2, "hidden2": readout})
    assert {n: round(float(a), 4) for n, a in exact.items()} == {"hidden2": 0, "hidden1": 0}
    turned = direct_angles(net, params, {"hidden1": -(readout @ hidden2), "hidden2": readout})
    assert float(turned["hidden1"]) == pytest.approx(180, abs=1e-3)
    cosine = (readout.flatten() @ torch.ones_like(readout).flatten()) / (readout.norm() * math.sqrt(readout.numel()))
    one = direct_angles(net, params, {"hidden1": readout @ hidden2, "hidden2": torch.ones_like(readout)})
    assert float(one["hidden2"]) == pytest.approx(math.degrees(math.acos(cosine)))


def test_no_product_stands_for_what_lies_above_several_synapses_or_maps() -> None:
    net = network("transformer")
    params, _ = instance(net, Backprop(), 0)
    feedback = {b.name: torch.ones(5, 1) for b in net.blocks[:-1]}
    assert direct_angles(net, params, feedback) == {}  # the readout averages tokens first

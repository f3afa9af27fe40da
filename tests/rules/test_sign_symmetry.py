"""Sign symmetry: only signs of the weights above matter, and with |W| as magnitudes it is backprop."""

import pytest
import torch

from brainalign.errors import SpecError
from brainalign.networks.network import Params
from brainalign.rules.backprop import Backprop
from brainalign.rules.sign_symmetry import SignSymmetry
from tests.small import NETWORKS, batch, instance, largest_difference, network, noise

VARIANTS = ("uSF", "frSF", "brSF")


def _updates(rule: SignSymmetry, params: Params, state: Params) -> Params:
    net = network("mlp")
    return rule.step(net, params, state, batch(), noise(rule, net)).updates


@pytest.mark.parametrize("variant", VARIANTS)
def test_scaling_a_weight_changes_nothing_below_it(variant: str) -> None:
    # Three times the second layer and a third of the readout give the same output (ReLU, no bias yet), so the same
    # error; what reaches the first layer depends on signs alone. Backprop is the control that notices.
    rule = SignSymmetry(variant)
    params, state = instance(network("mlp"), rule, 0)
    scaled = {
        **params,
        "hidden2.weight": 3 * params["hidden2.weight"],
        "readout.weight": params["readout.weight"] / 3,
    }
    for name in ("hidden1.weight", "hidden1.bias"):
        torch.testing.assert_close(_updates(rule, params, state)[name], _updates(rule, scaled, state)[name])
    flipped = {**params, "hidden2.weight": params["hidden2.weight"] * -1}
    assert not torch.allclose(
        _updates(rule, params, state)["hidden1.weight"], _updates(rule, flipped, state)["hidden1.weight"]
    )
    uneven = {
        **params,
        "hidden2.weight": params["hidden2.weight"] * torch.linspace(0.5, 2, 9, dtype=torch.float64)[:, None],
    }
    uneven["readout.weight"] = params["readout.weight"] / torch.linspace(0.5, 2, 9, dtype=torch.float64)
    torch.testing.assert_close(
        _updates(rule, params, state)["hidden1.weight"], _updates(rule, uneven, state)["hidden1.weight"]
    )
    noticed = [Backprop().step(network("mlp"), p, {}, batch(), {}).updates["hidden2.weight"] for p in (params, uneven)]
    assert not torch.allclose(*noticed)


@pytest.mark.parametrize("name", NETWORKS)
def test_with_the_weights_own_magnitudes_it_is_backprop(name: str) -> None:
    net, rule, data = network(name), SignSymmetry("frSF"), batch()
    params, state = instance(net, rule, 0)
    own = {f"magnitude/{s.weight_name}": params[s.weight_name].abs() for s in net.synapses[1:]}
    exact = Backprop().step(net, params, state, data, {}).updates
    assert largest_difference(rule.step(net, params, {**state, **own}, data, {}).updates, exact) < 1e-12
    assert largest_difference(rule.step(net, params, state, data, {}).updates, exact) > 1e-4


def test_uniform_magnitude_keeps_the_scale_of_errors() -> None:
    net, rule = network("mlp"), SignSymmetry("uSF")
    params, state = instance(net, rule, 0)
    weight, feedback = params["hidden2.weight"], rule._feedback(net, params, state)["hidden2.weight"]
    assert float(feedback.abs().max() - feedback.abs().min()) == 0
    assert float(feedback.norm() / weight.norm()) == pytest.approx(1, rel=0.15)


def test_batch_magnitudes_change_with_every_batch_and_fixed_ones_do_not() -> None:
    net = network("mlp")
    first, second = (SignSymmetry("brSF").noise(net, 4, torch.Generator().manual_seed(k)) for k in (1, 2))
    assert not torch.equal(first["magnitude/readout.weight"], second["magnitude/readout.weight"])
    assert SignSymmetry("frSF").noise(net, 4, torch.Generator()) == {}


@pytest.mark.parametrize("variant", ["uSF", "frSF"])
def test_angle_is_that_of_shared_signs(variant: str) -> None:
    net, rule = network("mlp"), SignSymmetry(variant)
    angles = rule.feedback_angles(net, *instance(net, rule, 0))
    assert set(angles) == {"hidden2", "readout"}
    assert all(15 < float(a) < 55 for a in angles.values())  # uniform magnitudes: arccos(sqrt(3)/2) = 30 and 41 degrees


def test_unknown_variant() -> None:
    with pytest.raises(SpecError, match=r"variant is 'xSF'; expected one of: uSF, frSF, brSF"):
        SignSymmetry("xSF")

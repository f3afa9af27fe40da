"""Fixed-weight difference target propagation: what stays, what is normalised, and a closed form."""

from dataclasses import replace

import pytest
import torch

from brainalign.networks.wiring import Wiring
from brainalign.rules.fixed_weight_target_propagation import FixedWeightTargetPropagation, standardise
from tests.small import NETWORKS, TASK, batch, instance, network


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("normalise", [True, False])
def test_feedback_weights_stay_as_drawn(name: str, normalise: bool) -> None:
    net, rule = network(name), FixedWeightTargetPropagation(normalise=normalise)
    params, state = instance(net, rule, 0)
    step = rule.step(net, params, state, batch(), rule.noise(net, 12, torch.Generator()))
    assert rule.trainable(state) == ()
    assert not any(key.startswith("feedback/") for key in (*step.updates, *step.state))


@pytest.mark.parametrize("shape", [(32, 6), (8, 5, 6), (8, 6, 4, 4)])
def test_standardised_features_have_mean_zero_and_variance_one(shape: tuple[int, ...]) -> None:
    x = standardise(3 + 2 * torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    features = x.movedim(1 if len(shape) == 4 else -1, 0).flatten(1)
    torch.testing.assert_close(features.mean(1), torch.zeros(6, dtype=torch.float64), atol=1e-12, rtol=0)
    torch.testing.assert_close(features.var(1, correction=0), torch.ones(6, dtype=torch.float64), atol=1e-6, rtol=0)


def test_a_constant_feature_gives_no_signal_and_no_infinity() -> None:
    assert torch.equal(
        standardise(torch.full((7, 3), 0.25, dtype=torch.float64)), torch.zeros(7, 3, dtype=torch.float64)
    )


@pytest.mark.parametrize("normalise", [True, False])
def test_two_hidden_layers_closed_form(normalise: bool) -> None:
    net, data = network("mlp"), batch()
    rule = FixedWeightTargetPropagation(0.3, "tanh", normalise)
    params, state = instance(net, rule, 0)
    x = data.x.flatten(1)
    h1 = (x @ params["hidden1.weight"].T).relu()
    h2 = (h1 @ params["hidden2.weight"].T).relu()
    y = h2 @ params["readout.weight"].T
    t = y - 0.3 * (y.softmax(1) - torch.nn.functional.one_hot(data.y, 5))

    def down(name: str, signal: torch.Tensor) -> torch.Tensor:
        below = (signal @ state[f"feedback/{name}.weight"].T).tanh()
        return (below - below.mean(0)) / below.std(0, correction=0) if normalise else below

    t2 = h2 + down("readout", t) - down("readout", y)
    t1 = h1 + down("hidden2", t2) - down("hidden2", h2)
    updates = rule.step(net, params, state, data, {}).updates
    for name, h, wanted, below in (("hidden2", h2, t2, h1), ("hidden1", h1, t1, x)):
        delta = (h - wanted) * (h > 0) / (12 * 0.3)
        torch.testing.assert_close(updates[f"{name}.weight"], delta.T @ below, rtol=1e-4, atol=1e-7)


def test_normalised_signals_do_not_depend_on_the_size_of_the_weights() -> None:
    net, data = network("mlp"), batch()
    sizes = {}
    for normalise in (True, False):
        for scale in (1.0, 10.0):
            rule = FixedWeightTargetPropagation(1e-3, "linear", normalise, scale)
            params, state = instance(net, rule, 0)
            sizes[normalise, scale] = float(rule.step(net, params, state, data, {}).updates["hidden1.weight"].norm())
    assert sizes[True, 10.0] == pytest.approx(sizes[True, 1.0], rel=1e-3)
    assert sizes[False, 10.0] == pytest.approx(100 * sizes[False, 1.0], rel=1e-3)


def test_where_the_output_is_on_target_nothing_moves() -> None:
    net, rule = replace(network("mlp"), task=replace(TASK, objective="regression")), FixedWeightTargetPropagation()
    params, state = instance(net, rule, 0)
    data = batch()
    data = data._replace(y=net.forward(params, data.x, Wiring(state)))
    assert all(update.abs().max() == 0 for update in rule.step(net, params, state, data, {}).updates.values())

"""Weight mirror: noise alone turns feedback weights into transposes."""

import pytest
import torch

from brainalign.networks.network import Params
from brainalign.rules.backprop import Backprop
from brainalign.rules.weight_mirror import WeightMirror
from tests.small import NETWORKS, batch, instance, largest_difference, network, noise


def _mirrored(rule: WeightMirror, name: str, steps: int) -> tuple[Params, Params]:
    net = network(name)
    params, state = instance(net, rule, 0)
    for k in range(steps):
        state |= rule.step(net, params, state, batch(), noise(rule, net, seed=k)).state
    return params, state


@pytest.mark.parametrize("name", NETWORKS)
def test_angle_falls(name: str) -> None:
    net, rule = network(name), WeightMirror(warm_up=0, rate=0.05)
    before = rule.feedback_angles(net, *instance(net, rule, 0))
    after = rule.feedback_angles(net, *_mirrored(rule, name, 100))
    assert before.keys() == after.keys()
    assert all(float(after[n]) < 10 < float(before[n]) for n in before)


def test_feedback_tends_to_the_weight_itself_with_the_error_that_theory_gives() -> None:
    # After many batches B is the weight times an averaged sample covariance: relative error per entry
    # sqrt(n_in * rate / (2 - rate) / samples), for a weight of any scale.
    rule = WeightMirror(warm_up=0, rate=0.1, samples=64)
    params, state = _mirrored(rule, "mlp", 150)
    weight, feedback = params["hidden2.weight"], state["feedback/hidden2.weight"]
    error = float((feedback - weight).norm() / weight.norm())
    assert error == pytest.approx((12 * 0.1 / 1.9 / 64) ** 0.5, rel=0.35)


def test_warm_up_mirrors_the_initial_weights() -> None:
    net = network("mlp")
    angles = WeightMirror(warm_up=200).feedback_angles(net, *instance(net, WeightMirror(warm_up=200), 0))
    assert all(float(a) < 10 for a in angles.values())


def test_a_perfect_mirror_is_backprop_and_an_idle_one_stays() -> None:
    net, rule, data = network("mlp"), WeightMirror(rate=0.0), batch()
    params, state = instance(net, rule, 0)
    state |= {f"feedback/{s.weight_name}": params[s.weight_name] for s in net.synapses}
    step = rule.step(net, params, state, data, noise(rule, net))
    exact = Backprop().step(net, params, state, data, {}).updates
    assert largest_difference(step.updates, exact) < 1e-12
    assert all(torch.equal(step.state[n], state[n]) for n in step.state)

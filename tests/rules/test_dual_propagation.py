"""Dual propagation against its own formulas, and against backpropagation where they must agree."""

from dataclasses import replace

import pytest
import torch
from linear_chain import linear_chain
from torch.nn import functional as F

from brainalign.credit.batch import Batch
from brainalign.credit.cost import backprop_cost
from brainalign.errors import SpecError
from brainalign.networks.network import Network, Params
from brainalign.rules.backprop import Backprop
from brainalign.rules.dual_propagation import DualPropagation
from tests.small import NETWORKS, TASK, batch, instance, largest_difference, network


def _updates(rule, net: Network, params: Params, state: Params, data: Batch | None = None) -> Params:
    return rule.step(net, params, state, data or batch(), {}).updates


@pytest.mark.parametrize("beta", [0.1, 5.0])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("objective", ["classification", "regression"])
def test_a_linear_network_learns_as_by_backpropagation_up_to_the_means(
    alpha: float, beta: float, objective: str
) -> None:
    net, data = linear_chain(), batch()
    if objective == "regression":
        net = replace(net, task=replace(net.task, objective="regression"))
        data = data._replace(y=F.one_hot(data.y, 5).double())
    params, state = instance(net, Backprop(), 0)
    # Differences are exact errors whatever alpha; the mean is the forward state where both nudges weigh alike,
    # which is for transposed alpha, and for 0.5.
    exact = _updates(Backprop(), net, params, state, data)
    assert (
        largest_difference(_updates(DualPropagation(alpha, beta, transposed=True), net, params, state, data), exact)
        < 1e-12
    )
    plain = _updates(DualPropagation(alpha, beta), net, params, state, data)
    first = "block1.weight"  # below it is the input, which nothing moves
    assert float((plain[first] - exact[first]).abs().max()) < 1e-12
    assert (largest_difference(plain, exact) < 1e-12) == (alpha == 0.5)


@pytest.mark.parametrize("passes", [1, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_weak_nudge_gives_backpropagation(name: str, passes: int) -> None:
    net = network(name)
    params, state = instance(net, Backprop(), 0)
    exact = _updates(Backprop(), net, params, state)
    found = _updates(DualPropagation(beta=1e-5, passes=passes), net, params, state)
    largest = max(float(t.norm()) for t in exact.values())
    for n, wanted in exact.items():
        assert float((found[n] - wanted).norm()) < 1e-4 * max(float(wanted.norm()), 1e-3 * largest), n
    strong = _updates(DualPropagation(beta=20.0, passes=passes), net, params, state)
    # Blocks whose outputs are linear carry errors exactly, whatever their size.
    difference = largest_difference(strong, exact)
    assert difference > 1e-4 if name in ("mlp", "cnn", "cnn-plain") else difference < 1e-12


@pytest.mark.parametrize(("alpha", "transposed"), [(0.5, False), (1.0, False), (0.0, False), (0.2, False), (0.2, True)])
@pytest.mark.parametrize("passes", [1, 2])
def test_states_of_a_dyad_follow_the_published_formula(alpha: float, transposed: bool, passes: int) -> None:
    beta, net, data = 2.0, network("mlp"), batch()
    rule = DualPropagation(alpha, beta, passes, transposed)
    params, state = instance(net, rule, 0)
    x = data.x.flatten(1)
    w1, w2, w3 = (params[f"{n}.weight"] for n in ("hidden1", "hidden2", "readout"))
    up, down = (1 - alpha, alpha) if transposed else (alpha, 1 - alpha)
    mean1 = (x @ w1.T).relu()
    mean2 = (mean1 @ w2.T).relu()
    for _ in range(passes):
        a3 = mean2 @ w3.T
        error = a3.softmax(1) - F.one_hot(data.y, 5)
        plus3, minus3 = a3 - up * beta * error, a3 + down * beta * error
        a2, d2 = mean1 @ w2.T, (plus3 - minus3) @ w3
        plus2, minus2 = (a2 + up * d2).relu(), (a2 - down * d2).relu()
        mean2 = alpha * plus2 + (1 - alpha) * minus2
        a1, d1 = x @ w1.T, (plus2 - minus2) @ w2
        plus1, minus1 = (a1 + up * d1).relu(), (a1 - down * d1).relu()
        mean1 = alpha * plus1 + (1 - alpha) * minus1
    updates = _updates(rule, net, params, state)
    pairs = {"readout": (plus3 - minus3, mean2), "hidden2": (plus2 - minus2, mean1), "hidden1": (plus1 - minus1, x)}
    for name, (difference, below) in pairs.items():
        torch.testing.assert_close(updates[f"{name}.weight"], -difference.T @ below / (12 * beta))
        torch.testing.assert_close(updates[f"{name}.bias"], -difference.sum(0) / (12 * beta))


def test_one_sided_states_are_two_forward_answers() -> None:
    net, data = network("mlp"), batch()
    params, state = instance(net, Backprop(), 0)
    # With alpha = 0 the positive state, in alpha = 1 the negative one, is what the network answers without a nudge.
    found = {a: _updates(DualPropagation(a, 3.0), net, params, state)["hidden1.bias"] for a in (0.0, 0.5, 1.0)}
    mirrored = {a: _updates(DualPropagation(1 - a, 3.0, transposed=True), net, params, state) for a in (0.0, 0.5, 1.0)}
    assert float((found[0.0] - found[1.0]).abs().max()) > 1e-4
    for a in found:  # with one pass the mean plays no part in the first block
        torch.testing.assert_close(found[a], mirrored[a]["hidden1.bias"])
    step = DualPropagation().step(net, params, state, data, {})
    assert float(step.metrics["loss"]) == float(Backprop().step(net, params, state, data, {}).metrics["loss"])


@pytest.mark.parametrize("name", sorted(NETWORKS.keys() - {"cnn"}))  # batch normalisation compares samples
def test_update_of_a_batch_is_the_mean_of_its_samples_in_any_order(name: str) -> None:
    net, data, rule = network(name), batch(), DualPropagation(passes=2)
    params, state = instance(net, rule, 0)
    together = _updates(rule, net, params, state)
    alone = [_updates(rule, net, params, state, Batch(*(part[k : k + 1] for part in data))) for k in range(12)]
    assert largest_difference(together, {n: sum(u[n] for u in alone) / 12 for n in together}) < 1e-10
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    shuffled = _updates(rule, net, params, state, Batch(*(part[order] for part in data)))
    assert largest_difference(together, shuffled) < 1e-10


def test_normalisations_learn_what_backpropagation_teaches_them() -> None:
    net = network("cnn")
    params, state = instance(net, Backprop(), 0)
    mine, exact = (rule.step(net, params, state, batch(), {}).state for rule in (DualPropagation(), Backprop()))
    assert largest_difference(mine, exact) < 1e-12


def test_where_outputs_are_on_target_nothing_moves() -> None:
    net = replace(network("transformer"), task=replace(TASK, objective="regression"))
    params, state = instance(net, Backprop(), 0)
    outputs = list(net.activities(params, state, batch().x).values())[-1]
    updates = _updates(DualPropagation(0.3, 4.0), net, params, state, batch()._replace(y=outputs))
    assert max(float(u.abs().max()) for u in updates.values()) < 1e-14


def test_options_are_checked() -> None:
    with pytest.raises(SpecError, match=r"Option alpha is 1.5; expected a share from 0 to 1"):
        DualPropagation(1.5)
    with pytest.raises(SpecError, match="Option passes is 0"):
        DualPropagation(passes=0)
    with pytest.raises(SpecError, match=r"Option passes is 1\.5"):
        DualPropagation(passes=1.5)


def test_one_pass_costs_what_backpropagation_does() -> None:
    net = network("mlp")
    assert DualPropagation().multiply_adds(net, 12) == backprop_cost(net)
    upper = 12 * 9 + 9 * 5
    assert DualPropagation(passes=3).multiply_adds(net, 12) == backprop_cost(net) + 2 * 2 * upper

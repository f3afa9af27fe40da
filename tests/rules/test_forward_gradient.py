"""Forward gradient: slopes equal to those of reverse differentiation, in every space, network and granularity."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from torch import Tensor
from torch.func import grad, jacrev
from torch.nn import functional as F

from brainalign.credit.batch import Batch
from brainalign.credit.cost import forward_cost
from brainalign.credit.local_heads import pooled
from brainalign.credit.synaptic import Synaptic
from brainalign.datasets.task import Task
from brainalign.errors import SpecError
from brainalign.networks.network import Network, Params
from brainalign.rules.backprop import Backprop
from brainalign.rules.forward_gradient import ForwardGradient
from brainalign.rules.node_perturbation import NodePerturbation
from tests.rules.directions import assert_mean_is, many, sensitivities, slopes, taught
from tests.small import NETWORKS, batch, descend, instance, largest_difference, network, noise

N = 5


def _trained(rule: ForwardGradient, net: Network, seed: int = 0) -> tuple[Params, Params]:
    """Return an instance whose heads have left zero."""
    params, state = instance(net, rule, seed)
    generator = torch.Generator().manual_seed(seed)
    return params, {
        name: 0.3 * torch.randn(t.shape, generator=generator, dtype=t.dtype) if name.startswith("head/") else t
        for name, t in state.items()
    }


def _directions(rule: ForwardGradient, net: Network, n: int = N) -> Params:
    return {name.split("/", 1)[1]: v for name, v in noise(rule, net, n).items()}


def _updates(rule: ForwardGradient, net: Network, params: Params, state: Params, data: Batch) -> Params:
    return rule.step(net, params, state, data, noise(rule, net, len(data.y))).updates


# -- the task's loss --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("directional", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_in_weights_it_is_the_gradients_share_of_the_direction(name: str, directional: bool) -> None:
    net, data = network(name), batch(N)
    rule = ForwardGradient("weights", local=False, samples=3, directional=directional)
    params, state = instance(net, rule, 0)
    v, g = _directions(rule, net), Backprop().step(net, params, state, data, {}).updates
    assert set(v) == set(params)
    expected = {n: torch.zeros_like(t) for n, t in params.items()}
    for k in range(3):
        slope = sum((v[n][k] * g[n]).sum() for n in params)
        if directional:
            slope = slope * sum(t.numel() for t in params.values()) / sum(t[k].square().sum() for t in v.values())
        expected = {n: e + slope * v[n][k] / 3 for n, e in expected.items()}
    assert largest_difference(_updates(rule, net, params, state, data), expected) < 1e-10


@pytest.mark.parametrize("directional", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_in_activities_each_sample_has_its_own_slope(name: str, directional: bool) -> None:
    net, data = network(name), batch(N)
    rule = ForwardGradient(local=False, samples=2, directional=directional)
    params, state = instance(net, rule, 0)
    v, j = _directions(rule, net), sensitivities(net, params, state, data)
    signals = {n: torch.zeros_like(t[0]) for n, t in v.items()}
    for k in range(2):
        slope = slopes(j, {n: t[k] for n, t in v.items()})
        if directional:
            own = torch.cat([t[k].transpose(0, 1).flatten(1) for t in v.values()], 1)
            slope = slope / own.square().mean(1)
        for i in range(N):
            for n in signals:
                signals[n][:, i] += slope[i] * v[n][k][:, i] / (2 * N)
    expected = taught(net, params, state, data, signals)
    found = _updates(rule, net, params, state, data)
    assert largest_difference(found, expected) < 1e-10
    assert set(params) - set(found) == {
        n for n in params if n.split(".")[-1] in ("scale", "shift", "gain", "offset", "position")
    }


@pytest.mark.parametrize("name", ["mlp", "cnn-plain", "rnn", "transformer"])
def test_it_is_node_perturbation_without_noise(name: str) -> None:
    net, data = network(name), batch(N)
    params, state = instance(net, ForwardGradient(local=False), 0)
    exact = _updates(ForwardGradient(local=False), net, params, state, data)
    drawn = noise(ForwardGradient(local=False), net, N)
    errors = []
    for sigma in (1e-3, 1e-4):
        found = NodePerturbation(sigma).step(net, params, state, data, drawn).updates
        errors.append(largest_difference(found, exact) / max(float(u.abs().max()) for u in exact.values()))
    assert errors[1] < 1e-4
    if name in ("rnn", "transformer"):  # smooth, so that the error is of second order
        assert errors[1] < 0.05 * errors[0]


@pytest.mark.parametrize("name", ["mlp", "cnn-plain", "rnn", "rnn-step", "transformer", "transformer-sublayer"])
@pytest.mark.parametrize("directional", [False, True])
def test_mean_over_directions_in_activities_is_the_gradient(name: str, directional: bool) -> None:
    net, data = network(name), batch(2)
    rule = ForwardGradient(local=False, directional=directional)
    params, state = instance(net, rule, 1)
    exact = Backprop().step(net, params, state, data, {}).updates
    assert_mean_is(many(rule, net, params, state, data, 2000 if "rnn" in name else 600), exact)


@pytest.mark.parametrize("name", ["mlp", "cnn", "transformer"])
def test_mean_over_directions_in_weights_is_the_gradient(name: str) -> None:
    net, data, rule = network(name), batch(3), ForwardGradient("weights", local=False)
    params, state = instance(net, rule, 1)
    exact = Backprop().step(net, params, state, data, {}).updates
    assert_mean_is(many(rule, net, params, state, data, 1000), exact)


# -- losses of blocks -------------------------------------------------------------------------------------------------


def _block_losses(net: Network, state: Params, block: int, output: Tensor, y: Tensor, limit: int) -> Tensor:
    """Return each sample's loss of a block, written down from the definition."""
    if block < len(net.blocks) - 1:
        h = pooled(net.blocks[block].represent(output), limit).flatten(1)
        head = f"head/{net.blocks[block].name}.prediction"
        output = h @ state[f"{head}.weight"].T + state[f"{head}.bias"]
    return output.logsumexp(1) - (output * F.one_hot(y, 5)).sum(1)


def _groups(net: Network, block, v: Params, size: int) -> list[Params]:
    """Return a mask ``(crossings, n, *shape)`` of every group of units that share a slope."""
    if size == 0 or len(block.synapses) > 1:
        return [{n: torch.ones_like(t[0]) for n, t in v.items()}]
    ((name, t),) = v.items()
    axis = 2 if t.ndim == 6 else t.ndim - 2  # channels of maps, else the last
    masks = []
    for start in range(0, t.shape[axis + 1], size):
        mask = torch.zeros_like(t[0])
        mask.narrow(axis, start, min(size, t.shape[axis + 1] - start)).fill_(1)
        masks.append({name: mask})
    return masks


SHAPES = [("activities", 2048, 0), ("activities", 2048, 4), ("activities", 10, 4), ("weights", 10, 4)]


@pytest.mark.parametrize(("space", "limit", "size"), SHAPES)
@pytest.mark.parametrize("directional", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_directions_of_a_block_meet_its_own_loss_alone(
    name: str, space: str, limit: int, size: int, directional: bool
) -> None:
    net, data = network(name), batch(N)
    rule = ForwardGradient(space, samples=2, directional=directional, group_size=size, head_features=limit)
    params, state = _trained(rule, net)
    v, x = _directions(rule, net), data.x
    expected: Params = {n: torch.zeros_like(params[n]) for n in params}
    crossed: dict[str, int] = {}
    for k, block in enumerate(net.blocks):

        def losses(own: Params, heads: Params, noise: Params, k=k, block=block, x=x):  # type: ignore[no-untyped-def]
            wiring = Synaptic(state, noise, adapt=True)
            output = block.forward({**params, **own}, x, wiring)
            own_losses = _block_losses(net, {**state, **heads}, k, output, data.y, limit)
            return own_losses, (output, {n: len(seen) for n, seen in wiring.inputs.items()})

        own = {n: params[n] for n in block.parameters()}
        heads = {n: t for n, t in state.items() if n.startswith(f"head/{block.name}.")}
        _, (output, times) = losses(own, heads, {})
        mean = lambda *a, f=losses: f(*a)[0].mean()  # noqa: E731
        expected |= grad(mean, argnums=1)(own, heads, {})
        if space == "weights":
            g = grad(mean)(own, heads, {})
            for draw in range(2):
                slope = sum((g[n] * v[n][draw]).sum() for n in g)
                square = torch.cat([v[n][draw].flatten() for n in g]).square().mean()
                for n in g:
                    expected[n] = expected[n] + slope / (square if directional else 1) * v[n][draw] / 2
        else:
            start = {n: crossed.get(n, 0) for n in times}
            ahead = {n: v[n][:, start[n] : start[n] + t] for n, t in times.items()}
            still = {n: torch.zeros_like(t[0]) for n, t in ahead.items()}
            j = jacrev(lambda noise, f=losses, a=own, b=heads: f(a, b, noise)[0])(still)
            signals = {n: torch.zeros_like(t) for n, t in still.items()}
            for draw in range(2):
                for group in _groups(net, block, ahead, size if k < len(net.blocks) - 1 else 0):
                    own_part = {n: t[draw] * group[n] for n, t in ahead.items()}
                    slope = slopes(j, own_part)
                    for i in range(N):
                        square = sum(t[:, i].square().sum() for t in own_part.values())
                        square = square / sum(m[:, i].sum() for m in group.values())
                        for n, t in own_part.items():
                            signals[n][:, i] += slope[i] / (square if directional else 1) * t[:, i] / (2 * N)
            part = Network(net.name, net.granularity, (block,), net.task)
            used = [s for s in block.synapses if s.name in times]
            for n, update in taught(part, own, state, data._replace(x=x), signals).items():
                if n.removesuffix(".weight").removesuffix(".bias") in [s.name for s in used]:
                    expected[n] = expected[n] + update
        crossed |= {n: crossed.get(n, 0) + t for n, t in times.items()}
        x = output
    found = _updates(rule, net, params, state, data)
    assert set(rule.trainable(state)) <= set(found)
    assert largest_difference(found, {n: expected[n] for n in found}) < 1e-10
    assert len(found) > len(rule.trainable(state))


def test_smaller_groups_have_less_variance_and_the_same_mean() -> None:
    net, data = network("mlp"), batch(4)
    params, state = _trained(ForwardGradient(), net)
    size, means = [], []
    for group in (1, 4, 0):
        updates = many(ForwardGradient(group_size=group), net, params, state, data, 800)
        size.append(float(updates["hidden1.weight"].var(0).sum()))
        means.append(updates)
    assert size[0] < 0.5 * size[1] < 0.4 * size[2]
    exact = {n: u.mean(0) for n, u in means[0].items() if n == "hidden1.weight"}
    error = {n: (means[2][n].mean(0) - exact[n]).norm() / exact[n].norm() for n in exact}
    assert float(error["hidden1.weight"]) < 0.3


def test_heads_of_zero_teach_hidden_blocks_nothing_at_first() -> None:
    net, rule = network("mlp"), ForwardGradient()
    params, state = instance(net, rule, 0)
    updates = _updates(rule, net, params, state, batch(N))
    assert float(updates["hidden1.weight"].abs().max()) == float(updates["hidden2.weight"].abs().max()) == 0
    assert float(updates["head/hidden1.prediction.weight"].abs().max()) > 1e-3
    assert float(updates["readout.weight"].abs().max()) > 1e-3


@pytest.mark.parametrize(("space", "local"), product(("activities", "weights"), (True, False)))
def test_statistics_and_metrics_are_those_of_the_pass(space: str, local: bool) -> None:
    net, data, rule = network("cnn"), batch(), ForwardGradient(space, local)
    params, state = instance(net, rule, 0)
    step, exact = rule.step(net, params, state, data, noise(rule, net)), Backprop().step(net, params, state, data, {})
    assert largest_difference(step.state, exact.state) < 1e-12
    assert largest_difference(step.metrics, exact.metrics) < 1e-12


# -- tasks, cost, options ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("local", [True, False])
def test_real_targets_are_learned(local: bool) -> None:
    net, rule = network("mlp", Task((1, 8, 8), 3, 64, "regression")), ForwardGradient(local=local)
    params, state = instance(net, rule, 0)
    y = torch.randn(24, 3, generator=torch.Generator().manual_seed(0)).double()
    losses = []
    for k in range(200):
        params, state, step = descend(rule, net, params, state, batch(24)._replace(y=y), 0.02, seed=k)
        losses.append(float(step.metrics["loss"]))
    assert losses[-1] < 0.5 * losses[0]


def test_cost_counts_activity_slopes_products_and_heads() -> None:
    net = network("mlp")
    costs = forward_cost(net)
    f, first = sum(costs.values()), costs["hidden1"]
    assert ForwardGradient("weights", local=False, samples=3).multiply_adds(net, 8) == f + 3 * (2 * f - first)
    assert ForwardGradient(local=False, samples=3).multiply_adds(net, 8) == 2 * f + 3 * (f - first)
    # No slope enters a block; a head is crossed by activity and slope, and has one product of its own.
    head = 5 * (12 + 9)
    assert ForwardGradient(samples=3).multiply_adds(net, 8) == 2 * f + (3 + 2) * head
    assert ForwardGradient("weights").multiply_adds(net, 8) == 2 * f + 3 * head


def test_options_that_make_no_sense_are_refused() -> None:
    for options, message in (
        ({"space": "neurons"}, "space is 'neurons'; expected one of: activities, weights"),
        ({"samples": 0}, "samples is 0"), ({"group_size": -1}, "group_size is -1"),
        ({"head_features": 0}, "head_features is 0"),
    ):  # fmt: skip
        with pytest.raises(SpecError, match=message):
            replace(ForwardGradient(), **options)

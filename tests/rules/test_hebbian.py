"""Hebbian learning: principal components, centroids, patches, and what competition and lengths do."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from brainalign.credit.batch import Batch
from brainalign.datasets.task import Task
from brainalign.errors import SpecError
from brainalign.networks.architecture import architecture
from brainalign.networks.network import Network
from brainalign.networks.wiring import Wiring
from brainalign.rules.hebbian import Hebbian
from tests.small import NETWORKS, batch, descend, instance, network

TASK = Task((1, 4, 4), 3, 64)
PLAIN = {"standardise": False}
OJA = Hebbian(competition="linear", reconstruction="own", **PLAIN)
SANGER = Hebbian(competition="linear", reconstruction="ordered", **PLAIN)
KMEANS = Hebbian(competition="winner", reconstruction="weight", **PLAIN)
SOFT = Hebbian(**PLAIN)


def _dense(units: int) -> Network:
    return architecture("mlp", {"widths": (units,), "activation": "tanh"}).build(TASK)


def _batch(x: Tensor) -> Batch:
    return Batch(x.view(-1, 1, 4, 4), torch.arange(len(x)) % 3, torch.arange(len(x)))


def _spread(n: int = 200) -> tuple[Batch, Tensor]:
    """Return samples whose second moment is diagonal in a rotated frame, and that frame's axes, longest first."""
    g = torch.Generator().manual_seed(1)
    axes, _ = torch.linalg.qr(torch.randn(16, 16, generator=g, dtype=torch.float64))
    z, _ = torch.linalg.qr(torch.randn(n, 16, generator=g, dtype=torch.float64))
    lengths = torch.tensor([2.0, 1.4, 1.0, *[0.3] * 13], dtype=torch.float64)
    return _batch(z * n**0.5 * lengths @ axes.T), axes


def _learn(rule: Hebbian, net: Network, data: Batch, rate: float, steps: int) -> Tensor:
    params, state = instance(net, rule, 0)
    for _ in range(steps):
        params, state, _ = descend(rule, net, params, state, data, rate)
    return params["hidden1.weight"]


def _angle(a: Tensor, b: Tensor) -> float:
    return float(torch.rad2deg(torch.arccos((F.cosine_similarity(a, b, 0).abs()).clamp(max=1))))


def _change(rule: Hebbian, net: Network, data: Batch, name: str = "hidden1.weight") -> tuple[Tensor, Tensor]:
    """Return a weight and its ``dw``."""
    params, state = instance(net, rule, 0)
    return params[name], -rule.step(net, params, state, data, {}).updates[name]


# -- where weights go -------------------------------------------------------------------------------------------------


def test_oja_finds_the_first_principal_component_at_length_one() -> None:
    data, axes = _spread()
    for w in _learn(OJA, _dense(3), data, 0.05, 400):
        assert _angle(w, axes[:, 0]) < 1
        assert float(w.norm()) == pytest.approx(1, abs=1e-3)


def test_sanger_finds_the_components_in_order_at_length_one() -> None:
    data, axes = _spread()
    for k, w in enumerate(_learn(SANGER, _dense(3), data, 0.05, 800)):
        assert _angle(w, axes[:, k]) < 1
        assert float(w.norm()) == pytest.approx(1, abs=1e-3)


def test_winner_take_all_finds_the_means_of_what_each_unit_wins() -> None:
    g = torch.Generator().manual_seed(2)
    centres = torch.eye(16, dtype=torch.float64)[:3] * 3
    x = centres.repeat(20, 1) + 0.1 * torch.randn(60, 16, generator=g, dtype=torch.float64)
    w = _learn(KMEANS, _dense(6), _batch(x), 0.5, 200)
    winner = (x @ w.T).argmax(1)
    assert set(winner.tolist()) <= set(range(6))
    for unit in winner.unique():
        torch.testing.assert_close(w[unit], x[winner == unit].mean(0), rtol=0, atol=1e-9)
    # units that win nothing stay as drawn
    start, _ = _change(KMEANS, _dense(6), _batch(x))
    never = (w == start).all(1)
    assert never.sum() == 6 - len(winner.unique())


def test_soft_competition_takes_lengths_to_one() -> None:
    data, _ = _spread()
    w = _learn(replace(SOFT, competition="soft"), _dense(4), data, 0.2, 1500)
    torch.testing.assert_close(w.norm(dim=1), torch.ones(4, dtype=torch.float64), rtol=0, atol=0.02)


# -- the update -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("competition", ["linear", "winner", "winners", "soft", "soft_anti"])
@pytest.mark.parametrize("reconstruction", ["none", "weight", "own", "ordered"])
def test_update_is_gate_times_input_minus_reconstruction(competition: str, reconstruction: str) -> None:
    rule = Hebbian(competition=competition, reconstruction=reconstruction, winners=2, temperature=0.7, **PLAIN)
    data, _ = _spread(17)
    w, found = _change(rule, _dense(5), data)
    expected = torch.zeros_like(w)
    for x in data.x.flatten(1):
        u = w @ x
        order = u.argsort(descending=True)
        soft = (u / 0.7).softmax(0)
        g = {
            "linear": u, "winner": F.one_hot(order[0], 5), "winners": F.one_hot(order[:2], 5).sum(0), "soft": soft,
            "soft_anti": soft * (2 * F.one_hot(order[0], 5) - 1),
        }[competition].double()  # fmt: skip
        for i in range(5):
            r = {
                "none": 0 * x, "weight": w[i], "own": u[i] * w[i],
                "ordered": sum((u[j] * w[j] for j in range(i + 1)), 0 * x),
            }[reconstruction]  # fmt: skip
            expected[i] += g[i] * (x - r) / 17
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("reconstruction", ["own", "ordered"])
def test_a_convolution_learns_as_a_dense_layer_of_its_patches(reconstruction: str) -> None:
    rule, net, data = Hebbian(reconstruction=reconstruction, temperature=0.5, **PLAIN), network("cnn-plain"), batch(6)
    w, found = _change(rule, net, data, "conv1.weight")
    patches = F.unfold(data.x, 3, padding=1).transpose(1, 2).reshape(-1, 9)
    flat = w.flatten(1)
    u = patches @ flat.T
    soft = (u / 0.5).softmax(1)
    g = torch.where(u >= u.amax(1, keepdim=True), soft, -soft)
    mixed = (g.T @ u).tril() if reconstruction == "ordered" else torch.diag((g * u).sum(0))
    expected = (g.T @ patches - mixed @ flat) / len(patches)
    torch.testing.assert_close(found.flatten(1), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_hidden_synapses_know_no_labels_and_the_readout_does(name: str) -> None:
    rule, net, data = Hebbian(), network(name), batch(10)
    params, state = instance(net, rule, 0)
    one, other = (rule.step(net, params, state, data._replace(y=y), {}).updates for y in (data.y, (data.y + 1) % 5))
    readout = net.synapses[-1].weight_name
    assert {s.weight_name for s in net.synapses} <= set(one)
    for update in one:
        assert torch.equal(one[update], other[update]) == (not update.startswith(readout.removesuffix("weight")))
    assert all(one[s.weight_name].abs().max() > 0 for s in net.synapses)


@pytest.mark.parametrize("name", ["mlp", "cnn", "rnn", "transformer"])
def test_the_readout_follows_the_gradient_of_the_loss(name: str) -> None:
    rule, net, data = Hebbian(standardise=False), network(name), batch(9)
    params, state = instance(net, rule, 0)
    found = rule.step(net, params, state, data, {}).updates
    leaf = net.synapses[-1].weight_name

    def loss(weight: Tensor) -> Tensor:
        return F.cross_entropy(net.forward({**params, leaf: weight}, data.x, Wiring(state, adapt=True)), data.y)

    torch.testing.assert_close(found[leaf], torch.func.grad(loss)(params[leaf]), rtol=0, atol=1e-12)


def test_update_of_a_batch_is_the_mean_of_its_samples_in_any_order() -> None:
    data, _ = _spread(16)
    _, whole = _change(SOFT, _dense(5), data)
    order = torch.arange(16).flip(0)
    _, shuffled = _change(SOFT, _dense(5), Batch(*(part[order] for part in data)))
    torch.testing.assert_close(shuffled, whole, rtol=0, atol=1e-12)
    alone = [_change(SOFT, _dense(5), Batch(*(part[k : k + 1] for part in data)))[1] for k in range(16)]
    torch.testing.assert_close(torch.stack(alone).mean(0), whole, rtol=0, atol=1e-12)


# -- options ----------------------------------------------------------------------------------------------------------


def test_radius_is_a_factor_on_weights() -> None:
    data, _ = _spread(16)
    net = _dense(5)
    params, state = instance(net, SOFT, 0)
    longer = {**params, "hidden1.weight": 3 * params["hidden1.weight"]}
    far, near = replace(SOFT, radius=3.0), SOFT
    a, b = far.step(net, params, state, data, {}), near.step(net, longer, state, data, {})
    torch.testing.assert_close(3 * a.updates["hidden1.weight"], b.updates["hidden1.weight"])
    torch.testing.assert_close(a.updates["readout.weight"], b.updates["readout.weight"])
    answers = far.respond(net, params, state, data.x), near.respond(net, longer, state, data.x)
    assert all(torch.allclose(answers[0][layer], answers[1][layer]) for layer in net.layers)


def test_lengths_gate_rates_and_largest_entries_set_them() -> None:
    data, _ = _spread(16)
    w, plain = _change(SOFT, _dense(5), data)
    _, gated = _change(replace(SOFT, norm_power=0.5), _dense(5), data)
    torch.testing.assert_close(gated, plain * (w.norm(dim=1, keepdim=True) - 1).abs().sqrt())
    _, scaled = _change(replace(SOFT, largest=True, rate=0.25), _dense(5), data)
    torch.testing.assert_close(scaled, 0.25 * plain / plain.abs().max())
    # both: what lengths say comes last, or the largest entry would stay the same however near to 1 lengths are
    _, both = _change(replace(SOFT, norm_power=0.5, largest=True), _dense(5), data)
    torch.testing.assert_close(both, plain / plain.abs().max() * (w.norm(dim=1, keepdim=True) - 1).abs().sqrt())


def test_softhebb_takes_lengths_to_one_and_stops_there() -> None:
    rule, net, data = replace(SOFT, radius=25.0, norm_power=0.5, largest=True), _dense(8), _spread()[0]
    params, state = instance(net, rule, 0)
    moved = []
    for _ in range(500):
        before = params["hidden1.weight"]
        params, state, _ = descend(rule, net, params, state, data, 0.2)
        moved.append((params["hidden1.weight"] - before).norm(dim=1))
    done = (25 * params["hidden1.weight"].norm(dim=1) - 1).abs() < 0.01
    assert done.sum() >= 6  # a unit that does not win keeps its length
    assert moved[-1][done].max() < 0.01 * moved[0].max()


def test_long_weights_give_every_unit_something_to_win() -> None:
    g = torch.Generator().manual_seed(3)
    x = torch.rand(256, 16, generator=g, dtype=torch.float64) + 1  # all point the same way: one short unit can win all

    def learned(radius: float) -> int:
        rule = replace(SOFT, competition="winner", radius=radius, norm_power=0.5, largest=True)
        w = radius * _learn(rule, _dense(12), _batch(x), 0.2, 400)
        return int(((w.norm(dim=1) - 1).abs() < 0.05).sum())

    assert learned(25.0) >= 2 * learned(1.5)


@pytest.mark.parametrize("name", ["mlp", "cnn", "transformer"])
def test_hidden_synapses_may_learn_from_the_first_samples_of_a_batch(name: str) -> None:
    net, data = network(name), batch(10)
    rule = Hebbian(standardise=False, update_samples=4)
    params, state = instance(net, rule, 0)
    few = rule.step(net, params, state, data, {}).updates[net.synapses[0].weight_name]
    alone = replace(rule, update_samples=0).step(net, params, state, Batch(*(part[:4] for part in data)), {}).updates
    torch.testing.assert_close(few, alone[net.synapses[0].weight_name], rtol=0, atol=1e-12)


def test_at_rate_zero_hidden_synapses_stay_as_drawn_and_the_readout_learns() -> None:
    for name in ("mlp", "cnn", "transformer"):
        rule, net, data = Hebbian(rate=0.0), network(name), batch(10)
        params, state = instance(net, rule, 0)
        moved, _, _ = descend(rule, net, params, state, data, 0.1)
        changed = {weight for weight in params if not torch.equal(moved[weight], params[weight])}
        assert changed == {f"{net.synapses[-1].name}.weight", f"{net.synapses[-1].name}.bias"}


# -- the readout ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mlp", "cnn", "rnn", "transformer"])
def test_a_clamped_readout_finds_the_means_of_classes(name: str) -> None:
    rule = Hebbian(readout="teacher", reconstruction="weight", rate=0.0, standardise=False)
    net, data = network(name), batch(30)
    params, state = instance(net, rule, 0)
    entered: list[Tensor] = []

    class Noting(Wiring):
        def synapse(self, synapse, params, x):  # type: ignore[no-untyped-def]
            entered.append(x)
            return super().synapse(synapse, params, x)

    net.forward(params, data.x, Noting(state, adapt=True))
    for _ in range(100):
        params, state, step = descend(rule, net, params, state, data, 2.0)
    readout = net.synapses[-1]
    means = torch.stack([entered[-1].flatten(1)[data.y == label].mean(0) for label in range(readout.n_out)])
    torch.testing.assert_close(params[readout.weight_name], means, rtol=0, atol=1e-9)
    assert readout.bias_name not in step.updates


def test_a_clamped_readout_of_length_one_finds_their_directions() -> None:
    rule = Hebbian(readout="teacher", reconstruction="own", rate=0.0, activation="linear", standardise=False)
    net, data = _dense(5), _spread(30)[0]
    params, state = instance(net, rule, 0)
    hidden = rule.respond(net, params, state, data.x)["hidden1"]
    for _ in range(2000):
        params, state, _ = descend(rule, net, params, state, data, 0.5)
    means = torch.stack([hidden[data.y == label].mean(0) for label in range(3)])
    torch.testing.assert_close(params["readout.weight"], F.normalize(means, dim=1), rtol=0, atol=1e-9)


def test_a_teacher_clamps_outputs_of_a_regression_to_their_targets() -> None:
    task = replace(TASK, n_outputs=2, objective="regression")
    net = architecture("mlp", {"widths": (5,)}).build(task)
    rule = Hebbian(readout="teacher", reconstruction="weight", activation="linear", standardise=False)
    data = _spread(30)[0]
    data = data._replace(y=data.x.flatten(1)[:, :2] + 1)
    params, state = instance(net, rule, 0)
    hidden = rule.respond(net, params, state, data.x)["hidden1"]
    found = -rule.step(net, params, state, data, {}).updates["readout.weight"]
    expected = data.y.T @ hidden / 30 - data.y.mean(0)[:, None] * params["readout.weight"]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


# -- what layers hand on ----------------------------------------------------------------------------------------------


def test_rates_fall_from_block_to_block() -> None:
    net, data = network("mlp"), batch(10)
    rule = Hebbian(standardise=False)
    params, state = instance(net, rule, 0)
    whole = rule.step(net, params, state, data, {}).updates
    fallen = replace(rule, rate_decay=0.25).step(net, params, state, data, {}).updates
    torch.testing.assert_close(fallen["hidden1.weight"], whole["hidden1.weight"])
    torch.testing.assert_close(fallen["hidden2.weight"], whole["hidden2.weight"] / 4)
    first_alone = replace(rule, rate_decay=0.0).step(net, params, state, data, {}).updates
    assert set(first_alone) == {"hidden1.weight", "readout.weight", "readout.bias"}


def test_plasticity_ends_when_it_should_and_the_readout_goes_on() -> None:
    rule, net, data = Hebbian(plastic_steps=2), network("mlp"), batch(10)
    params, state = instance(net, rule, 0)
    seen = [params]
    for _ in range(4):
        params, state, _ = descend(rule, net, params, state, data, 0.1)
        seen.append(params)
    moved = [not torch.equal(a["hidden1.weight"], b["hidden1.weight"]) for a, b in pairwise(seen)]
    assert moved == [True, True, False, False]
    assert all(not torch.equal(a["readout.weight"], b["readout.weight"]) for a, b in pairwise(seen))


@pytest.mark.parametrize("name", ["mlp", "cnn", "transformer"])
def test_standardised_layers_hand_on_zero_mean_and_unit_variance(name: str) -> None:
    rule, net, data = Hebbian(activation="triangle"), network(name), batch(64)
    params, state = instance(net, rule, 0)
    for _ in range(300):  # running statistics forget their start
        state = {**state, **rule.step(net, params, state, data, {}).state}
    x = rule.respond(net, params, state, data.x)[net.layers[0]]
    axis = 2 if x.ndim == 3 else 1
    rows = x.movedim(axis, -1).reshape(-1, x.shape[axis])
    varies = rows.var(0) > 0.5  # a unit that is silent stays so
    assert varies.float().mean() > 0.5
    assert rows.mean(0).abs().max() < 1e-3
    assert (rows.var(0, correction=0)[varies] - 1).abs().max() < 1e-2


def test_the_triangle_is_what_exceeds_the_mean_of_units() -> None:
    rule, net, data = Hebbian(activation="triangle", power=0.7, **PLAIN), _dense(5), _spread(16)[0]
    params, state = instance(net, rule, 0)
    u = data.x.flatten(1) @ params["hidden1.weight"].T
    expected = (u - u.mean(1, keepdim=True)).clamp_min(0) ** 0.7
    torch.testing.assert_close(rule.respond(net, params, state, data.x)["hidden1"], expected)
    plain = replace(rule, activation="linear")
    torch.testing.assert_close(plain.respond(net, params, state, data.x)["hidden1"], u)


def test_cost_counts_the_pass_one_product_and_what_order_mixes() -> None:
    net = network("mlp")
    f = 64 * 12 + 12 * 9 + 9 * 5
    assert Hebbian().multiply_adds(net, 8) == 2 * f
    assert Hebbian(rate=0.0).multiply_adds(net, 8) == f + 9 * 5
    assert Hebbian(update_samples=2).multiply_adds(net, 8) == f + 9 * 5 + (64 * 12 + 12 * 9) / 4
    mixed = (12 * 12 + 12**2 * 64 / 8) + (9 * 9 + 9**2 * 12 / 8)
    assert SANGER.multiply_adds(net, 8) == 2 * f + mixed
    assert replace(SANGER, readout="teacher").multiply_adds(net, 8) == 2 * f + mixed + (5 * 5 + 5**2 * 9 / 8)


def test_options_that_make_no_sense_are_refused() -> None:
    for options, message in (
        ({"competition": "hard"}, "competition is 'hard'"), ({"reconstruction": "all"}, "reconstruction is 'all'"),
        ({"winners": 0}, "winners is 0"), ({"temperature": 0.0}, "temperature is 0"),
        ({"norm_power": -1.0}, "norm_power is -1.0; expected 0 or more"), ({"activation": "relu"}, "activation is"),
        ({"plastic_steps": -1}, "plastic_steps is -1"), ({"rate": -0.1}, "rate is -0.1; expected 0 or more"),
        ({"readout": "labels"}, "readout is 'labels'"),
    ):  # fmt: skip
        with pytest.raises(SpecError, match=message):
            Hebbian(**options)

"""Forward-Forward: each block's loss written down independently, what may not cross between blocks, and the labels."""

from dataclasses import replace
from math import cos, pi, sin, sqrt
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from brainalign.credit.batch import Batch
from brainalign.credit.cost import forward_cost
from brainalign.credit.goodness import class_goodness, labelled_waves, passed_on, unit_rms, wrong_labels
from brainalign.errors import IncompatibleError, SpecError
from brainalign.networks.architecture import architecture
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring
from brainalign.rules.forward_forward import ForwardForward
from brainalign.specs import TrainSpec
from brainalign.training.train import train
from tests.small import NETWORKS, TASK, batch, descend, instance, largest_difference, network, noise

RULES = {
    "plain": ForwardForward(peer_strength=0.0, straight_through=False),
    "default": ForwardForward(),
    "goodness": ForwardForward(readout="goodness"),
    "hard": ForwardForward(negatives="hard"),
    "all": ForwardForward(negatives="all", label="waves", slope=4.0),
    "channels": ForwardForward("channels"),
    "channels-goodness": ForwardForward("channels", "goodness", straight_through=False),
}


def _wide(name: str) -> Network:
    """Return a network with at least as many units as classes in every hidden block."""
    shape, options = NETWORKS[name]
    return architecture(shape, {**options, "channels": (7, 6)} if shape == "cnn" else options).build(TASK)


def _updates(rule: ForwardForward, net: Network, params: Params, state: Params, data: Batch | None = None) -> Params:
    return rule.step(net, params, state, data or batch(), noise(rule, net)).updates


# -- labels -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 5, 10, 100])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_negative_never_carries_the_true_label(n_classes: int, dtype: torch.dtype) -> None:
    below_one = 1 - torch.finfo(dtype).eps / 2
    draws = torch.cat([torch.linspace(0, below_one, 3000, dtype=dtype), torch.tensor([0.0, below_one], dtype=dtype)])
    for true in {0, 1, n_classes - 1}:
        y = torch.full((len(draws),), true)
        weights = torch.rand(len(draws), n_classes, generator=torch.Generator().manual_seed(0), dtype=dtype)
        certain = torch.zeros_like(weights)
        certain[:, true] = 1.0
        for weight in (torch.ones_like(weights), weights.softmax(1), 1e-30 * weights, certain):
            wrong = wrong_labels(y, draws, weight)
            assert (wrong != y).all()
            assert ((wrong >= 0) & (wrong < n_classes)).all()
        assert len(wrong_labels(y, draws, torch.ones_like(weights)).unique()) == n_classes - 1


def test_negatives_come_up_in_proportion_to_their_weights() -> None:
    uniform = (torch.arange(10_000) + 0.5) / 10_000
    weights = torch.tensor([4.0, 1.0, 2.0, 5.0]).expand(10_000, 4)
    counts = torch.bincount(wrong_labels(torch.full((10_000,), 3), uniform, weights), minlength=4)
    np.testing.assert_allclose(counts / 10_000, [4 / 7, 1 / 7, 2 / 7, 0], atol=1e-3)
    only_three = torch.tensor([[1.0, 0.0, 0.0, 2.0]])  # the other labels come in the order 1, 2, 3
    assert wrong_labels(torch.tensor([0]), torch.tensor([0.0]), only_three).tolist() == [3]


@pytest.mark.parametrize("key", ["default", "hard", "all"])
def test_images_are_labelled_truly_then_wrongly(key: str) -> None:
    net, rule, data = network("mlp"), replace(RULES[key], label="pixels", label_scale=2.5), batch()
    drawn = {} if key == "all" else {"negative": torch.linspace(0, 1 - 1e-9, 12)}
    images = rule._pairs(net, data, drawn, torch.randn(12, 5)).view(-1, 12, 64)
    codes, rest = images[..., :5], images[..., 5:]
    assert len(images) == (5 if key == "all" else 2)
    assert torch.equal(codes[0], 2.5 * F.one_hot(data.y, 5).double())
    assert all(torch.equal(part, data.x.flatten(1)[:, 5:]) for part in rest)
    shown = codes.argmax(-1)
    assert (codes.sum(-1) == 2.5).all()
    assert (shown[1:] != data.y).all()
    if key == "all":
        assert torch.equal(shown.sort(0).values, torch.arange(5)[:, None].expand(5, 12))


def test_hard_negatives_follow_the_answer() -> None:
    net, rule, data = network("mlp"), RULES["hard"], batch()
    rival = (data.y + 2) % 5
    images = rule._pairs(net, data, {"negative": torch.full((12,), 0.5)}, 50.0 * F.one_hot(rival, 5))
    assert torch.equal(images[12:].flatten(1)[:, :5].argmax(1), rival)


def test_waves_are_written_down_and_the_same_at_any_resolution() -> None:
    code = torch.eye(5, dtype=torch.float64)
    waves = labelled_waves(torch.zeros(5, 3, 8, 8, dtype=torch.float64), code, (8, 8))
    for c, i, j in ((0, 0, 0), (2, 5, 1), (4, 7, 3)):
        wanted = sqrt(2) * cos(2 * pi / 6 * (sin(pi * c / 5) * i + cos(pi * c / 5) * j))
        assert waves[c, :, i, j].sub(wanted).abs().max() < 1e-12
    finer = labelled_waves(torch.zeros(5, 1, 16, 16, dtype=torch.float64), code, (8, 8))
    assert (finer[:, :, ::2, ::2] - waves[:, :1]).abs().max() < 1e-12


# -- a block's own loss -----------------------------------------------------------------------------------------------


def _activity(name: str, output: Tensor) -> Tensor:
    """Return ``(n, places, units)``; the time steps of the small recurrent network carry 17 states before the image."""
    if output.ndim == 4:
        return output.permute(0, 2, 3, 1).flatten(1, 2)
    return output if output.ndim == 3 else output[:, None, :17] if name == "rnn-step" else output[:, None]


def _scaled(name: str, output: Tensor) -> Tensor:
    rms = _activity(name, output).flatten(1).pow(2).mean(1).sqrt()
    scale = 1 / rms.view(-1, *[1] * (output.ndim - 1))
    if name == "rnn-step":
        return torch.cat([output[:, :17] * scale, output[:, 17:]], 1)
    return output * scale


def _loss(rule: ForwardForward, name: str, block: str, output: Tensor, state: Params, y: Tensor) -> Tensor:
    h = _activity(name, output)
    if rule.goodness == "channels":
        groups = np.array_split(np.arange(h.shape[2]), 5)
        owner = np.arange(h.shape[2]) * 5 // h.shape[2]
        assert sorted(map(len, groups)) == sorted(np.bincount(owner))
        g = torch.stack([h[:, :, np.flatnonzero(owner == c)].pow(2).flatten(1).mean(1) for c in range(5)], 1)
        return (g.exp().sum(1).log() - g[torch.arange(len(y)), y]).mean()
    n, d = len(y), h.shape[2]
    reachable = rule.threshold / (2 * rule.threshold + 1) if name.startswith("rnn") else rule.threshold  # tanh: up to 1
    p = torch.sigmoid((rule.slope or d) * (h.pow(2).mean((1, 2)) - reachable))
    loss = -(p[:n].log().mean() + (1 - p[n:]).log().mean()) / 2
    if rule.peer_strength:
        m = 0.9 * state[f"peer/{block}"] + 0.1 * h[:n].mean((0, 1))
        loss = loss + rule.peer_strength * ((m - m.mean()) ** 2).mean()
    return loss


@pytest.mark.parametrize("key", ["plain", "default", "all", "channels", "channels-goodness"])
@pytest.mark.parametrize("name", NETWORKS)
def test_update_of_a_block_is_the_gradient_of_its_own_loss(key: str, name: str) -> None:
    rule, net, data = RULES[key], _wide(name) if "channels" in key else network(name), batch()
    params, state = instance(net, rule, 0)
    drawn = noise(rule, net)
    step = rule.step(net, params, state, data, drawn)
    x = data.x if "channels" in key else rule._pairs(net, data, drawn, torch.zeros(12, 5))
    x = x / x.flatten(1).pow(2).mean(1).sqrt()[:, None, None, None]
    expected: Params = {}
    for block in net.blocks[:-1]:
        own = {n: params[n].clone().requires_grad_() for n in block.parameters()}
        received = block.preactivation(own, x, Wiring(state, adapt=True))
        output = block.activation(received)
        if rule.straight_through:
            output = received + (output - received).detach()
        _loss(rule, name, block.name, output, state, data.y).backward()
        for n, leaf in own.items():
            expected[n] = expected.get(n, 0) + (0 if leaf.grad is None else leaf.grad)  # no state before the first step
        x = _scaled(name, output.detach())
    assert largest_difference({n: step.updates[n] for n in expected}, expected) < 1e-9
    assert min(float(u.abs().max()) for n, u in expected.items() if n.endswith("weight")) > 1e-6


def test_goodness_gradient_of_one_layer_in_closed_form() -> None:
    net, rule, data = network("mlp"), replace(RULES["plain"], threshold=0.3), batch()
    params, state = instance(net, rule, 0)
    drawn = noise(rule, net)
    x = rule._pairs(net, data, drawn, torch.zeros(12, 5)).flatten(1).numpy()
    x = x / np.sqrt((x**2).mean(1, keepdims=True))
    h = np.maximum(x @ params["hidden1.weight"].numpy().T, 0)
    logit = (h**2).sum(1) - 0.3 * 12
    p = 1 / (1 + np.exp(-logit))
    error = (p - np.repeat([1, 0], 12)) / 24  # of the logistic loss, mean over all images
    found = rule.step(net, params, state, data, drawn).updates["hidden1.weight"]
    np.testing.assert_allclose(found, (2 * error[:, None] * h).T @ x, rtol=0, atol=1e-13)


def test_class_goodness_in_closed_form() -> None:
    h = torch.tensor([[1.0, 2.0, 3.0, 0.0, -2.0, 4.0, 5.0]], dtype=torch.float64)
    wanted = torch.tensor([[14 / 3, 2.0, 20.5]], dtype=torch.float64)  # units 0 1 2, 3 4 and 5 6
    torch.testing.assert_close(class_goodness(h, 3), wanted)
    maps = torch.arange(24, dtype=torch.float64).view(1, 6, 2, 2)
    wanted = [float((maps[0, 2 * c : 2 * c + 2] ** 2).mean()) for c in range(3)]
    assert class_goodness(maps, 3).tolist() == [wanted]


# -- nothing crosses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["default", "all", "goodness", "channels"])
@pytest.mark.parametrize("name", ["mlp", "cnn", "rnn", "transformer", "transformer-sublayer"])
def test_what_lies_above_a_block_leaves_its_update_bitwise_unchanged(key: str, name: str) -> None:
    rule, net = RULES[key], _wide(name)
    params, state = instance(net, rule, 0)
    before = _updates(rule, net, params, state)
    below = set(net.blocks[0].parameters()) | set(net.blocks[1].parameters())
    shaken = {n: t if n in below else t + 0.1 for n, t in params.items()}
    after = _updates(rule, net, shaken, {n: t + 0.1 if n.startswith("head/") else t for n, t in state.items()})
    assert below <= before.keys()
    assert all(torch.equal(before[n], after[n]) for n in below)
    assert key == "goodness" or not all(torch.equal(before[n], after[n]) for n in before.keys() - below)


@pytest.mark.parametrize("key", RULES)
def test_scaling_what_a_layer_does_leaves_everything_above_unchanged(key: str) -> None:
    rule, net, data = RULES[key], network("mlp"), batch()
    params, state = instance(net, rule, 0)
    louder = {
        n: 3.0 * t if n.startswith("hidden1.") else t for n, t in params.items()
    }  # a rectifier is linear in scale
    one, other = (rule.respond(net, p, state, data.x) for p in (params, louder))
    torch.testing.assert_close(other["hidden1"], 3.0 * one["hidden1"], rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(other["hidden2"], one["hidden2"], rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(other["readout"], one["readout"], rtol=1e-6, atol=1e-6)  # hidden2 alone is read
    if key != "hard":
        mine, theirs = (_updates(rule, net, p, state) for p in (params, louder))
        torch.testing.assert_close(mine["hidden2.weight"], theirs["hidden2.weight"], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_block_passes_on_unit_activity(name: str) -> None:
    net, rule = network(name), RULES["default"]
    params, state = instance(net, rule, 0)
    for block, output in zip(net.blocks, rule._pass(net, params, state, 7.0 * batch().x), strict=False):
        shown = passed_on(block, output)
        rms = _activity(name, shown).flatten(1).pow(2).mean(1).sqrt()
        assert (rms - 1).abs().max() < 1e-6
        if name == "rnn-step":
            torch.testing.assert_close(shown[:, 17:], output[:, 17:])
    assert torch.isfinite(unit_rms(torch.zeros(2, 3))).all()


# -- the answer -------------------------------------------------------------------------------------------------------


def test_neutral_answer_is_a_softmax_regression_on_what_layers_pass_on() -> None:
    rule = ForwardForward(readout_from=1)
    net = architecture("mlp", {"widths": (12, 9, 8)}).build(TASK)
    params, state = instance(net, rule, 0)
    state = {n: t + 0.2 * torch.randn(t.shape, dtype=t.dtype) if n.startswith("head/") else t for n, t in state.items()}
    data = batch()
    x = torch.cat([torch.full((12, 5), 3.0 / 5), data.x.flatten(1)[:, 5:]], 1)
    seen = []
    for k in (1, 2, 3):
        x = x / x.pow(2).mean(1, keepdim=True).sqrt()
        x = (x @ params[f"hidden{k}.weight"].T).relu()
        seen.append(x / x.pow(2).mean(1, keepdim=True).sqrt())
    weights = {
        name: group[name].clone().requires_grad_()
        for name, group in (
            ("head/hidden1.weight", state), ("head/hidden2.weight", state),
            ("readout.weight", params), ("readout.bias", params),
        )
    }  # fmt: skip
    logits = sum(h @ w.T for h, w in zip(seen, list(weights.values())[:3], strict=True)) + weights["readout.bias"]
    torch.testing.assert_close(
        rule.respond(net, params, state, data.x)["readout"], logits.detach(), rtol=1e-7, atol=1e-7
    )
    loss = F.cross_entropy(logits, data.y)
    loss.backward()
    step = rule.step(net, params, state, data, noise(rule, net))
    assert abs(float(step.metrics["loss"]) - loss.item()) < 1e-7
    for name, leaf in weights.items():
        torch.testing.assert_close(step.updates[name], leaf.grad, rtol=1e-6, atol=1e-8)
    assert rule.trainable(state) == ("head/hidden1.weight", "head/hidden2.weight")
    assert set(replace(rule, readout_from=2).init(net, {}, torch.Generator())) > {"head/hidden2.weight"}
    assert replace(rule, readout_from=3, peer_strength=0.0).init(net, {}, torch.Generator()) == {}


@pytest.mark.parametrize("name", NETWORKS)
def test_goodness_answer_sums_what_each_label_does(name: str) -> None:
    rule, net, data = ForwardForward(readout="goodness", label="pixels"), network(name), batch()
    params, state = instance(net, rule, 0)
    answer = list(rule.respond(net, params, state, data.x).values())[-1]
    for label in range(5):
        x = data.x.flatten(1).clone()
        x[:, :5] = 3.0 * F.one_hot(torch.tensor(label), 5)
        x, total = x.view_as(data.x) / x.pow(2).mean(1).sqrt()[:, None, None, None], 0.0
        for k, block in enumerate(net.blocks[:-1]):
            output = block.forward(params, x, Wiring(state))
            counts = k >= 1 or len(net.blocks) == 2
            total = total + _activity(name, output).pow(2).sum(2).mean(1) * counts
            x = _scaled(name, output)
        torch.testing.assert_close(answer[:, label], total, rtol=1e-6, atol=1e-6)
    step = rule.step(net, params, state, data, noise(rule, net))
    torch.testing.assert_close(step.metrics["accuracy"], (answer.argmax(1) == data.y).double().mean())
    assert not set(net.blocks[-1].parameters()) & step.updates.keys()


@pytest.mark.parametrize("key", RULES)
@pytest.mark.parametrize("name", ["mlp", "cnn", "rnn-step", "transformer"])
def test_layers_respond_to_each_stimulus_alone(key: str, name: str) -> None:
    rule, net, x = RULES[key], _wide(name), batch().x
    params, state = instance(net, rule, 0)
    together = rule.respond(net, params, state, x)
    alone = [rule.respond(net, params, state, one[None]) for one in x]
    assert tuple(together) == net.layers
    for layer, activity in together.items():
        torch.testing.assert_close(activity, torch.cat([one[layer] for one in alone]), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("key", RULES)
def test_stimuli_at_another_resolution_are_answered(key: str) -> None:
    rule, net = RULES[key], _wide("cnn")
    params, state = instance(net, rule, 0)
    found = rule.respond(net, params, state, torch.randn(3, 1, 24, 16, dtype=torch.float64))
    assert found["conv2"].shape == (3, 6, 6, 4)
    assert found["readout"].shape == (3, 5)


@pytest.mark.parametrize("key", RULES)
def test_order_in_a_batch_does_not_matter(key: str) -> None:
    rule, net, data = RULES[key], _wide("cnn"), batch()
    params, state = instance(net, rule, 0)
    drawn, order = noise(rule, net), torch.randperm(12, generator=torch.Generator().manual_seed(3))
    one = rule.step(net, params, state, data, drawn)
    other = rule.step(
        net, params, state, Batch(*(part[order] for part in data)), {n: t[order] for n, t in drawn.items()}
    )
    assert largest_difference(one.updates, other.updates) < 1e-9
    assert largest_difference(one.state, other.state) < 1e-12


@pytest.mark.parametrize("key", ["default", "channels"])
def test_layers_respond_to_the_image_without_a_label(key: str) -> None:
    rule, net, data = RULES[key], network("mlp"), batch()
    params, state = instance(net, rule, 0)
    x = data.x.flatten(1).clone()
    if key == "default":
        x[:, :5] = 3.0 / 5
    wanted = (x / x.pow(2).mean(1, keepdim=True).sqrt() @ params["hidden1.weight"].T).relu()
    torch.testing.assert_close(rule.respond(net, params, state, data.x)["hidden1"], wanted)


# -- learning ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", RULES)
def test_blocks_come_to_tell_right_labels_from_wrong_ones(key: str) -> None:
    rule, net, data = RULES[key], architecture("mlp", {"widths": (40, 30)}).build(TASK), batch(24)
    params, state = instance(net, rule, 0)
    for k in range(100):
        params, state, _ = descend(rule, net, params, state, data, 0.3, seed=k)
    answer = list(rule.respond(net, params, state, data.x).values())[-1]
    assert (answer.argmax(1) == data.y).double().mean() > 0.7  # chance is 0.2


def test_peers_wake_a_silent_unit() -> None:
    net, data = network("mlp"), batch()
    signs = []
    for strength in (0.0, 5.0):
        rule = ForwardForward(peer_strength=strength)
        params, state = instance(net, rule, 0)
        params["hidden1.bias"][3] = -50.0
        step = rule.step(net, params, state, data, noise(rule, net))
        signs.append(float(step.updates["hidden1.bias"][3]))
    mean = step.state["peer/hidden1"]
    assert mean[3] == 0.9 * 0.5
    assert mean[3] < mean.mean()
    assert signs[0] == 0
    assert signs[1] < 0  # what is subtracted: the bias grows


# -- what it cannot do ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "net", "reason"),
    [
        (ForwardForward(), replace(network("mlp"), task=replace(TASK, objective="regression")), "real targets"),
        (ForwardForward("channels"), network("cnn"), "block 'conv1' has 4 units for 5 classes"),
        (ForwardForward(), architecture("mlp", {"widths": ()}).build(TASK), "hidden blocks"),
        (ForwardForward(), replace(network("mlp"), task=replace(TASK, n_outputs=65)), "labels of 65 classes"),
    ],
)
def test_what_cannot_be_trained_is_said(rule: ForwardForward, net: Network, reason: str) -> None:
    for call in (lambda: rule.init(net, {}, torch.Generator()), lambda: rule.step(net, {}, {}, batch(), {})):
        with pytest.raises(IncompatibleError, match=reason):
            call()


def test_cost_is_the_products_written_down() -> None:
    net = network("mlp")  # 64-12-9-5
    hidden, last, head = 64 * 12 + 12 * 9, 9 * 5, 12 * 5
    assert sum(forward_cost(net).values()) == hidden + last
    cost = {key: rule.multiply_adds(net, 7) for key, rule in RULES.items()}
    assert cost["default"] == cost["hard"] == 2 * 2 * hidden + hidden + 2 * last
    assert cost["all"] == 5 * 2 * hidden + hidden + 2 * last
    assert cost["goodness"] == 2 * 2 * hidden + 5 * hidden
    assert cost["channels"] == 2 * hidden + 2 * last
    assert cost["channels-goodness"] == 2 * hidden
    assert ForwardForward(readout_from=1).multiply_adds(net, 7) == cost["default"] + 2 * head


@pytest.mark.parametrize(
    "options",
    [
        {"goodness": "badness"}, {"readout": "mean"}, {"negatives": "none"}, {"label": "text"}, {"label_scale": 0},
        {"threshold": -1}, {"readout_from": 0}, {"slope": -1}, {"peer_strength": -1}, {"peer_momentum": 1.0},
    ],
)  # fmt: skip
def test_a_bad_option_gives_one_line(options: dict) -> None:
    with pytest.raises(SpecError, match="; expected "):
        ForwardForward(**options)


@pytest.mark.slow
def test_bounded_units_learn(tmp_path: Path) -> None:
    """Goodness of tanh units cannot pass a mean square of 1, at which no image was ever positive: 10 %."""
    options = {"network_options": {"widths": (128, 128), "activation": "tanh"}, "seeds": (0,), "epochs": 10}
    spec = TrainSpec("forward_forward", "mlp", "digits", learning_rate=0.003, n_checkpoints=2, **options)
    assert train(spec, tmp_path).history.test_accuracy.iloc[-1] > 0.8


def test_the_threshold_of_bounded_units_is_within_their_reach() -> None:
    for threshold in (0.1, 1.0, 50.0):
        rule = ForwardForward(threshold=threshold)
        bounded, free = (
            architecture("mlp", {"widths": (4,), "activation": name}).build(TASK) for name in ("tanh", "relu")
        )
        assert 0 < rule._reachable(bounded.blocks[0]) < min(threshold, 0.5)
        assert rule._reachable(free.blocks[0]) == threshold

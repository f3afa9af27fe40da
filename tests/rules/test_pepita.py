"""PEPITA against its printed equation, written down in numpy, and in limits where nothing or one thing moves."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from brainalign.credit.batch import Batch
from brainalign.credit.cost import forward_cost
from brainalign.credit.goodness import activity_mask
from brainalign.errors import SpecError
from brainalign.networks.architecture import architecture
from brainalign.networks.wiring import Wiring
from brainalign.rules.backprop import Backprop
from brainalign.rules.pepita import Pepita
from tests.small import NETWORKS, TASK, batch, instance, largest_difference, network, noise

F = "feedback/input"


def _printed(net, params, state, data, drawn, slope):
    """Return the updates of a multi-layer perceptron as the paper prints them, means over samples one by one."""
    p = {name: t.numpy() for name, t in params.items()}
    names = [block.name for block in net.blocks]
    masks = {name: drawn[f"mask/{name}"].numpy() for name in names[:-1]}
    updates = {name: np.zeros_like(value) for name, value in p.items()}
    n = len(data.y)

    def layers(x, sample):
        activities = [x]
        for name in names:
            z = p[f"{name}.weight"] @ activities[-1] + p[f"{name}.bias"]
            activities.append(slope(z) * masks[name][sample] if name in masks else z)
        return activities

    for sample in range(n):
        x = data.x[sample].numpy().ravel()
        h = layers(x, sample)
        p_classes = np.exp(h[-1]) / np.exp(h[-1]).sum()
        e = p_classes - np.eye(len(p_classes))[data.y[sample]]
        h_err = layers(x + state[F].numpy().T @ e, sample)
        for k, name in enumerate(names, start=1):
            difference = e if k == len(names) else h[k] - h_err[k]
            updates[f"{name}.weight"] += np.outer(difference, h_err[k - 1]) / n
            updates[f"{name}.bias"] += difference / n
    return {name: torch.from_numpy(value) for name, value in updates.items()}


@pytest.mark.parametrize(("activation", "slope"), [("relu", lambda z: np.maximum(z, 0)), ("tanh", np.tanh)])
def test_update_of_a_perceptron_is_the_printed_product(activation: str, slope) -> None:
    net, rule, data = architecture("mlp", {"widths": (12, 9), "activation": activation}).build(TASK), Pepita(), batch()
    params, state = instance(net, rule, 0)
    params = {name: t + 0.1 for name, t in params.items()}
    drawn = noise(rule, net)
    updates = rule.step(net, params, state, data, drawn).updates
    assert largest_difference(updates, _printed(net, params, state, data, drawn, slope)) < 1e-14
    assert all(update.abs().max() > 1e-4 for update in updates.values())


class _Seen(Wiring):
    """Notes what enters the first synapse."""

    first: list[torch.Tensor]

    def synapse(self, synapse, params, x):  # type: ignore[no-untyped-def]
        if synapse.name == "hidden1":
            _Seen.first.append(x.detach())
        return super().synapse(synapse, params, x)


def test_the_second_input_is_the_image_plus_the_projected_error(monkeypatch: pytest.MonkeyPatch) -> None:
    net, rule, data = network("mlp"), Pepita(keep=1.0), batch()
    params, state = instance(net, rule, 0)
    _Seen.first = []
    monkeypatch.setattr("brainalign.rules.pepita.Wiring", _Seen)
    rule.step(net, params, state, data, {})
    output = net.forward(params, data.x, Wiring(state))
    error = output.softmax(1) - torch.nn.functional.one_hot(data.y, 5)
    once, twice = _Seen.first
    assert torch.equal(once, data.x.flatten(1))
    assert torch.equal(twice, (data.x + (error @ state[F]).view_as(data.x)).flatten(1))


@pytest.mark.parametrize("name", NETWORKS)
def test_without_feedback_only_the_readout_learns_and_as_by_backprop(name: str) -> None:
    net, rule, data = network(name), Pepita(keep=1.0), batch()
    params, state = instance(net, rule, 0)
    state = {**state, F: torch.zeros_like(state[F])}
    mine = rule.step(net, params, state, data, {})
    exact = Backprop().step(net, params, state, data, {})
    own = net.blocks[-1].parameters()
    for parameter, update in mine.updates.items():
        if parameter in own:
            torch.testing.assert_close(update, exact.updates[parameter], rtol=1e-9, atol=1e-12)
        else:
            assert update.abs().max() == 0
    assert exact.updates[net.synapses[0].weight_name].abs().max() > 1e-6
    assert all(torch.equal(mine.state[k], exact.state[k]) for k in exact.state)


@pytest.mark.parametrize("name", NETWORKS)
def test_statistics_are_those_of_the_first_pass_and_hidden_blocks_learn(name: str) -> None:
    net, rule, data = network(name), Pepita(scale=3.0, keep=1.0), batch()
    params, state = instance(net, rule, 0)
    mine, exact = rule.step(net, params, state, data, {}), Backprop().step(net, params, state, data, {})
    assert mine.state.keys() == exact.state.keys()
    assert all(torch.equal(mine.state[k], exact.state[k]) for k in exact.state)
    assert mine.updates[net.synapses[0].weight_name].abs().max() > 1e-6


def test_both_passes_use_the_same_mask() -> None:
    """With one for all there is no error, hence no difference; a mask of its own would make one."""
    task = replace(TASK, objective="regression")
    net, rule = replace(network("mlp"), task=task), Pepita(keep=0.5)
    params, state = instance(net, rule, 0)
    drawn, data = noise(rule, net), batch()
    masked = torch.relu(data.x.flatten(1) @ params["hidden1.weight"].T) * drawn["mask/hidden1"]
    masked = torch.relu(masked @ params["hidden2.weight"].T) * drawn["mask/hidden2"]
    data = data._replace(y=masked @ params["readout.weight"].T)
    step = rule.step(net, params, state, data, drawn)
    assert step.metrics["loss"] < 1e-28
    assert max(float(update.abs().max()) for update in step.updates.values()) < 1e-13


@pytest.mark.parametrize("name", NETWORKS)
def test_masks_keep_their_share_and_leave_an_image_passed_along_alone(name: str) -> None:
    net, rule = network(name), Pepita(keep=0.75)
    masks = noise(rule, net, 500)
    assert set(masks) == {f"mask/{block.name}" for block in net.blocks[:-1]}
    for block in net.blocks[:-1]:
        mask = masks[f"mask/{block.name}"]
        active = activity_mask(block, mask) > 0
        assert set(mask[active].unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
        assert abs(float(mask[active].mean()) - 1) < 0.03
        assert (mask[~active] == 1).all()
        assert (~active).any() == (name == "rnn-step" and block is not net.blocks[-2])
    assert Pepita(keep=1.0).noise(net, 3, torch.Generator()) == {}


def test_order_in_a_batch_does_not_matter() -> None:
    net, rule, data = network("mlp"), Pepita(), batch()
    params, state = instance(net, rule, 0)
    drawn, order = noise(rule, net), torch.randperm(12, generator=torch.Generator().manual_seed(3))
    one = rule.step(net, params, state, data, drawn).updates
    shuffled = Batch(data.x[order], data.y[order], data.index[order])
    other = rule.step(net, params, state, shuffled, {name: mask[order] for name, mask in drawn.items()}).updates
    assert largest_difference(one, other) < 1e-14


def test_feedback_is_he_uniform_times_scale_and_its_angle_known() -> None:
    net, rule = network("mlp"), Pepita(scale=0.2)
    params, state = instance(net, rule, 0)
    bound = 0.2 * (6 / 64) ** 0.5
    assert 0.97 * bound < state[F].abs().max() <= bound
    product = params["readout.weight"] @ params["hidden2.weight"] @ params["hidden1.weight"]
    angles = [float(rule.feedback_angles(net, params, {F: b})["input"]) for b in (-product, product, state[F])]
    assert angles[0] < 1e-5
    assert abs(angles[1] - 180) < 1e-5
    assert 60 < angles[2] < 120
    assert rule.feedback_angles(network("cnn"), *instance(network("cnn"), rule, 0)) == {}


def test_learning_turns_the_weights_towards_the_feedback() -> None:
    net, rule = network("mlp"), Pepita(keep=1.0)
    data = batch(24)
    params, state = instance(net, rule, 0)
    before = float(rule.feedback_angles(net, params, state)["input"])
    for _ in range(200):
        updates = rule.step(net, params, state, data, {}).updates
        params = {name: t - 0.1 * updates[name] for name, t in params.items()}
    assert float(rule.feedback_angles(net, params, state)["input"]) < min(before, 85)


def test_cost_of_a_perceptron() -> None:
    net = network("mlp")  # 64-12-9-5
    forward = sum(forward_cost(net).values())
    assert Pepita().multiply_adds(net, 7) == 3 * forward + 5 * 64


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"scale": 0}, "Option scale is 0; expected a number above 0."),
        ({"keep": 0}, "Option keep is 0; expected a share above 0, at most 1."),
        ({"keep": 1.5}, "Option keep is 1.5; expected a share above 0, at most 1."),
    ],
)
def test_a_bad_option_gives_one_line(options: dict, line: str) -> None:
    with pytest.raises(SpecError, match=line.replace(".", r"\.")):
        Pepita(**options)

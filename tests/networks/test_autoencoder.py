"""The convolutional autoencoder: a decoder that mirrors the encoder, and every rule on it, or a reason why not."""

import pytest
import torch
from torch.func import vmap

from brainalign.credit.batch import Batch
from brainalign.credit.feedback_stage import feedback_path
from brainalign.datasets.task import Task
from brainalign.errors import IncompatibleError, SpecError
from brainalign.networks.architecture import architecture
from brainalign.networks.network import Network
from brainalign.networks.wiring import Wiring
from brainalign.randomness import stream
from brainalign.rules.counter_current import CounterCurrent
from brainalign.rules.learning_rule import LearningRule, learning_rule, learning_rules
from tests.small import TASK, batch, instance, largest_difference, noise

OPTIONS = {"channels": (4, 6), "hidden": 0, "decoder": True}


def _task(side: int = 8, channels: int = 1) -> Task:
    return Task((channels, side, side), channels * side**2, 64, "reconstruction")


def _autoencoder(task: Task) -> Network:
    return architecture("cnn", OPTIONS).build(task)


def _images(task: Task, seed: int = 0) -> Batch:
    data = batch(12, seed, task=task)
    return data._replace(y=data.x.flatten(1))


def test_layers_mirror_each_other_and_the_output_is_the_image_as_a_vector() -> None:
    net = _autoencoder(_task(14, 3))  # 14 is halved to 7 and 3
    assert net.layers == ("conv1", "conv2", "up1", "readout")
    assert net.output_shapes == ((4, 7, 7), (6, 3, 3), (4, 7, 7), (3 * 14 * 14,))
    params = net.init(stream(0, "init"))
    shown = torch.randn(2, 3, 28, 28)  # a higher resolution is answered in that of the training
    assert net.forward(params, shown, Wiring(net.init_state())).shape == (2, 3 * 14 * 14)


def test_a_readout_of_known_weights_enlarges_the_map_below() -> None:
    net = _autoencoder(_task())
    params = {**net.init(stream(0, "init"))}
    params["readout.weight"] = torch.zeros(1, 4, 3, 3)
    params["readout.weight"][0, 2, 1, 1] = 2.0  # copies channel 2, twice as large
    below = torch.randn(3, 4, 4, 4)
    found = net.blocks[-1].forward(params, below, Wiring({})).view(3, 8, 8)
    torch.testing.assert_close(found, 2 * below[:, 2].repeat_interleave(2, 1).repeat_interleave(2, 2))


@pytest.mark.parametrize(("task", "options"), [(TASK, OPTIONS), (_task(), {**OPTIONS, "hidden": 5})])
def test_a_decoder_needs_an_image_to_give_back_and_no_dense_layer(task: Task, options: dict) -> None:
    with pytest.raises(SpecError, match="decoder needs objective 'reconstruction' and hidden 0"):
        architecture("cnn", options).build(task)


def test_the_decoder_alone_starts_small_where_asked() -> None:
    plain, small = (
        architecture("cnn", OPTIONS | scale).build(_task()).init(stream(0, "init"))
        for scale in ({}, {"decoder_scale": 0.01})
    )
    for name, weight in plain.items():
        decoder = name in ("up1.weight", "readout.weight")
        torch.testing.assert_close(small[name], weight * (0.01 if decoder else 1))
    with pytest.raises(SpecError, match=r"decoder_scale of 'cnn' is 0\.01, which has no effect without decoder"):
        architecture("cnn", {"decoder_scale": 0.01}).build(TASK)


def test_feedback_leads_down_the_decoder_by_strides_and_has_a_weight_per_kernel() -> None:
    stages = feedback_path(_autoencoder(_task()))
    assert [stage.synapse.weight_shape for stage in stages] == [(1, 4, 3, 3), (4, 6, 3, 3), (6, 4, 3, 3), (4, 1, 3, 3)]
    assert [stage.synapse.stride for stage in stages] == [1, 1, 2, 2]
    signal = torch.randn(2, 64)
    for stage in reversed(stages):
        weight = {stage.synapse.weight_name: stage.synapse.draw_weight(torch.Generator())}
        signal = stage.current(weight, signal)
        assert signal.shape[1:] == stage.below


@pytest.mark.parametrize("name", learning_rules())
def test_every_rule_trains_it_or_refuses(name: str) -> None:
    rule, task = learning_rule(name), _task()
    net = _autoencoder(task)
    if rule.incompatibility(net) is not None:
        with pytest.raises(IncompatibleError):
            rule.check(net)
        return
    parts = [(*instance(net, rule, seed), _images(task, seed), noise(rule, net, 12, seed)) for seed in range(2)]
    alone = [rule.step(net, *part) for part in parts]
    params, state, drawn = ({n: torch.stack([part[k][n] for part in parts]) for n in parts[0][k]} for k in (0, 1, 3))
    both = Batch(*(torch.stack(fields) for fields in zip(*(part[2] for part in parts), strict=True)))
    updates, _, _ = vmap(lambda *arguments: tuple(rule.step(net, *arguments)))(params, state, both, drawn)
    for seed, one in enumerate(alone):
        assert all(torch.isfinite(update).all() for update in one.updates.values())
        if one.updates:
            assert largest_difference({n: u[seed] for n, u in updates.items()}, one.updates) < 1e-12


@pytest.mark.parametrize("rule", [learning_rule("backprop"), CounterCurrent(activation="relu")], ids=lambda r: r.name())
def test_images_of_few_dimensions_are_given_back(rule: LearningRule) -> None:
    task = _task()
    net, generator = _autoencoder(task), torch.Generator().manual_seed(0)
    causes, basis = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((12, 3), (3, 1, 2, 2)))
    x = causes @ torch.nn.functional.interpolate(basis, size=8, mode="bilinear").flatten(1)
    x = x / x.std()
    data = Batch(x.view(12, 1, 8, 8), x, torch.arange(12))
    params, state = instance(net, rule, 0)
    leaves = {**params, **{n: state[n] for n in rule.trainable(state)}}
    leaves = {n: t.clone().requires_grad_() for n, t in leaves.items()}
    optimizer = torch.optim.Adam(leaves.values(), lr=0.01)
    losses = []
    for _ in range(150):
        now = {n: t.detach() for n, t in leaves.items()}
        step = rule.step(
            net, {n: now[n] for n in params}, {**state, **{n: now[n] for n in state if n in now}}, data, {}
        )
        for leaf, tensor in leaves.items():
            tensor.grad = step.updates.get(leaf)
        optimizer.step()
        state = {**state, **step.state}
        losses.append(float(step.metrics["loss"]))
    assert losses[-1] < 0.5 * losses[0]
    assert losses[-1] < 0.6

"""Counter-current learning: each level's loss, written down independently, teaches its two synapses and no other."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.func import vmap
from torch.nn import functional as F

from brainalign.credit.batch import Batch
from brainalign.credit.cost import local_cost
from brainalign.errors import IncompatibleError, SpecError
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring
from brainalign.rules.counter_current import CounterCurrent
from tests.small import TASK, batch, descend, instance, largest_difference, network

DENSE = CounterCurrent(matching="classes", similarity="product", distance="mean_square", strength=128.0)
CONVOLUTIONAL = CounterCurrent(matching="classes", distance="mean_square", separation=0.5)
RULES = {
    "paper": CounterCurrent(),
    "separated": CounterCurrent(separation=0.5),
    "dense": DENSE,
    "convolutional": CONVOLUTIONAL,
    "normalised": replace(DENSE, normalise=True),
}
AUTOENCODER = replace(TASK, n_outputs=64, objective="reconstruction")
REGRESSION = replace(TASK, n_outputs=4, objective="regression")


def real_batch(n_outputs: int | None, n: int = 12, seed: int = 0) -> Batch:
    """Return targets that are vectors: the input itself, or linear in it."""
    x = batch(n, seed).x
    generator = torch.Generator().manual_seed(9)
    mixed = x.flatten(1)
    if n_outputs is not None:
        mixed = mixed @ torch.randn(64, n_outputs, generator=generator, dtype=x.dtype) / 8
    return Batch(x, mixed, torch.arange(n))


# -- an independent account: both networks in one graph, no gradient stopped ------------------------------------------


def _levels(
    net: Network, params: Params, state: Params, x: Tensor, top: Tensor, normalise: bool = False
) -> tuple[list[Tensor], list[Tensor]]:
    """Return ``a_0 .. a_L`` and ``b_0 .. b_L`` of a dense network, or one of a convolution and a readout."""
    activities, signals = [x], [top]
    for block in net.blocks:
        activities.append(block.forward(params, activities[-1], Wiring(state)))
    for k, block in reversed(list(enumerate(net.blocks))):
        weight, shape = state[f"feedback/{block.name}.weight"], activities[k].shape[1:]
        if weight.ndim == 4:
            larger = signals[-1].repeat_interleave(2, -1).repeat_interleave(2, -2)
            down = F.conv2d(larger, weight, padding=1)
        else:
            down = (signals[-1] @ weight.T).unflatten(1, shape)
        if normalise and k:
            down = F.batch_norm(down, None, None, training=True)
        signals.append(F.elu(down) if k else down)
    return activities, signals[::-1]


def _level_loss(rule: CounterCurrent, a: Tensor, b: Tensor, y: Tensor) -> Tensor:
    """Return equation 2, or what the options make of it, pair by pair of samples."""
    a, b = a.flatten(1), b.flatten(1)
    classes = rule.matching == "classes"
    same = F.one_hot(y, 5).bool() if classes else torch.eye(len(y)).bool()
    size = torch.linalg.matrix_norm if rule.distance == "norm" else lambda m: (m**2).mean()
    cosines = lambda p, q: F.cosine_similarity(p[:, None], q[None], dim=2)  # noqa: E731
    found = cosines(a, b) if rule.similarity == "cosine" else torch.einsum("if,jf->ij", a, b)
    loss = rule.strength * size(found - same.to(a.dtype)) / (1 if rule.similarity == "cosine" else a.shape[1])
    for one in (a, b):
        if rule.separation:
            loss = loss + rule.separation * size(cosines(one, one) - torch.eye(len(one)))
    return loss


def _map_loss(a: Tensor, b: Tensor, ends: bool) -> Tensor:
    """Return the autoencoder's level loss; a layer of units is one channel of as many places."""
    a, b = (one[:, None] if one.ndim == 2 else one.flatten(2) for one in (a, b))
    side = a.shape[2] ** 0.5
    loss = side * F.mse_loss(a, b)
    if ends:
        return loss
    for_shape = [F.normalize(one - one.mean(2, keepdim=True), dim=2) for one in (a, b)]
    return loss + side * F.mse_loss(*for_shape)


def _leaves(params: Params, state: Params) -> tuple[Params, Params]:
    return tuple({n: t.clone().requires_grad_() for n, t in group.items()} for group in (params, state))  # type: ignore[return-value]


def _taught(net: Network, level: int) -> set[str]:
    """Return the weights that the loss of ``level`` teaches."""
    found = set() if level == 0 else set(net.blocks[level - 1].parameters())
    return found | ({f"feedback/{net.blocks[level].name}.weight"} if level < len(net.blocks) else set())


def _gradients(loss: Tensor, leaves: Params) -> Params:
    found = torch.autograd.grad(loss, list(leaves.values()), retain_graph=True, allow_unused=True)
    return {n: torch.zeros_like(t) if g is None else g for (n, t), g in zip(leaves.items(), found, strict=True)}


def _require_each_level_teaches_its_own(net: Network, losses: list[Tensor], leaves: Params, updates: Params) -> None:
    crossing = 0.0
    named = set()
    for level, loss in enumerate(losses):
        gradients = _gradients(loss, leaves)
        own = _taught(net, level)
        assert largest_difference({n: updates[n] for n in own}, {n: gradients[n] for n in own}) < 1e-12
        crossing += sum(float(g.abs().sum()) for n, g in gradients.items() if n not in own)
        named |= own
    assert set(updates) == named
    assert crossing > 0.01  # uncut, losses do reach other levels; the rule has none of that


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("name", ["mlp", "cnn-plain"])
def test_a_level_teaches_its_two_synapses_with_its_own_gradient(rule: CounterCurrent, name: str) -> None:
    net, data = network(name), batch(12)
    params, state = instance(net, rule, 0)
    own, feedback = _leaves(params, state)
    one_hot = F.one_hot(data.y, 5).double()
    top = torch.eye(5).double() if rule.matching == "classes" else one_hot
    a, b = _levels(net, own, feedback, data.x, top, rule.normalise)
    losses = [_level_loss(rule, p, q, data.y) for p, q in zip(a[:-1], b[:-1], strict=True)]
    losses.append(F.cross_entropy(a[-1], data.y))
    step = rule.step(net, params, state, data, {})
    _require_each_level_teaches_its_own(net, losses, {**own, **feedback}, step.updates)


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("name", ["mlp", "cnn-plain"])
def test_an_autoencoder_compares_activities_of_either_network(name: str, normalise: bool) -> None:
    net, data = network(name, AUTOENCODER), real_batch(None)
    rule = CounterCurrent(strength=1.5, normalise=normalise)
    params, state = instance(net, rule, 0)
    own, feedback = _leaves(params, state)
    a, b = _levels(net, own, feedback, data.x, data.y, normalise)
    losses = [1.5 * _map_loss(p, q, k == 0) for k, (p, q) in enumerate(zip(a[:-1], b[:-1], strict=True))]
    losses.append(8 * F.mse_loss(a[-1], data.y))  # the side of the image
    step = rule.step(net, params, state, data, {})
    _require_each_level_teaches_its_own(net, losses, {**own, **feedback}, step.updates)


@pytest.mark.parametrize("name", ["mlp", "cnn", "rnn", "transformer"])
def test_what_a_level_does_not_see_leaves_it_bitwise_unchanged(name: str) -> None:
    net, rule = network(name), CounterCurrent(separation=0.5)
    params, state = instance(net, rule, 0)
    updates = lambda *group: rule.step(net, *group, batch(), {}).updates  # noqa: E731
    before = updates(params, state)
    level = len(net.blocks) // 2
    # a_level does not depend on blocks above it, nor b_level on feedback stages below it.
    unseen = {n for block in net.blocks[level:] for n in block.parameters()}
    unseen |= {f"feedback/{block.name}.weight" for block in net.blocks[:level]}
    shake = lambda group: {n: t + 0.1 * (n in unseen) for n, t in group.items()}  # noqa: E731
    after = updates(shake(params), shake(state))
    taught = _taught(net, level)
    assert all(torch.equal(before[n], after[n]) for n in taught)
    assert not any(torch.equal(before[n], after[n]) for n in _taught(net, level - 1) | _taught(net, level + 1))


# -- options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("similarity", ["cosine", "product"])
@pytest.mark.parametrize("distance", ["norm", "mean_square"])
def test_with_every_class_once_classes_and_samples_are_the_same(similarity: str, distance: str) -> None:
    net = network("mlp")
    rule = CounterCurrent(similarity=similarity, distance=distance, separation=0.5)
    params, state = instance(net, rule, 0)
    once = batch(5)._replace(y=torch.tensor([3, 0, 4, 1, 2]))
    twice = batch(5)._replace(y=torch.tensor([3, 0, 4, 1, 3]))
    for data, equal in ((once, True), (twice, False)):
        samples, classes = (
            replace(rule, matching=m).step(net, params, state, data, {}) for m in ("samples", "classes")
        )
        assert (largest_difference(samples.updates, classes.updates) < 1e-12) == equal


def test_a_feedback_rate_scales_the_updates_of_feedback_alone() -> None:
    net = network("mlp")
    params, state = instance(net, CounterCurrent(), 0)
    full, half, none = (
        CounterCurrent(feedback_rate=rate).step(net, params, state, batch(), {}) for rate in (1.0, 0.5, 0.0)
    )
    assert none.updates.keys() == params.keys()
    assert none.state == {}
    assert CounterCurrent(feedback_rate=0.0).trainable(state) == ()
    for name, update in full.updates.items():
        assert torch.equal(half.updates[name], update * (0.5 if name in state else 1.0))
        assert name in state or torch.equal(none.updates[name], update)
    assert set(CounterCurrent().trainable(state)) == full.updates.keys() - params.keys()


@pytest.mark.parametrize("rule", [CounterCurrent(separation=0.5), CounterCurrent(matching="classes", separation=0.5)])
def test_a_filtered_sample_teaches_only_the_output(rule: CounterCurrent) -> None:
    net = network("mlp")
    params, state = instance(net, rule, 0)
    params["readout.weight"] = 20 * params["readout.weight"]
    data = batch(12)
    answers = net.forward(params, data.x, Wiring(state)).softmax(1)
    # Half of the samples are labelled with what the network says.
    data = data._replace(y=torch.where(torch.arange(12) % 2 == 0, answers.argmax(1), answers.argmin(1)))
    away = 1 - answers[torch.arange(12), data.y]
    wrong = away >= 0.2
    assert 3 < int((~wrong).sum()) < 9
    rest = Batch(data.x[wrong], data.y[wrong], data.index[wrong])
    filtered = replace(rule, target_filter=0.2).step(net, params, state, data, {}).updates
    alone, everyone = (rule.step(net, params, state, some, {}).updates for some in (rest, data))
    for name in filtered:
        if name.startswith("readout"):
            assert torch.equal(filtered[name], everyone[name])
        else:
            assert torch.allclose(filtered[name], alone[name], rtol=0, atol=1e-12)
            assert not torch.allclose(filtered[name], everyone[name], rtol=0, atol=1e-6)


def test_with_all_samples_filtered_levels_stand_still() -> None:
    net, rule = network("mlp"), CounterCurrent(target_filter=2.0, separation=0.5)
    params, state = instance(net, rule, 0)
    updates = rule.step(net, params, state, batch(), {}).updates
    assert all(bool((u == 0).all()) != n.startswith("readout") for n, u in updates.items())


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_centralised_updates_sum_to_zero_over_the_inputs_of_a_neuron(name: str) -> None:
    net = network(name)
    params, state = instance(net, CounterCurrent(), 0)
    plain, central = (CounterCurrent(centralise=c).step(net, params, state, batch(), {}).updates for c in (False, True))
    for key, update in central.items():
        if key.endswith(".weight"):
            assert update.flatten(1).sum(1).abs().max() < 1e-12
            taken = plain[key] - update  # one number per neuron
            assert (taken - taken.flatten(1)[:, 0].view(-1, *(1,) * (taken.ndim - 1))).abs().max() < 1e-12
        else:
            assert torch.equal(update, plain[key])


def test_feedback_neurons_have_the_nonlinearity_asked_for_except_the_lowest() -> None:
    net = network("mlp")
    params, state = instance(net, CounterCurrent(), 0)
    update = lambda activation: CounterCurrent(activation=activation).step(net, params, state, batch(), {}).updates  # noqa: E731
    elu, linear = update("elu"), update("linear")
    assert not torch.allclose(elu["feedback/readout.weight"], linear["feedback/readout.weight"])
    # Where every feedback neuron is excited, both are the same: level 0 then shows that its stage is linear in both.
    state = {n: t.abs() if n != "feedback/hidden1.weight" else t for n, t in state.items()}
    assert largest_difference(update("elu"), update("linear")) < 1e-12


def test_silent_layers_give_finite_updates() -> None:
    net, rule = network("mlp"), CounterCurrent(separation=0.5, activation="relu")
    params, state = instance(net, rule, 0)
    updates = rule.step(net, {n: 0 * t for n, t in params.items()}, {n: 0 * t for n, t in state.items()}, batch(), {})
    assert all(float(u.abs().max()) < 100 for u in updates.updates.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"matching": "pairs"}, "Option matching is 'pairs'; expected one of: samples, classes"),
        ({"similarity": "l2"}, "Option similarity is 'l2'; expected one of: cosine, product"),
        ({"distance": "l2"}, "Option distance is 'l2'; expected one of: norm, mean_square"),
        ({"activation": "step"}, "Option activation is 'step'; expected one of: "),
        ({"strength": 0.0}, "Option strength is 0.0; expected a number above 0"),
        ({"scale": -1.0}, "Option scale is -1.0; expected a number above 0"),
        ({"feedback_rate": -1.0}, "Option feedback_rate is -1.0; expected a number of at least 0"),
        ({"target_filter": -0.1}, "Option target_filter is -0.1; expected a number of at least 0"),
        ({"separation": -0.5}, "Option separation is -0.5; expected a number of at least 0"),
    ],
)
def test_a_bad_option_gives_one_line(options: dict, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        CounterCurrent(**options)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


# -- learning and cost ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", [AUTOENCODER, REGRESSION], ids=["reconstruction", "regression"])
def test_real_targets_are_learned(task) -> None:
    rule = CounterCurrent()
    net, data = network("mlp", task), real_batch(None if task is AUTOENCODER else 4, 24)
    params, state = instance(net, rule, 0)
    losses = []
    for _ in range(200):
        params, state, step = descend(rule, net, params, state, data, 0.1)
        losses.append(float(step.metrics["loss"]))
    assert losses[-1] < 0.7 * losses[0]


def test_levels_below_the_output_help_it() -> None:
    rule, net, data = CounterCurrent(matching="classes"), network("mlp"), batch(60)
    final = {}
    for learns in (True, False):
        params, state = instance(net, rule, 0)
        for _ in range(100):
            moved, state, step = descend(rule, net, params, state, data, 0.1)
            params = {n: moved[n] if learns or n.startswith("readout") else t for n, t in params.items()}
        final[learns] = float(step.metrics["loss"])
    assert final[True] < 0.5 * final[False]


def test_classes_need_labels() -> None:
    net = network("mlp", REGRESSION)
    with pytest.raises(IncompatibleError, match="matching = 'classes' needs labels"):
        DENSE.check(net)
    assert CounterCurrent().incompatibility(net) is None
    assert DENSE.incompatibility(network("mlp")) is None


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_options_run_for_a_population(rule: CounterCurrent) -> None:
    rule = replace(rule, target_filter=0.5, centralise=True)
    _require_population_equals_instances(rule, network("cnn"), [batch(12, seed) for seed in range(2)])


def test_an_autoencoder_runs_for_a_population() -> None:
    _require_population_equals_instances(
        CounterCurrent(), network("cnn", AUTOENCODER), [real_batch(None, 12, seed) for seed in range(2)]
    )


def _require_population_equals_instances(rule: CounterCurrent, net: Network, data: list[Batch]) -> None:
    groups = [instance(net, rule, seed) for seed in range(len(data))]
    alone = [rule.step(net, *group, one, {}).updates for group, one in zip(groups, data, strict=True)]
    params, state = ({n: torch.stack([g[k][n] for g in groups]) for n in groups[0][k]} for k in (0, 1))
    together = Batch(*(torch.stack(parts) for parts in zip(*data, strict=True)))
    found = vmap(lambda p, s, d: rule.step(net, p, s, d, {}).updates)(params, state, together)
    for k, one in enumerate(alone):
        assert largest_difference({n: t[k] for n, t in found.items()}, one) < 1e-12


def test_angles_compare_feedback_with_the_transposed_weight() -> None:
    net = network("mlp")
    params, state = instance(net, CounterCurrent(), 0)
    mirrored = {f"feedback/{block.name}.weight": params[f"{block.name}.weight"].T for block in net.blocks}
    assert all(float(v) < 1e-3 for v in CounterCurrent().feedback_angles(net, params, mirrored).values())
    assert set(CounterCurrent().feedback_angles(net, params, state)) == {"hidden1", "hidden2", "readout"}


def test_cost_counts_feedback_and_similarities() -> None:
    net = network("mlp")  # 64-12-9-5
    chain = 64 * 12 + 12 * 9 + 9 * 5
    local = local_cost(net)
    # One product for similarities, one for each network's gradient; the input is not taught.
    assert CounterCurrent().multiply_adds(net, 20) == local + 2 * chain + 20 * (2 * 64 + 3 * (12 + 9))
    classes = CounterCurrent(matching="classes").multiply_adds(net, 20)
    assert classes == local + 5 / 20 * 2 * chain + 5 * (2 * 64 + 3 * (12 + 9))
    fixed = CounterCurrent(matching="classes", feedback_rate=0.0).multiply_adds(net, 20)
    assert fixed == local + 5 / 20 * chain + 5 * (64 + 2 * (12 + 9))
    separated = CounterCurrent(matching="classes", separation=0.5).multiply_adds(net, 20)
    assert separated == classes + 20 * 2 * (12 + 9) + 2 * 5 * 5 / 20 * (64 + 12 + 9)
    bottleneck = network("mlp", AUTOENCODER)
    assert CounterCurrent().multiply_adds(bottleneck, 20) == local_cost(bottleneck) + 2 * (64 * 12 + 12 * 9 + 9 * 64)

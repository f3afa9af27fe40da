"""Local losses: each block descends its own loss, written down independently, and nothing crosses between blocks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from brainalign.credit.batch import Batch
from brainalign.credit.cost import forward_cost
from brainalign.credit.local_heads import pooled, similarity_features, similarity_matrix
from brainalign.errors import IncompatibleError, SpecError
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring
from brainalign.rules.backprop import Backprop
from brainalign.rules.local_losses import LocalLosses
from tests.small import NETWORKS, TASK, batch, instance, largest_difference, network

RULES = {
    "pred": LocalLosses("pred"),
    "sim": LocalLosses("sim"),
    "predsim": LocalLosses(beta=0.7),
    "pred-bpf": LocalLosses("pred", backprop_free=True),
    "sim-bpf": LocalLosses("sim", backprop_free=True),
    "predsim-bpf": LocalLosses(beta=0.7, backprop_free=True),
}


def _trained(rule: LocalLosses, net: Network, seed: int = 0) -> tuple[Params, Params]:
    """Return an instance whose prediction heads have left zero."""
    params, state = instance(net, rule, seed)
    generator = torch.Generator().manual_seed(seed)
    return params, {
        name: 0.3 * torch.randn(t.shape, generator=generator, dtype=t.dtype) if ".prediction." in name else t
        for name, t in state.items()
    }


def _own(net: Network, block: int) -> set[str]:
    """Return the names of a block's parameters and heads."""
    name = net.blocks[block].name
    return {*net.blocks[block].parameters(), *(f"head/{name}.{part}" for part in _PARTS)}


_PARTS = ("prediction.weight", "prediction.bias", "similarity.weight")


def _updates(rule: LocalLosses, net: Network, params: Params, state: Params) -> Params:
    return rule.step(net, params, state, batch(), {}).updates


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("name", ["mlp", "cnn", "rnn", "transformer"])
def test_what_lies_above_a_block_leaves_its_update_bitwise_unchanged(rule: LocalLosses, name: str) -> None:
    net = network(name)
    params, state = _trained(rule, net)
    before = _updates(rule, net, params, state)
    above = set.union(*(_own(net, k) for k in range(1, len(net.blocks))))
    shake = lambda group: {n: t + 0.1 * (n in above) for n, t in group.items()}  # noqa: E731
    after = _updates(rule, net, shake(params), shake(state))
    below = _own(net, 0) & before.keys()
    assert below > set(net.blocks[0].parameters()) or rule.backprop_free
    assert all(torch.equal(before[n], after[n]) for n in below)
    assert not all(torch.equal(before[n], after[n]) for n in before.keys() - below)


# -- an independent account of one block's loss -----------------------------------------------------------------------


def _with_transported_weights(params: Params, state: Params) -> tuple[Params, Params]:
    """Let feedback, where there is some, be the prediction head's own weight."""
    return params, {
        n: state[n.replace("feedback/", "head/")] if n.startswith("feedback/") else t for n, t in state.items()
    }


def _cosines(x: Tensor) -> Tensor:
    return torch.corrcoef(x)  # centred on the row's mean, divided by the row's norm


def _loss(rule: LocalLosses, state: Params, block: str, h: Tensor, y: Tensor) -> Tensor:
    """Return the loss of a block with activity ``h`` that is small enough not to be pooled."""
    share = {"pred": 0.0, "sim": 1.0, "predsim": rule.beta}[rule.loss]
    one_hot = F.one_hot(y, 5).to(h.dtype)
    codes = one_hot @ state[f"projection/{block}"].T if rule.backprop_free else one_hot
    total = torch.zeros((), dtype=h.dtype)
    if share < 1:
        logits = F.linear(
            h.flatten(1), state[f"head/{block}.prediction.weight"], state[f"head/{block}.prediction.bias"]
        )
        p = logits.sigmoid()
        total = total + (1 - share) * (
            -torch.where(codes > 0, p, 1 - p).log().mean()
            if rule.backprop_free
            else (logits.logsumexp(1) - (logits * one_hot).sum(1)).mean()
        )
    if share > 0:
        if not rule.backprop_free:
            weight = state[f"head/{block}.similarity.weight"]
            h = F.conv2d(h, weight, padding=1) if h.ndim == 4 else h @ weight.T
        if h.ndim == 4:
            h = h.var(dim=(2, 3)).sqrt()
        difference = _cosines(h.flatten(1)) - _cosines(codes)
        total = total + share * (difference**2).mean()
    return total


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("name", NETWORKS)
def test_update_of_a_block_is_the_gradient_of_its_own_loss_alone(rule: LocalLosses, name: str) -> None:
    net, data = network(name), batch()
    params, state = _with_transported_weights(*_trained(rule, net))
    mine = _updates(rule, net, params, state)
    x = data.x
    expected: Params = {}
    for block in net.blocks[:-1]:
        own = {n: params[n].clone().requires_grad_() for n in block.parameters()}
        heads = {n: state[n].clone().requires_grad_() for n in state if n.startswith(f"head/{block.name}.")}
        output = block.forward(own, x.detach(), Wiring(state, adapt=True))
        loss = _loss(rule, {**state, **heads}, block.name, block.represent(output), data.y)
        leaves = {**own, **heads}
        for n, g in zip(leaves, torch.autograd.grad(loss, list(leaves.values()), allow_unused=True), strict=True):
            found = torch.zeros_like(leaves[n]) if g is None else g
            expected[n] = expected[n] + found if n in expected else found
        x = output
    readout = net.blocks[-1].parameters()
    exact = Backprop().step(net, params, state, data, {}).updates
    shared = {n for block in net.blocks[:-1] for n in block.parameters()} & set(readout)
    assert not shared
    expected |= {n: exact[n] for n in readout}
    assert expected.keys() == mine.keys()
    assert largest_difference(mine, expected) < 1e-10
    assert max(float(mine[n].abs().max()) for n in net.blocks[0].parameters()) > 1e-6


# -- similarities -----------------------------------------------------------------------------------------------------


def test_similarity_matrix_agrees_with_numpy() -> None:
    x = torch.randn(7, 11, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 3
    x[4] = 2.0  # without variation
    rows = x.numpy() - x.numpy().mean(axis=1, keepdims=True)
    expected = np.zeros((7, 7))
    for i in range(7):
        for j in range(7):
            norms = np.sqrt((rows[i] ** 2).sum() * (rows[j] ** 2).sum())
            expected[i, j] = 0.0 if norms == 0 else (rows[i] * rows[j]).sum() / norms
    found = similarity_matrix(x)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-7)
    assert found.abs().max() <= 1


def test_similarity_matrix_of_labels_knows_two_values() -> None:
    # Centred one-hot vectors of k classes have cosine 1 within a class and -1 / (k - 1) between classes.
    y = torch.tensor([0, 0, 3, 4])
    found = similarity_matrix(F.one_hot(y, 5).double())
    expected = torch.where(y[:, None] == y, 1.0, -0.25).double()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-7)


def test_maps_enter_by_their_standard_deviation_over_space() -> None:
    x = torch.randn(3, 4, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    flat = x.numpy().reshape(3, 4, 30)
    np.testing.assert_allclose(similarity_features(x).numpy(), flat.std(axis=2, ddof=1))
    assert similarity_features(x[:, :3]).shape == (3, 90)
    assert similarity_features(x[:, :, :1, :1]).shape == (3, 4)


def test_silent_activity_gives_finite_updates() -> None:
    for name in ("mlp", "cnn-plain"):
        net, rule = network(name), RULES["predsim"]
        params, state = _trained(rule, net)
        first = net.blocks[0].parameters()
        dead = {n: -t.abs() if n in first else t for n, t in params.items()}
        data = batch()
        step = rule.step(net, dead, state, Batch(data.x.abs(), data.y, data.index), {})
        assert all(torch.isfinite(u).all() for u in step.updates.values())


# -- pooling ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "limit", "expected"),
    [
        ((4, 8, 8), 256, (4, 8, 8)), ((4, 8, 8), 255, (4, 4, 8)), ((4, 8, 8), 64, (4, 4, 4)),
        ((4, 5, 3), 30, (4, 3, 2)), ((4, 5, 1), 8, (4, 2, 1)), ((4, 8, 8), 1, (4, 1, 1)), ((9, 6), 20, (3, 6)),
        ((50,), 10, (50,)),
    ],
)  # fmt: skip
def test_pooling_keeps_features_below_the_limit_where_positions_allow(
    shape: tuple[int, ...], limit: int, expected: tuple[int, ...]
) -> None:
    assert tuple(pooled(torch.zeros(2, *shape), limit).shape[1:]) == expected


def test_pooling_averages_what_is_there() -> None:
    x = torch.arange(5.0).view(1, 1, 5, 1)
    assert pooled(x, 3).flatten().tolist() == [0.5, 2.5, 4.0]
    tokens = torch.arange(10.0).view(1, 5, 2)
    assert pooled(tokens, 6).tolist() == [[[1.0, 2.0], [5.0, 6.0], [8.0, 9.0]]]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("name", ["cnn", "transformer"])
def test_heads_that_pool_run(rule: LocalLosses, name: str) -> None:
    net, small = network(name), replace(rule, head_features=10)
    params, state = _trained(small, net)
    updates = _updates(small, net, params, state)
    sizes = {n: u.shape for n, u in updates.items() if n.endswith("prediction.weight")}
    full = _updates(rule, net, *_trained(rule, net))
    assert all(sizes[n][1] < full[n].shape[1] for n in list(sizes)[:1])
    assert all(torch.isfinite(u).all() for u in updates.values())


@pytest.mark.parametrize(("key", "reads_pooled"), [("sim", False), ("sim-bpf", True)])
def test_only_the_similarity_without_a_head_reads_pooled_maps(key: str, reads_pooled: bool) -> None:
    net = network("cnn")
    params, state = instance(net, RULES[key], 0)
    full, small = (_updates(rule, net, params, state) for rule in (RULES[key], replace(RULES[key], head_features=20)))
    assert torch.equal(full["conv1.weight"], small["conv1.weight"]) is not reads_pooled


# -- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bpf", [False, True])
@pytest.mark.parametrize(("beta", "loss"), [(0.0, "pred"), (1.0, "sim")])
@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_predsim_ends_in_its_two_losses(beta: float, loss: str, bpf: bool, name: str) -> None:
    net = network(name)
    mixed, alone = LocalLosses(beta=beta, backprop_free=bpf), LocalLosses(loss, beta=0.3, backprop_free=bpf)
    params, state = _trained(mixed, net)
    mine, other = (_updates(rule, net, params, state) for rule in (mixed, alone))
    assert largest_difference(mine, other) == 0
    # Halfway, blocks get the mean of both ends.
    half = LocalLosses(beta=0.5, backprop_free=bpf)
    _, both = _trained(half, net)
    updates = [_updates(rule, net, params, both) for rule in (replace(half, beta=0.0), replace(half, beta=1.0), half)]
    blocks = [{n: u[n] for n in params if not n.startswith("readout")} for u in updates]
    mean = {n: (blocks[0][n] + blocks[1][n]) / 2 for n in blocks[0]}
    assert largest_difference(mean, blocks[2]) < 1e-12


@pytest.mark.parametrize("name", NETWORKS)
def test_heads_of_zero_teach_nothing_in_the_first_step_of_pred_alone(name: str) -> None:
    net = network(name)
    hidden = {n for block in net.blocks[:-1] for n in block.parameters()}

    def taught(rule: LocalLosses) -> float:
        updates = _updates(rule, net, *instance(net, rule, 0))
        return max(float(updates[n].abs().max()) for n in hidden)

    assert taught(RULES["pred"]) == 0
    assert all(taught(rule) > 1e-8 for key, rule in RULES.items() if key != "pred")


# -- heads without backpropagation ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_with_the_heads_own_weight_as_feedback_it_is_the_ordinary_rule(name: str) -> None:
    net = network(name)
    free, ordinary = LocalLosses("pred", backprop_free=True, n_projections=0), RULES["pred"]
    params, state = _trained(free, net)
    exact = _updates(ordinary, net, params, state)
    assert largest_difference(_updates(free, net, *_with_transported_weights(params, state)), exact) < 1e-12
    assert largest_difference(_updates(free, net, params, state), exact) > 1e-6


@pytest.mark.parametrize(("rule", "blind"), [("pred-bpf", True), ("predsim-bpf", True), ("pred", False)])
def test_with_fixed_feedback_a_head_counts_only_through_its_error(rule: str, blind: bool) -> None:
    net, data = network("mlp"), batch(4)
    params, state = _trained(RULES[rule], net)
    h = (data.x.flatten(1) @ params["hidden1.weight"].T).relu()
    unseen = torch.linalg.svd(h).Vh[-1]  # a direction that no sample of the batch has
    name = "head/hidden1.prediction.weight"
    other = {**state, name: torch.cat([state[name][:1] + unseen, state[name][1:]])}
    one, two = (RULES[rule].step(net, params, s, data, {}).updates for s in (state, other))
    assert (
        largest_difference({"": one["head/hidden1.prediction.bias"]}, {"": two["head/hidden1.prediction.bias"]}) < 1e-12
    )
    assert (largest_difference({"": one["hidden1.weight"]}, {"": two["hidden1.weight"]}) < 1e-12) is blind


def test_angles_are_those_of_feedback_to_heads() -> None:
    net, rule = network("rnn"), RULES["predsim-bpf"]
    params, state = instance(net, rule, 0)
    assert all(float(a) == pytest.approx(90) for a in rule.feedback_angles(net, params, state).values())
    copied = _with_transported_weights(*_trained(rule, net))
    angles = rule.feedback_angles(net, *copied)
    assert list(angles) == ["rnn1", "rnn2"]
    assert all(float(a) < 1e-4 for a in angles.values())
    for key in ("predsim", "sim-bpf"):
        assert RULES[key].feedback_angles(net, *instance(net, RULES[key], 0)) == {}


# -- heads as state, tasks, cost, options -----------------------------------------------------------------------------


def test_heads_are_trained_and_projections_are_not() -> None:
    net = network("mlp")
    heads = {f"head/hidden{k}.{part}" for k in (1, 2) for part in _PARTS}
    assert set(RULES["predsim"].trainable(RULES["predsim"].init(net, {}, torch.Generator()))) == heads
    free = RULES["predsim-bpf"].init(net, {}, torch.Generator())
    assert set(RULES["predsim-bpf"].trainable(free)) == {n for n in heads if "prediction" in n}
    assert {n for n in free if not n.startswith("head/")} == {
        f"{group}/hidden{k}{end}"
        for k in (1, 2)
        for group, end in (("feedback", ".prediction.weight"), ("projection", ""))
    }
    assert free["projection/hidden1"].shape == (128, 5)
    assert not torch.equal(free["projection/hidden1"], free["projection/hidden2"])


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("objective", ["regression", "reconstruction"])
def test_real_targets_are_learned(rule: LocalLosses, objective: str) -> None:
    task = replace(TASK, n_outputs=64 if objective == "reconstruction" else 6, objective=objective)
    net = network("mlp", task)
    params, state = instance(net, rule, 0)
    x = batch(16).x
    y = x.flatten(1) if objective == "reconstruction" else x.flatten(1)[:, :6].tanh()
    data, losses = Batch(x, y, torch.arange(16)), []
    for _ in range(60):
        step = rule.step(net, params, state, data, {})
        assert step.updates.keys() == params.keys() | set(rule.trainable(state))
        params = {n: p - 0.2 * step.updates[n] for n, p in params.items()}
        state = {n: t - 0.2 * step.updates[n] if n.startswith("head/") else t for n, t in state.items()}
        losses.append(float(step.metrics["loss"]))
    assert losses[-1] < 0.95 * losses[0]


@pytest.mark.parametrize("key", ["pred", "sim", "predsim"])
def test_real_targets_have_squared_errors_and_similarities(key: str) -> None:
    task = replace(TASK, n_outputs=6, objective="regression")
    net, rule, data = network("mlp", task), RULES[key], batch()
    params, state = _trained(rule, net)
    y = torch.randn(12, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    w = params["hidden1.weight"].clone().requires_grad_()
    h = (data.x.flatten(1) @ w.T).relu()
    share = {"pred": 0.0, "sim": 1.0, "predsim": rule.beta}[key]
    total = torch.zeros((), dtype=torch.float64)
    if share < 1:
        answer = h @ state["head/hidden1.prediction.weight"].T + state["head/hidden1.prediction.bias"]
        total = total + (1 - share) * ((answer - y) ** 2).mean()
    if share > 0:
        features = h @ state["head/hidden1.similarity.weight"].T
        total = total + share * ((_cosines(features) - _cosines(y)) ** 2).mean()
    (expected,) = torch.autograd.grad(total, w)
    found = rule.step(net, params, state, Batch(data.x, y, data.index), {}).updates["hidden1.weight"]
    torch.testing.assert_close(found, expected)


def test_one_real_target_has_no_similarity_pattern() -> None:
    net = network("mlp", replace(TASK, n_outputs=1, objective="regression"))
    for key in ("sim", "predsim"):
        with pytest.raises(IncompatibleError, match="targets of one value"):
            RULES[key].init(net, {}, torch.Generator())
    for key in ("pred", "sim-bpf", "predsim-bpf"):
        RULES[key].check(net)


def test_cost_is_the_products_written_down() -> None:
    net = network("mlp")  # 64-12-9-5
    forward = sum(forward_cost(net).values())
    assert forward == 64 * 12 + 12 * 9 + 9 * 5
    pred, sim, free = (RULES[key].multiply_adds(net, 10) for key in ("pred", "sim", "predsim-bpf"))
    assert pred == 2 * forward + 3 * 5 * (12 + 9)
    assert sim == 2 * forward + 3 * (12**2 + 9**2) + 10 * 2 * (12 + 9) + 10 * 5
    assert free == 2 * forward + 3 * 128 * (12 + 9) + 10 * 2 * (12 + 9) + 2 * 128 * (5 + 10)
    maps = network("cnn-plain")  # 8 x 8 to 4 channels of 4 x 4
    assert RULES["sim"].multiply_adds(maps, 2) == sum(
        (2 * sum(forward_cost(maps).values()), 3 * 4 * 4 * 9 * 16, 2 * 2 * 4, 2 * 5)
    )


@pytest.mark.parametrize("options", [{"loss": "predsym"}, {"beta": 1.5}, {"head_features": 0}, {"n_projections": -1}])
def test_a_bad_option_gives_one_line(options: dict) -> None:
    (name,) = options
    with pytest.raises(SpecError, match=f"Option {name} is .*; expected "):
        LocalLosses(**options)

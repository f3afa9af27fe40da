"""F3 against the rules it contains, and its store against what it should hold."""

from itertools import product

import pytest
import torch
from torch.func import vmap

from brainalign.credit.batch import Batch
from brainalign.datasets.task import Task
from brainalign.errors import IncompatibleError, SpecError
from brainalign.networks.architecture import architecture
from brainalign.networks.network import Network
from brainalign.networks.wiring import Wiring
from brainalign.rules.backprop import Backprop
from brainalign.rules.delayed_feedback import DelayedFeedback
from brainalign.rules.direct_feedback_alignment import DirectFeedbackAlignment
from brainalign.rules.direct_random_target_projection import DirectRandomTargetProjection
from brainalign.rules.learning_rule import LearningRule
from tests.small import NETWORKS, TASK, batch, descend, instance, network

OBJECTIVES = {
    "classification": TASK,
    "regression": Task((1, 8, 8), 3, 64, "regression"),
    "reconstruction": Task((1, 8, 8), 64, 64, "reconstruction"),
}
DELAYED = ("delayed_error", "delayed_error_softmax", "delayed_loss", "delayed_loss_softmax")


def samples(task: Task, rows: slice, seed: int = 0) -> Batch:
    """Return some of the task's 64 training samples, always the same by index."""
    whole = batch(64, seed, task=task)
    y = whole.y
    if task.objective == "regression":
        y = torch.randn(64, task.n_outputs, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    if task.objective == "reconstruction":
        y = whole.x.flatten(1)
    return Batch(whole.x[rows], y[rows], whole.index[rows])


def wanted(task: Task, data: Batch) -> torch.Tensor:
    return torch.nn.functional.one_hot(data.y, 5).double() if task.objective == "classification" else data.y


def run(rule: LearningRule, net: Network, batches: list[Batch], feedback: dict | None = None) -> list[dict]:
    params, state = instance(net, rule, 0)
    state |= feedback or {}
    history = []
    for data in batches:
        params, state, step = descend(rule, net, params, state, data, 0.1)
        history.append({**params, **{n: u + 0 for n, u in step.updates.items()}, **step.metrics})
    return history


@pytest.mark.parametrize(
    ("error_information", "objective"),
    [
        *product([*DELAYED, "one_hot_target"], OBJECTIVES),
        ("delayed_error_one_hot", "classification"),
        ("delayed_loss_one_hot", "classification"),
    ],
)
def test_first_epoch_is_random_target_projection_to_the_bit(error_information: str, objective: str) -> None:
    task = OBJECTIVES[objective]
    net, epoch = network("mlp", task), [samples(task, slice(k, k + 16)) for k in range(0, 64, 16)]
    mine = run(DelayedFeedback(error_information, scale=0.5), net, epoch)
    theirs = run(DirectRandomTargetProjection(scale=0.5), net, epoch)
    for a, b in zip(mine, theirs, strict=True):
        assert a.keys() == b.keys()
        assert all(torch.equal(a[n], b[n]) for n in a)
    if error_information != "one_hot_target":  # and the second is not
        a, b = (run(r(scale=0.5), net, epoch * 2)[-1] for r in (DelayedFeedback, DirectRandomTargetProjection))
        assert not torch.equal(a["hidden1.weight"], b["hidden1.weight"])


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("name", ["mlp", "transformer"])
def test_current_error_is_direct_feedback_alignment_to_the_bit(objective: str, name: str) -> None:
    task = OBJECTIVES[objective]
    net, steps = network(name, task), [samples(task, slice(0, 16))] * 3
    _, shared = instance(net, DirectFeedbackAlignment(), 0)
    feedback = {n: b for n, b in shared.items() if n.startswith("feedback/")}
    mine = run(DelayedFeedback("current_error"), net, steps, feedback)
    theirs = run(DirectFeedbackAlignment(), net, steps, feedback)
    assert all(torch.equal(a[n], b[n]) for a, b in zip(mine, theirs, strict=True) for n in b)


@pytest.mark.parametrize("name", NETWORKS)
def test_zeros_train_the_readout_alone(name: str) -> None:
    net, rule, data = network(name), DelayedFeedback("zeros"), batch()
    params, state = instance(net, rule, 0)
    mine, exact = (r.step(net, params, state, data, {}).updates for r in (rule, Backprop()))
    readout = net.blocks[-1].parameters()
    for n in params:
        if n in readout:
            torch.testing.assert_close(mine[n], exact[n], rtol=1e-9, atol=1e-12)
        else:
            assert torch.equal(mine[n], torch.zeros_like(params[n]))
    assert rule.feedback_angles(net, params, state) == {}
    assert rule.multiply_adds(net, 12) < DelayedFeedback().multiply_adds(net, 12)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("error_information", DELAYED)
def test_one_pass_stores_the_error_of_the_output_before_the_update(objective: str, error_information: str) -> None:
    task = OBJECTIVES[objective]
    net, rule = network("mlp", task), DelayedFeedback(error_information)
    params, state = instance(net, rule, 0)
    expected = torch.zeros(64, task.n_outputs, dtype=torch.float64)
    for start in (0, 16, 32):
        data = samples(task, slice(start, start + 16))
        output = net.forward(params, data.x, Wiring(state))
        if objective == "classification":
            expected[data.index] = _information(error_information, output, wanted(task, data))
        else:
            expected[data.index] = data.y - output
        params, state, _ = descend(rule, net, params, state, data, 0.1)
    torch.testing.assert_close(state["delayed/error"], expected)
    assert state["delayed/seen"].tolist() == [1.0] * 48 + [0.0] * 16


def _information(kind: str, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Differentiate the losses numerically exactly, where the rule has closed forms."""
    squash = (lambda z: z.softmax(1)) if kind.endswith("softmax") else torch.sigmoid
    if "error" in kind:
        return y - squash(z)
    if kind == "delayed_loss":  # with respect to the logistic output
        at, loss = torch.sigmoid(z).detach().requires_grad_(), lambda p: p
    else:  # with respect to the logits
        at, loss = z.detach().clone().requires_grad_(), squash
    torch.nn.functional.binary_cross_entropy(loss(at), y, reduction="sum").backward()
    assert at.grad is not None
    return -at.grad


@pytest.mark.parametrize(
    ("kind", "size", "right", "wrong"),
    [
        ("delayed_loss", 60.0, [1, -1, -1], [-100, 100, -1]),
        # Of s = (1, tiny, tiny) where class 1 is right: tiny / (1 - s_0) is a half.
        ("delayed_loss_softmax", 8.0, [0, 0, 0], [-2, 1.5, 0.5]),
        ("delayed_loss_softmax", 60.0, [0, 0, 0], [-2, 1, 0]),
    ],
)
def test_loss_information_of_confident_answers(kind: str, size: float, right: list[float], wrong: list[float]) -> None:
    net = architecture("mlp", {"widths": (2,)}).build(Task((1, 1, 1), 3, 2))
    rule = DelayedFeedback(kind)
    params, state = instance(net, rule, 0, torch.float32)
    params = {n: torch.zeros_like(p) for n, p in params.items()}
    params["readout.bias"] = torch.tensor([size, -size, -size])
    data = Batch(torch.ones(2, 1, 1, 1), torch.tensor([0, 1]), torch.arange(2))
    stored = rule.step(net, params, state, data, {}).state["delayed/error"]
    assert stored[0].tolist() == pytest.approx(right, abs=1e-5)
    assert stored[1].tolist() == pytest.approx(wrong, abs=1e-5)


@pytest.mark.parametrize("objective", ["classification", "regression"])
@pytest.mark.parametrize("one_hot", [False, True])
def test_second_epoch_uses_the_stored_error(objective: str, one_hot: bool) -> None:
    task = OBJECTIVES[objective]
    net = architecture("mlp", {"widths": (12,), "activation": "tanh"}).build(task)
    rule = DelayedFeedback("delayed_error_one_hot" if one_hot else "delayed_error")
    if one_hot and objective == "regression":
        with pytest.raises(IncompatibleError, match="'delayed_error_one_hot' needs classes; for regression choose"):
            rule.check(net)
        return
    params, state = instance(net, rule, 0)
    first = samples(task, slice(0, 16))
    output = net.forward(params, first.x, Wiring(state))
    error = wanted(task, first) - (output.sigmoid() if objective == "classification" else output)
    params, state, _ = descend(rule, net, params, state, first, 0.5)
    params, state, _ = descend(rule, net, params, state, samples(task, slice(16, 32)), 0.5)

    order = torch.tensor([5, 40, 2, 11])  # 40 was not seen: its target stands in
    whole = samples(task, slice(0, 64))
    again = Batch(whole.x[order], whole.y[order], order)
    e = torch.stack([error[5], wanted(task, whole)[40], error[2], error[11]])
    e = e * wanted(task, again) if one_hot else e
    factor = 1 / 4 if objective == "classification" else 2 / (4 * 3)
    x = again.x.flatten(1)
    h = (x @ params["hidden1.weight"].T + params["hidden1.bias"]).tanh()
    delta = -factor * (e @ state["feedback/hidden1"]) * (1 - h**2)
    step = rule.step(net, params, state, again, {})
    torch.testing.assert_close(step.updates["hidden1.weight"], delta.T @ x)
    untouched = [k for k in range(64) if k not in order.tolist()]
    assert torch.equal(step.state["delayed/error"][untouched], state["delayed/error"][untouched])


def test_ones_stand_in_until_a_sample_was_seen() -> None:
    net, data = architecture("mlp", {"widths": (12,), "activation": "tanh"}).build(TASK), batch()
    updates = {}
    for kind in ("delayed_error", "delayed_error_one_hot"):
        rule = DelayedFeedback(kind, initial="ones")
        params, state = instance(net, rule, 0)
        updates[kind] = rule.step(net, params, state, data, {}).updates["hidden1.bias"]
    h = (data.x.flatten(1) @ params["hidden1.weight"].T).tanh()
    delta = -(torch.ones(12, 5).double() @ state["feedback/hidden1"]) * (1 - h**2) / 12
    torch.testing.assert_close(updates["delayed_error"], delta.sum(0))
    target = DirectRandomTargetProjection().step(net, params, state, data, {}).updates
    torch.testing.assert_close(updates["delayed_error_one_hot"], target["hidden1.bias"])


def test_a_population_keeps_its_stores_apart() -> None:
    net, rule = network("mlp"), DelayedFeedback()
    pairs = [instance(net, rule, seed) for seed in range(2)]
    params, state = ({n: torch.stack([pair[k][n] for pair in pairs]) for n in pairs[0][k]} for k in (0, 1))
    orders = torch.stack([torch.arange(10), torch.arange(20, 30)])
    whole = samples(TASK, slice(0, 64))
    new = vmap(lambda p, s, b: rule.step(net, p, s, b, {}).state)(
        params, state, Batch(whole.x[orders], whole.y[orders], orders)
    )
    for seed in range(2):
        assert torch.nonzero(new["delayed/seen"][seed]).flatten().tolist() == orders[seed].tolist()
        assert torch.nonzero(new["delayed/error"][seed].abs().sum(1)).flatten().tolist() == orders[seed].tolist()


def test_bad_options_give_one_line() -> None:
    with pytest.raises(SpecError, match="error_information is 'error'; expected one of: delayed_error, "):
        DelayedFeedback("error")
    with pytest.raises(SpecError, match="initial is 'zeros'; expected one of: target, ones"):
        DelayedFeedback(initial="zeros")
    with pytest.raises(SpecError, match="feedback is 'gauss'"):
        DelayedFeedback(feedback="gauss")

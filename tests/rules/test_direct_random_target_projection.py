"""Direct random target projection against its closed form; the draws of its feedback weights."""

import pytest
import torch

from brainalign.credit.batch import Batch
from brainalign.credit.direct_feedback import direct_feedback
from brainalign.credit.feedback_draws import FEEDBACKS, draw_matrix
from brainalign.datasets.task import Task
from brainalign.errors import IncompatibleError, SpecError
from brainalign.networks.architecture import architecture
from brainalign.rules.backprop import Backprop
from brainalign.rules.direct_random_target_projection import DirectRandomTargetProjection
from tests.small import NETWORKS, TASK, batch, instance, network

VALUES = (-1.0, 0.0, 1.0)


@pytest.mark.parametrize("objective", ["classification", "regression"])
def test_one_hidden_layer_closed_form(objective: str) -> None:
    task = Task((1, 8, 8), 5, 64, objective)  # type: ignore[arg-type]
    net = architecture("mlp", {"widths": (12,), "activation": "tanh"}).build(task)
    rule, data = DirectRandomTargetProjection(scale=0.7), batch()
    wanted = torch.nn.functional.one_hot(data.y, 5).double()
    factor = 1 / 12
    if objective == "regression":
        wanted = torch.randn(12, 5, dtype=torch.float64)
        data, factor = Batch(data.x, wanted, data.index), 2 / (12 * 5)
    params, state = instance(net, rule, 0)
    x = data.x.flatten(1)
    h = (x @ params["hidden1.weight"].T).tanh()
    delta = -factor * (wanted @ state["feedback/hidden1"]) * (1 - h**2)
    updates = rule.step(net, params, state, data, {}).updates
    torch.testing.assert_close(updates["hidden1.weight"], delta.T @ x)
    torch.testing.assert_close(updates["hidden1.bias"], delta.sum(0))
    exact = Backprop().step(net, params, state, data, {}).updates
    torch.testing.assert_close(updates["readout.weight"], exact["readout.weight"])


@pytest.mark.parametrize("name", NETWORKS)
def test_hidden_updates_do_not_depend_on_the_readout(name: str) -> None:
    net, rule, data = network(name), DirectRandomTargetProjection(), batch()
    params, state = instance(net, rule, 0)
    readout = net.blocks[-1].parameters()
    other = {n: p + 1 if n in readout else p for n, p in params.items()}
    a, b = (rule.step(net, p, state, data, {}).updates for p in (params, other))
    hidden = [n for n in params if n not in readout]
    assert all(torch.equal(a[n], b[n]) for n in hidden)
    assert any(not torch.equal(a[n], b[n]) for n in readout)


@pytest.mark.parametrize("feedback", ["kaiming_uniform", "binomial"])
def test_forward_weights_align_with_the_feedback(feedback: str) -> None:
    net = architecture("mlp", {"widths": (40,), "activation": "tanh"}).build(TASK)
    rule, data = DirectRandomTargetProjection(feedback, scale=1), batch(60)
    params, state = instance(net, rule, 0)
    before = rule.feedback_angles(net, params, state)
    for _ in range(200):
        updates = rule.step(net, params, state, data, {}).updates
        params = {n: p - 0.1 * updates[n] for n, p in params.items()}
    after = rule.feedback_angles(net, params, state)
    assert set(before) == {"hidden1"}
    assert before["hidden1"] > 75
    assert after["hidden1"] < before["hidden1"] - 15


def draw(feedback: str, width: int = 7, n_outputs: int = 3, scale: float = 1.0, values=VALUES) -> torch.Tensor:
    return draw_matrix(feedback, n_outputs, width, torch.Generator().manual_seed(0), scale, values)


@pytest.mark.parametrize("feedback", FEEDBACKS)
def test_every_draw_is_scaled_and_shaped(feedback: str) -> None:
    width = 27 if feedback == "cartesian_product" else 7
    one = draw(feedback, width)
    assert (one.shape, one.dtype) == ((3, width), torch.float32)
    torch.testing.assert_close(draw(feedback, width, scale=-0.5), -0.5 * one)
    assert one.abs().max() > 0


def test_random_draws() -> None:
    wide = draw("kaiming_uniform", 4000)
    assert float(wide.std()) == pytest.approx((3 * 4000) ** -0.5, rel=0.02)
    assert float(wide.abs().max()) <= 4000**-0.5
    line = draw("kaiming_uniform_repeat_line")
    assert torch.equal(line, line[:, :1].expand(3, 7))
    assert len(line[:, 0].unique()) == 3
    for feedback, values in (("trinomial", (-1, 0, 1)), ("binomial", (0, 1)), ("discrete_uniform", (-2.0, 0.5))):
        matrix = draw(feedback, 4000, values=(-2.0, 0.5))
        assert matrix.unique().tolist() == list(values)
        for value in values:
            assert float((matrix == value).float().mean()) == pytest.approx(1 / len(values), abs=0.02)


def test_structured_draws() -> None:
    eye = torch.eye(3)
    assert torch.equal(draw("identity_fill_zero"), torch.cat([eye, torch.zeros(3, 4)], 1))
    assert torch.equal(draw("identity_repeat"), torch.cat([eye, eye, eye[:, :1]], 1))
    assert torch.equal(draw("identity_repeat_pm"), torch.cat([eye, -eye, eye[:, :1]], 1))
    assert torch.equal(draw("identity_fill_zero", 2), eye[:, :2])
    assert torch.equal(draw("constant"), torch.ones(3, 7))
    assert draw("alternate_negative").tolist() == [[-1, 1, -1, 1, -1, 1, -1]] * 3
    assert draw("chunked_negative").tolist() == [[1, 1, 1, -1, -1, -1, -1]] * 3
    product = draw("cartesian_product", 8, values=(0.0, 1.0))
    assert sorted(product.T.tolist()) == [[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)]
    assert draw("cartesian_product", 3, n_outputs=1).tolist() == [[-1, 0, 1]]


def test_every_layer_has_its_own_draw() -> None:
    _, state = instance(network("mlp"), DirectRandomTargetProjection("trinomial"), 0)
    assert {name: tuple(b.shape) for name, b in direct_feedback(state).items()} == {
        "hidden1": (5, 12),
        "hidden2": (5, 9),
    }


def test_bad_options_give_one_line() -> None:
    with pytest.raises(SpecError, match="feedback is 'gauss'; expected one of: kaiming_uniform"):
        DirectRandomTargetProjection("gauss")
    with pytest.raises(SpecError, match="scale is 0"):
        DirectRandomTargetProjection(scale=0)
    with pytest.raises(SpecError, match="values is"):
        DirectRandomTargetProjection(values=())
    rule = DirectRandomTargetProjection("cartesian_product")
    with pytest.raises(IncompatibleError, match="needs 243 features in every hidden block, and 'hidden1' has 12"):
        rule.check(network("mlp"))
    rule.check(architecture("mlp", {"widths": (243, 243)}).build(TASK))

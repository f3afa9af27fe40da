"""Top-down credit: the exact gradient as credit is backprop; kernels, counts, trained credit networks, refusals."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from brainalign.credit.chain import blockwise
from brainalign.credit.objective import loss, output_error
from brainalign.datasets.task import Task
from brainalign.errors import DataError, IncompatibleError, SpecError
from brainalign.networks.architecture import architecture
from brainalign.networks.wiring import Wiring
from brainalign.rules.backprop import Backprop
from brainalign.rules.top_down_credit import PHI, STRUCTURE, TopDownCredit, trained_credit
from brainalign.specs import TrainSpec
from brainalign.storage import write_tensors
from brainalign.training.train import train
from tests.small import NETWORKS, TASK, batch, instance, largest_difference, network


@dataclass(frozen=True)
class ExactCredit(TopDownCredit):
    """Hands out the gradient of the loss at every block's output."""

    def credits(self, network, params, state, batch, outputs):
        def above(k, h):
            for block in network.blocks[k + 1 :]:
                h = block.forward(params, h, Wiring(state, adapt=True))
            return loss(network.task, h, batch.y)

        return [torch.func.grad(lambda h, k=k: above(k, h))(h) for k, h in enumerate(outputs)]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_exact_gradient_as_credit_reproduces_backprop(name: str) -> None:
    net, rule, data = network(name), ExactCredit(), batch()
    params, state = instance(net, rule, 0)
    mine, exact = (r.step(net, params, state, data, {}).updates for r in (rule, Backprop()))
    assert largest_difference(mine, exact) < 1e-12
    other = TopDownCredit().step(net, params, state, data, {}).updates
    assert largest_difference(other, exact) > 1e-3


@pytest.mark.parametrize("derivative", [True, False])
def test_one_hidden_layer_closed_form(derivative: bool) -> None:
    net = architecture("mlp", {"widths": (12,), "activation": "tanh"}).build(TASK)
    rule, data = TopDownCredit(hidden=(7,), diffusion=3, derivative=derivative), batch()
    params, state = instance(net, rule, 0)
    x = data.x.flatten(1)
    h = (x @ params["hidden1.weight"].T).tanh()
    e = (h @ params["readout.weight"].T).softmax(1) - torch.nn.functional.one_hot(data.y, 5)
    phi = state[PHI] = state[PHI] + 0.3  # biases, too
    weights = phi[:35].view(7, 5), phi[35:42], phi[42:63].view(3, 7), phi[63:]
    at_rest = weights[1].tanh() @ weights[2].T
    k = (e @ weights[0].T + weights[1]).tanh() @ weights[2].T - at_rest
    delta = 0.3 * k @ state["credit/kernel/hidden1"].T / len(e) * (1 - h**2 if derivative else 1)
    updates = rule.step(net, params, state, data, {}).updates
    torch.testing.assert_close(updates["hidden1.weight"], delta.T @ x)
    torch.testing.assert_close(updates["hidden1.bias"], delta.sum(0))
    torch.testing.assert_close(updates["readout.weight"], e.T @ h / len(e))


def test_credits_of_neurons_are_outputs_of_the_credit_network_layer_by_layer() -> None:
    net, rule, data = network("mlp"), TopDownCredit(hidden=(), diffusion=0, readout="credit", scale=1), batch()
    params, state = instance(net, rule, 0)
    outputs = blockwise(net, params, state, data.x)[0]
    credits = rule.credits(net, params, state, data, outputs)
    assert [tuple(c.shape) for c in credits] == [(12, 12), (12, 9), (12, 5)]
    matrix, e = state[PHI][: 26 * 5].view(26, 5), output_error(TASK, outputs[-1], data.y)
    torch.testing.assert_close(torch.cat(credits, 1), e @ matrix.T)


def test_what_is_read() -> None:
    net, data = network("mlp"), batch()
    rule = TopDownCredit(hidden=(), diffusion=0, reads=("answer", "target"))
    params, state = instance(net, rule, 0)
    n, error = rule.top(net), TopDownCredit(hidden=(), diffusion=0)
    assert (n.n_in, error.top(net).n_in) == (10, 5)
    matrix = state[PHI][: 21 * 5].view(21, 5)
    # answer - target is the error of classes, so weights of opposite sign read the same
    both = {**state, PHI: torch.cat([torch.cat([matrix, -matrix], 1).flatten(), state[PHI][210:]])}
    alone = {**state, PHI: torch.cat([matrix.flatten(), state[PHI][210:]])}
    a, b = (r.step(net, params, s, data, {}).updates for r, s in ((rule, both), (error, alone)))
    assert largest_difference(a, b) < 1e-12


@pytest.mark.parametrize("name", NETWORKS)
def test_kernels_are_fixed_and_shaped_for_the_network(name: str) -> None:
    net, rule, data = network(name), TopDownCredit(diffusion=6), batch()
    params, state = instance(net, rule, 0)
    shapes = {n.removeprefix("credit/kernel/"): tuple(t.shape) for n, t in state.items() if "kernel" in n}
    assert list(shapes.values()) == [(torch.Size(s).numel(), 6) for s in net.output_shapes[:-1]]
    step = rule.step(net, params, state, data, {})
    assert not [n for n in (*step.updates, *step.state) if n.startswith("credit/")]
    assert rule.trainable(state) == ()


def test_diffusion_makes_the_number_of_parameters_independent_of_the_network() -> None:
    small, large = (architecture("mlp", {"widths": w}).build(TASK) for w in ((12, 9), (256, 256)))
    full, diffused = TopDownCredit(diffusion=0), TopDownCredit(diffusion=16)
    assert [full.top(net).n_parameters for net in (small, large)] == [32 * 6 + 33 * 21, 32 * 6 + 33 * 512]
    assert [diffused.top(net).n_parameters for net in (small, large)] == [32 * 6 + 33 * 16] * 2
    assert TopDownCredit(readout="credit").top(small).n_parameters == 32 * 6 + 33 * 21
    assert full.multiply_adds(small, 1) < diffused.multiply_adds(small, 1)


@pytest.mark.parametrize("reads", [("error",), ("answer", "target")])
def test_there_is_no_credit_where_there_is_no_error(reads: tuple[str, ...]) -> None:
    task = Task((1, 8, 8), 2, 64, "regression")
    net, rule = network("mlp", task), TopDownCredit(reads=reads, readout="credit")
    params, state = instance(net, rule, 0)
    state[PHI] = state[PHI] + 0.3
    data = batch(8, task=task)
    outputs = blockwise(net, params, state, data.x)[0]
    met, missed = (data._replace(y=outputs[-1].detach() + gap) for gap in (0, 1))
    assert all(not c.any() for c in rule.credits(net, params, state, met, outputs))
    assert all(c.any() for c in rule.credits(net, params, state, missed, outputs))


def test_regression_reads_the_error_of_its_own_loss() -> None:
    task = Task((1, 8, 8), 2, 64, "regression")
    net, rule = network("mlp", task), TopDownCredit()
    data = batch(8, task=task)._replace(y=torch.randn(8, 2, dtype=torch.float64))
    params, state = instance(net, rule, 0)
    outputs = blockwise(net, params, state, data.x)[0]
    emitted = rule.top(net)(state[PHI], outputs[-1] - data.y) / 8
    expected = 0.3 * emitted @ state["credit/kernel/hidden1"].T
    torch.testing.assert_close(rule.credits(net, params, state, data, outputs)[0], expected)


@pytest.mark.parametrize("reads", [("answer", "target"), ("output", "target"), ("answer", "target", "activity")])
def test_no_gradient_of_a_loss_enters_and_the_readout_too_is_taught_by_credit(
    reads: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    net, rule, data = network("mlp"), TopDownCredit(reads=reads, readout="credit"), batch()
    params, state = instance(net, rule, 0)
    before = rule.step(net, params, state, data, {}).updates

    def poisoned(task: Task, output: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        del task, y
        return torch.full_like(output, torch.nan)

    monkeypatch.setattr("brainalign.rules.top_down_credit.output_error", poisoned)
    after = rule.step(net, params, state, data, {}).updates
    assert largest_difference(after, before) == 0
    for other in (TopDownCredit(reads=reads), TopDownCredit(readout="credit")):  # these need it
        state = instance(net, other, 0)[1]
        assert other.step(net, params, state, data, {}).updates["readout.weight"].isnan().any()


def test_activities_are_gathered_by_kernels_and_each_layer_is_told_of_its_own() -> None:
    net = architecture("mlp", {"widths": (12, 9), "activation": "tanh"}).build(TASK)
    rule, data = (
        TopDownCredit(hidden=(), diffusion=3, reads=("output", "target", "activity"), readout="credit"),
        batch(),
    )
    params, state = instance(net, rule, 0)
    outputs = blockwise(net, params, state, data.x)[0]
    n, y = len(data.y), torch.nn.functional.one_hot(data.y, 5).double()
    matrix, bias = state[PHI][: 8 * 13].view(8, 13), state[PHI][8 * 13 :]
    emitted = []
    for k, h in enumerate(outputs[:-1], start=1):
        kernel = state[f"credit/kernel/hidden{k}"]
        own = h @ kernel / kernel.square().sum(0)
        emitted.append((torch.cat([outputs[-1], y, own], 1) @ matrix.T + bias) / n)
    found = rule.credits(net, params, state, data, outputs)
    torch.testing.assert_close(found[1], 0.3 * emitted[1][:, :3] @ state["credit/kernel/hidden2"].T)
    torch.testing.assert_close(found[2], emitted[1][:, 3:])
    assert not torch.allclose(emitted[0], emitted[1])


# -- trained credit networks ------------------------------------------------------------------------------------------


def _write(path: Path, rule: TopDownCredit, **changed: object) -> torch.Tensor:
    net = network("mlp")
    phi = rule.top(net).init(torch.Generator().manual_seed(3))
    facts = {name: getattr(rule, name) for name in STRUCTURE}
    write_tensors(path, {"phi": phi}, {**facts, "n_outputs": 5, "widths": [12, 9], "learning_rate": 0.1, **changed})
    return phi


def test_a_trained_credit_network_brings_its_options(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    phi = _write(path, TopDownCredit(hidden=(8, 4), diffusion=3, randomness=0.5, reads=("answer", "target")))
    rule = TopDownCredit(credit_network=str(path))
    assert (rule.hidden, rule.diffusion, rule.reads) == ((8, 4), 3, ("answer", "target"))
    for name in NETWORKS:
        net = network(name)
        rule.check(net)
        first, second = (rule.init(net, {}, torch.Generator().manual_seed(seed)) for seed in range(2))
        assert torch.equal(first[PHI], phi)
        assert torch.equal(second[PHI], phi)
        kernel = next(n for n in first if "kernel" in n)
        assert not torch.equal(first[kernel], second[kernel])
    with pytest.raises(SpecError, match=r"Option diffusion is 5, but credit network .* has 3; leave the option out"):
        TopDownCredit(credit_network=str(path), diffusion=5)


def test_a_trained_credit_network_refuses_what_it_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "neurons.safetensors"
    _write(path, TopDownCredit(diffusion=0))
    rule = TopDownCredit(credit_network=str(path))
    rule.check(network("mlp"))
    with pytest.raises(IncompatibleError, match=r"layers of \[12, 9\], not \[7, 9\]; credits that diffuse fit any"):
        rule.check(architecture("mlp", {"widths": (7, 9)}).build(TASK))
    with pytest.raises(IncompatibleError, match="reads 5 outputs, not 10"):
        rule.check(network("mlp", Task((1, 8, 8), 10, 64)))


def test_bad_options_give_one_line(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="diffusion is -1; expected a whole number"):
        TopDownCredit(diffusion=-1)
    with pytest.raises(SpecError, match="scale is 0; expected a number above 0"):
        TopDownCredit(scale=0)
    with pytest.raises(SpecError, match="readout is 'none'; expected one of: error, credit"):
        TopDownCredit(readout="none")
    with pytest.raises(SpecError, match="reads is 'input'; expected one of: error, answer, target, output, activity"):
        TopDownCredit(reads=("input",))
    with pytest.raises(SpecError, match="expected error, answer, target, output, each at most once, and activity"):
        TopDownCredit(reads=())
    with pytest.raises(SpecError, match="kernels gather activities, so set diffusion above 0"):
        TopDownCredit(reads=("answer", "activity"), diffusion=0)
    with pytest.raises(SpecError, match="randomness is 2"):
        TopDownCredit(randomness=2)
    with pytest.raises(SpecError, match=r"hidden\[0\] is 0"):
        TopDownCredit(hidden=(0,))
    with pytest.raises(SpecError, match=r"Unknown credit network 'nobody'. Give the path of a .safetensors file"):
        TopDownCredit(credit_network="nobody")
    write_tensors(tmp_path / "other.safetensors", {"x": torch.zeros(1)})
    with pytest.raises(DataError, match="is not a credit network"):
        TopDownCredit(credit_network=str(tmp_path / "other.safetensors"))


@pytest.mark.parametrize(
    ("shipped", "reached", "readout"), [("digits", 0.87, "error"), ("digits_no_gradient", 0.84, "credit")]
)
def test_a_shipped_credit_network_teaches_unseen_networks(
    shipped: str, reached: float, readout: str, tmp_path: Path
) -> None:
    facts = trained_credit(shipped)[1]
    assert {"dataset", "method", "lifetimes", "validation_loss"} <= set(facts)
    assert facts["readout"] == readout
    assert ("error" in facts["reads"]) is (readout == "error")

    def accuracy(name: str) -> float:
        spec = TrainSpec(
            "top_down_credit", "mlp", "digits", {"credit_network": name} if name else {"diffusion": 15},
            {"widths": (128, 128)}, seeds=(7, 8), epochs=2, batch_size=32, optimizer="sgd",
            learning_rate=facts["learning_rate"], schedule="constant", n_checkpoints=2,
        )  # fmt: skip
        return float(train(spec, tmp_path / (name or "random")).history.query("epoch == 2").val_accuracy.mean())

    assert accuracy(shipped) > reached
    assert accuracy(shipped) > accuracy("")

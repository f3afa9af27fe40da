"""Optimisers, schedules and clipping treat every instance as if it were alone."""

import math

import pytest
import torch
from torch import Tensor

from brainalign.errors import SpecError
from brainalign.training.optimisation import (
    OPTIMIZERS,
    SCHEDULES,
    clip_instances,
    make_optimizer,
    optimizer_tensors,
    rate,
    restore_optimizer,
)

OPTIONS = {"sgd": {"momentum": 0.9, "weight_decay": 0.01}}


def _leaves(rows: slice = slice(None), dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = {"weight": (3, 4, 5), "bias": (3, 4)}
    return {name: torch.randn(shape, generator=generator).to(dtype)[rows].clone() for name, shape in shapes.items()}


def _descend(name: str, leaves: dict[str, Tensor], steps: range, optimizer: torch.optim.Optimizer) -> None:
    for step in steps:
        for key, leaf in leaves.items():
            leaf.grad = torch.sin(leaf * (step + 1)) * (1 + len(key))
        optimizer.step()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_instance_moves_as_it_does_alone(name: str) -> None:
    together = _leaves()
    _descend(name, together, range(8), make_optimizer(name, together, 0.05, OPTIONS.get(name, {})))
    for row in range(3):
        alone = _leaves(slice(row, row + 1))
        _descend(name, alone, range(8), make_optimizer(name, alone, 0.05, OPTIONS.get(name, {})))
        for key, leaf in alone.items():
            torch.testing.assert_close(leaf[0], together[key][row], rtol=1e-12, atol=1e-12)
    assert (together["weight"] - _leaves()["weight"]).abs().max() > 0.01


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_memory_put_back_continues_with_the_same_bits(name: str) -> None:
    straight = _leaves(dtype=torch.float32)  # as in training
    optimizer = make_optimizer(name, straight, 0.05, OPTIONS.get(name, {}))
    _descend(name, straight, range(4), optimizer)
    resumed = {key: leaf.clone() for key, leaf in straight.items()}
    names = list(straight)
    memory = {key: tensor.clone() for key, tensor in optimizer_tensors(optimizer, names).items()}
    _descend(name, straight, range(4, 8), optimizer)
    again = make_optimizer(name, resumed, 0.05, OPTIONS.get(name, {}))
    restore_optimizer(again, names, memory)
    _descend(name, resumed, range(4, 8), again)
    assert all(torch.equal(straight[key], resumed[key]) for key in names)


def test_unknown_names_and_options_are_refused() -> None:
    with pytest.raises(SpecError, match=r"Unknown optimizer 'lbfgs'\..* would mix the instances"):
        make_optimizer("lbfgs", _leaves(), 0.1, {})
    with pytest.raises(
        SpecError, match=r"Unknown option 'beta' of optimizer 'sgd'\. Choose one of: momentum, dampening"
    ):
        make_optimizer("sgd", _leaves(), 0.1, {"beta": 1})
    with pytest.raises(SpecError, match="'adam' refuses its options"):
        make_optimizer("adam", _leaves(), -1.0, {})
    with pytest.raises(SpecError, match=r"Unknown schedule 'linear'\. Choose one of: constant, cosine, step"):
        rate("linear", 0.0, 0, 10)


def test_schedules_by_hand() -> None:
    assert [rate("constant", 0, step, 4) for step in range(4)] == [1, 1, 1, 1]
    cosine = [0.5 * (1 + math.cos(math.pi * step / 4)) for step in range(4)]
    assert [rate("cosine", 0, step, 4) for step in range(4)] == pytest.approx(cosine)
    assert [rate("step", 0, step, 8) for step in range(8)] == [1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01]


def test_warmup_rises_linearly_and_the_schedule_takes_the_rest() -> None:
    assert [rate("constant", 0.5, step, 8) for step in range(8)] == [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]
    rest = [rate("cosine", 0.5, step, 8) for step in range(4, 8)]
    assert rest == pytest.approx([rate("cosine", 0, step, 4) for step in range(4)])


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("total", [1, 3, 10, 97])
def test_a_rate_is_a_share(schedule: str, total: int) -> None:
    for warmup in (0.0, 0.05, 0.25, 0.33, 1.0):
        shares = [rate(schedule, warmup, step, total) for step in range(total)]
        assert all(0 < share <= 1 for share in shares), (warmup, shares)


def test_clipping_scales_each_instance_as_a_whole() -> None:
    updates = {"a": torch.tensor([[3.0, 0.0], [0.3, 0.0]]), "b": torch.tensor([[[4.0]], [[0.4]]])}
    clip_instances(updates, 1.0)
    torch.testing.assert_close(updates["a"], torch.tensor([[0.6, 0.0], [0.3, 0.0]]))
    torch.testing.assert_close(updates["b"], torch.tensor([[[0.8]], [[0.4]]]))


def test_clipping_leaves_zero_at_zero() -> None:
    updates = {"a": torch.zeros(2, 3)}
    clip_instances(updates, 1.0)
    assert torch.equal(updates["a"], torch.zeros(2, 3))

"""Targets, losses and output errors of the three kinds of task."""

import pytest
import torch

from brainalign.credit.objective import answer, loss, output_error, output_metrics, target
from brainalign.datasets.task import Objective, Task


def _case(objective: Objective) -> tuple[Task, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    output = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    if objective == "classification":
        return Task((1, 2, 2), 4, 6), output, torch.tensor([0, 3, 1, 1, 2, 0])
    return Task((1, 2, 2), 4, 6, objective), output, torch.randn(6, 4, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("objective", ["classification", "regression", "reconstruction"])
def test_output_error_is_the_gradient_of_the_loss(objective: Objective) -> None:
    task, output, y = _case(objective)
    leaf = output.clone().requires_grad_()
    loss(task, leaf, y).backward()
    assert leaf.grad is not None
    torch.testing.assert_close(output_error(task, output, y), leaf.grad, rtol=1e-12, atol=1e-14)


def test_classes_have_one_hot_targets_probabilities_and_an_accuracy() -> None:
    task, output, y = _case("classification")
    assert target(task, y).argmax(1).equal(y)
    torch.testing.assert_close(answer(task, output).sum(1), torch.ones(6, dtype=torch.float64))
    assert float(output_metrics(task, output, y)["accuracy"]) == float((output.argmax(1) == y).double().mean())


@pytest.mark.parametrize("objective", ["regression", "reconstruction"])
def test_real_targets_are_taken_as_they_are_and_have_no_accuracy(objective: Objective) -> None:
    task, output, y = _case(objective)
    assert target(task, y) is y
    assert answer(task, output) is output
    metrics = output_metrics(task, output, y)
    assert set(metrics) == {"loss"}
    assert float(metrics["loss"]) == pytest.approx(float((output - y).square().mean()))

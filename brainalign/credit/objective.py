"""What a task's targets, loss and output error are."""

from torch import Tensor
from torch.nn import functional as F

from brainalign.datasets.task import Task


def target(task: Task, y: Tensor) -> Tensor:
    """Return the wanted output ``(n, n_outputs)``: one-hot for labels ``(n,)``, else ``y`` itself."""
    return F.one_hot(y, task.n_outputs) if task.objective == "classification" else y


def loss(task: Task, output: Tensor, y: Tensor) -> Tensor:
    """Return the mean cross-entropy of labels, or the mean squared error over samples and outputs."""
    return F.cross_entropy(output, y) if task.objective == "classification" else F.mse_loss(output, y)


def answer(task: Task, output: Tensor) -> Tensor:
    """Return what ``output`` says in the units of the target: probabilities of classes, else ``output`` itself."""
    return output.softmax(1) if task.objective == "classification" else output


def output_error(task: Task, output: Tensor, y: Tensor) -> Tensor:
    """Return the gradient of the loss with respect to ``output`` ``(n, n_outputs)``."""
    error = (answer(task, output) - target(task, y)) / output.shape[0]
    return error if task.objective == "classification" else 2 * error / output.shape[1]


def output_metrics(task: Task, output: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Return the loss and, for classes, the share of correct answers."""
    metrics = {"loss": loss(task, output, y)}
    if task.objective == "classification":
        metrics["accuracy"] = (output.argmax(1) == y).to(output.dtype).mean()
    return metrics

"""P7b: whether a rule makes better features when labels mean nothing."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.plausibility.practice import Disturbance, Practice, digits
from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject

_RIDGE = 1.0
#: Training images that the linear probe learns from; more do not change its answer and cost spiking rules seconds.
_IMAGES = 720


@dataclass(frozen=True)
class Unsupervised(Probe):
    """Accuracy that a linear probe of the last hidden layer gains when the rule trains with random labels, per seed.

    Relative to the same network before training. The probe is a ridge regression to the true labels of the training
    images, scored on test images.
    """

    code: ClassVar[str] = "P7b"
    title: ClassVar[str] = "unsupervised learning: gain of a linear probe when labels mean nothing"
    unit: ClassVar[str] = "accuracy"
    limit: ClassVar[float] = 0.0
    at_least: ClassVar[bool] = True
    trains: ClassVar[bool] = True
    passing: ClassVar[Control] = Control("stdp", network="mlp")
    failing: ClassVar[Control] = Control("backprop")

    def measure(self, subject: Subject) -> Measured:
        """Return one gain per seed."""
        practice = subject.practice
        before, after = (
            _probed(practice, *ends)
            for ends in (practice.start(), practice.trained(Disturbance("random", targets="random")))
        )
        note = f"{float(before.mean()):.1%} before, {float(after.mean()):.1%} after"
        return Measured(tuple((after - before).tolist()), note)

    def passes(self, measured: Measured, limit: float | None = None) -> bool | None:
        """Return whether every seed gains."""
        return min(measured.values) > (self.limit if limit is None else limit)


def _probed(practice: Practice, params: dict[str, Tensor], state: dict[str, Tensor]) -> Tensor:
    """Return the test accuracy of a ridge regression from the last hidden layer, by seed."""
    x, y, x_test, y_test = digits()
    x, y = x[:_IMAGES], y[:_IMAGES]
    hidden = list(practice.network.layers)[-2]
    train, test = (practice.respond(params, state, images)[hidden].flatten(2).double() for images in (x, x_test))
    wanted = torch.nn.functional.one_hot(y, practice.network.task.n_outputs).double()
    found = []
    for a, b in zip(train, test, strict=True):
        mean, sd = a.mean(0), a.std(0).clamp_min(1e-6)
        a, b = ((part - mean) / sd for part in (a, b))
        weights = torch.linalg.solve(a.T @ a + _RIDGE * len(a) / 100 * torch.eye(a.shape[1]).double(), a.T @ wanted)
        found.append(((b @ weights).argmax(1) == y_test).double().mean())
    return torch.stack(found)

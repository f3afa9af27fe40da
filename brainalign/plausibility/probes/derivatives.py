"""P8c: whether a neuron must know the slope of its own nonlinearity."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.plausibility.practice import Disturbance
from brainalign.plausibility.probe import Control
from brainalign.plausibility.retained import RetainedAccuracy
from brainalign.plausibility.subject import Subject
from brainalign.plausibility.tap import SLOPES


@dataclass(frozen=True)
class Derivatives(RetainedAccuracy):
    """Accuracy retained when errors pass a nonlinearity backwards as if it were linear, ``f' = 1``."""

    code: ClassVar[str] = "P8c"
    title: ClassVar[str] = "derivatives: accuracy retained when slopes of nonlinearities are taken for 1"
    limit: ClassVar[float] = 0.95
    passing: ClassVar[Control] = Control("node_perturbation")
    failing: ClassVar[Control] = Control("delayed_feedback")

    def spared(self, subject: Subject) -> str:
        """Return whether no error passes a nonlinearity backwards."""
        operations = {node.operation for node in subject.watch(subject.moments()[0])[1].nodes}
        return "" if operations & set(SLOPES) else "no slope of a nonlinearity is used"

    def disturbance(self, subject: Subject) -> Disturbance:
        """Return the missing slope."""
        del subject

        def slope(error: Tensor, passed: Tensor) -> Tensor:
            return error.expand_as(passed)

        def tap(generator: torch.Generator) -> dict[str, object]:
            del generator
            return {"slope": slope}

        return Disturbance("slopes of one", tap)

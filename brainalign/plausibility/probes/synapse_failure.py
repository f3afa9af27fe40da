"""P13b: whether a rule learns when synapses fail to transmit."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.plausibility.crossing import Meeting
from brainalign.plausibility.practice import Disturbance
from brainalign.plausibility.probe import Control
from brainalign.plausibility.retained import RetainedAccuracy
from brainalign.plausibility.subject import Subject

_FAILING = 0.1


@dataclass(frozen=True)
class SynapseFailure(RetainedAccuracy):
    """Accuracy retained when one synapse in ten, drawn anew at every crossing, transmits nothing."""

    code: ClassVar[str] = "P13b"
    title: ClassVar[str] = "synapse failure: accuracy retained when one synapse in ten fails at a time"
    limit: ClassVar[float] = 0.95
    passing: ClassVar[Control] = Control("backprop")
    failing: ClassVar[Control] = Control("comparator")

    def disturbance(self, subject: Subject) -> Disturbance:
        """Return the failures."""
        del subject

        def tap(generator: torch.Generator) -> dict[str, object]:
            def alter(message: Tensor, matrix: Tensor, meeting: Meeting) -> tuple[Tensor, Tensor]:
                del meeting
                return message, matrix * (torch.rand(matrix.shape, generator=generator) >= _FAILING)

            return {"alter": alter}

        return Disturbance("failure", tap)

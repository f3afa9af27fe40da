"""P13c: whether every connection must have one back."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.plausibility.crossing import Meeting
from brainalign.plausibility.practice import Disturbance
from brainalign.plausibility.probe import Control
from brainalign.plausibility.retained import RetainedAccuracy
from brainalign.plausibility.subject import Subject
from brainalign.plausibility.teaching import untaught
from brainalign.randomness import stream

_MISSING = 0.2


@dataclass(frozen=True)
class MissingEdges(RetainedAccuracy):
    """Accuracy retained when one connection in five is missing for good wherever teaching signals cross."""

    code: ClassVar[str] = "P13c"
    title: ClassVar[str] = "missing connections: accuracy retained without one feedback connection in five"
    limit: ClassVar[float] = 0.95
    passing: ClassVar[Control] = Control("backprop")
    failing: ClassVar[Control] = Control("comparator")

    def spared(self, subject: Subject) -> str:
        """Return whether no signal teaches hidden layers."""
        return untaught(subject)

    def disturbance(self, subject: Subject) -> Disturbance:
        """Return the gaps."""
        own = {synapse.weight_name for synapse in subject.network.synapses}

        def tap(generator: torch.Generator) -> dict[str, object]:
            del generator
            masks: dict[tuple[frozenset[str], tuple[int, ...]], Tensor] = {}

            def alter(message: Tensor, matrix: Tensor, meeting: Meeting) -> tuple[Tensor, Tensor]:
                if meeting.forward and meeting.matrices <= own:
                    return message, matrix
                key = meeting.matrices, tuple(matrix.shape)
                if key not in masks:
                    draw = torch.rand(matrix.shape, generator=stream(0, "missing", *sorted(meeting.matrices)))
                    masks[key] = draw >= _MISSING
                return message, matrix * masks[key]

            return {"alter": alter}

        return Disturbance("missing", tap)

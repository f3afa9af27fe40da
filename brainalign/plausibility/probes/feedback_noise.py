"""P13: whether a rule learns when messages are noisy."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.plausibility.crossing import Meeting
from brainalign.plausibility.practice import Disturbance
from brainalign.plausibility.probe import Control
from brainalign.plausibility.retained import RetainedAccuracy
from brainalign.plausibility.subject import Subject

_NOISE = 0.2


@dataclass(frozen=True)
class FeedbackNoise(RetainedAccuracy):
    """Accuracy retained when noise of 20 % of their spread is added to all that crosses synapses between units."""

    code: ClassVar[str] = "P13"
    title: ClassVar[str] = "noise: accuracy retained with noise of 20 % on all messages"
    limit: ClassVar[float] = 0.95
    passing: ClassVar[Control] = Control("backprop")
    failing: ClassVar[Control] = Control("comparator")

    def disturbance(self, subject: Subject) -> Disturbance:
        """Return the noise."""
        pixels = {synapse.weight_name for synapse in subject.network.blocks[0].synapses}

        def tap(generator: torch.Generator) -> dict[str, object]:
            def alter(message: Tensor, matrix: Tensor, meeting: Meeting) -> tuple[Tensor, Tensor]:
                if meeting.forward and meeting.matrices & pixels:
                    return message, matrix
                noise = torch.randn(message.shape, generator=generator, dtype=message.dtype)
                return message + _NOISE * message.std() * noise, matrix

            return {"alter": alter}

        return Disturbance("noise", tap)

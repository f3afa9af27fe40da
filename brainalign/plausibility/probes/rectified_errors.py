"""P6b: whether a rule still learns when teaching signals cannot be negative."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.plausibility.crossing import Meeting
from brainalign.plausibility.practice import Disturbance
from brainalign.plausibility.probe import Control
from brainalign.plausibility.retained import RetainedAccuracy
from brainalign.plausibility.subject import Subject
from brainalign.plausibility.teaching import require_message


@dataclass(frozen=True)
class RectifiedErrors(RetainedAccuracy):
    """Accuracy retained when everything that does not cross the network's weights forwards is cut off below zero.

    Two units for every one, for what exceeds zero and what falls short of it, would retain all of any rule. A global
    signal is not cut, since no synapse carries it; rules without another have no answer.
    """

    code: ClassVar[str] = "P6b"
    title: ClassVar[str] = "rectified errors: accuracy retained when teaching signals cannot be negative"
    limit: ClassVar[float] = 0.95
    passing: ClassVar[Control] = Control("direct_random_target_projection")
    failing: ClassVar[Control] = Control("backprop")

    def disturbance(self, subject: Subject) -> Disturbance:
        """Return the cut."""
        require_message(subject)
        own = {synapse.weight_name for synapse in subject.network.synapses}

        def alter(message: Tensor, matrix: Tensor, meeting: Meeting) -> tuple[Tensor, Tensor]:
            return message if meeting.forward and meeting.matrices <= own else message.clamp_min(0), matrix

        def tap(generator: torch.Generator) -> dict[str, object]:
            del generator
            return {"alter": alter}

        return Disturbance("rectified", tap)

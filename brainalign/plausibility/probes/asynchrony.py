"""P10d: whether all layers must learn at the same time."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.practice import Disturbance
from brainalign.plausibility.probe import Control
from brainalign.plausibility.retained import RetainedAccuracy
from brainalign.plausibility.subject import Subject


@dataclass(frozen=True)
class Asynchrony(RetainedAccuracy):
    """Accuracy retained when every layer learns at half of the steps only, each at its own."""

    code: ClassVar[str] = "P10d"
    title: ClassVar[str] = "asynchrony: accuracy retained when each layer learns at half of the steps"
    limit: ClassVar[float] = 0.95
    passing: ClassVar[Control] = Control("backprop")
    failing: ClassVar[Control] = Control("alternating")

    def disturbance(self, subject: Subject) -> Disturbance:
        """Return the lottery."""
        del subject
        return Disturbance("asynchronous", updates=0.5)

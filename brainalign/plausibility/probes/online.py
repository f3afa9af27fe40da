"""P10e: whether samples can come one at a time."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.practice import Disturbance
from brainalign.plausibility.probe import Control
from brainalign.plausibility.retained import RetainedAccuracy
from brainalign.plausibility.subject import Subject

_SAMPLES = 100


@dataclass(frozen=True)
class Online(RetainedAccuracy):
    """Accuracy above chance after 100 samples of digits, one at a time and none twice, relative to 30 batches of 64.

    Even backpropagation retains less than all, since it sees a twentieth of the samples; there is no mark to pass.
    """

    code: ClassVar[str] = "P10e"
    title: ClassVar[str] = "online learning: accuracy after 100 samples one at a time"
    unit: ClassVar[str] = "of that after batches"
    certain: ClassVar[float] = 0.5
    passing: ClassVar[Control] = Control("backprop")
    failing: ClassVar[Control] = Control("crowd")

    def disturbance(self, subject: Subject) -> Disturbance:
        """Return single samples."""
        del subject
        return Disturbance("online", singles=_SAMPLES)

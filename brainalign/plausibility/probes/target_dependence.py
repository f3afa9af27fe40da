"""P7: whether a hidden update needs the target."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.relabelled import ROUNDING, relabelled
from brainalign.plausibility.subject import Subject


@dataclass(frozen=True)
class TargetDependence(Probe):
    """``|dW_l(y') - dW_l(y)| / |dW_l(y)|`` for another label ``y'`` of the same sample, over weights and labels.

    The largest counts. 0 is unsupervised, at this step: a rule that stores errors depends on the targets of the past
    (see the probe of memory).
    """

    code: ClassVar[str] = "P7"
    title: ClassVar[str] = "target dependence: change of hidden updates under another label"
    limit: ClassVar[float] = 1e-8
    passing: ClassVar[Control] = Control("hebbian")
    failing: ClassVar[Control] = Control("backprop")

    def measure(self, subject: Subject) -> Measured:
        """Return one value per state."""
        values = []
        for changes in relabelled(subject):
            sizes = [
                float(change.norm() / before.norm().clamp_min(ROUNDING))
                for before, found in changes.values()
                for change in found
            ]
            values.append(max(sizes))
        return Measured(tuple(values))

"""P4c: whether inference and teaching of a sample come one after the other."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.stages import arrivals_of, stages
from brainalign.plausibility.subject import Subject
from brainalign.plausibility.teaching import hidden_synapses
from brainalign.plausibility.unsupported import Unsupported


@dataclass(frozen=True)
class TwoStages(Probe):
    """Stages of one sample at a hidden layer along a chain of causes: without the target, then with it; the largest.

    The part of the phases that published lists mean by two stages. Separate passes, noise and inner loops are left out.
    """

    code: ClassVar[str] = "P4c"
    title: ClassVar[str] = "two stages: arrivals without and then with the target at a hidden layer"
    unit: ClassVar[str] = "stages"
    limit: ClassVar[float] = 1.0
    evidence: ClassVar[str] = "trace"
    passing: ClassVar[Control] = Control("hebbian")
    failing: ClassVar[Control] = Control("backprop")

    def measure(self, subject: Subject) -> Measured:
        """Return one number per state."""
        values = []
        for moment in subject.moments():
            step, tap = subject.watch(moment)
            own = [first for name, first in hidden_synapses(subject, tap) if name in step.updates]
            if not own:
                msg = "no hidden weight changes"
                raise Unsupported(msg)
            values.append(float(max(stages(tap, arrivals_of(step, tap, first)) for first in own)))
        return Measured(tuple(values))

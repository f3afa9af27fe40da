"""P12d: how many synapses signals cross one after another."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.forward_pass import forward_pass
from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject


@dataclass(frozen=True)
class SequentialDepth(Probe):
    """Synapses on the longest path of a step, in units of a forward pass: its time if all else is parallel."""

    code: ClassVar[str] = "P12d"
    title: ClassVar[str] = "latency: synapses crossed one after another"
    unit: ClassVar[str] = "forward passes"
    evidence: ClassVar[str] = "trace"
    passing: ClassVar[Control] = Control("hebbian")
    failing: ClassVar[Control] = Control("backprop")
    certain: ClassVar[float] = 1.0

    def measure(self, subject: Subject) -> Measured:
        """Return one ratio."""
        moment = subject.moments()[0]
        step, tap = subject.watch(moment)
        deepest = max((tap.node(update).depth for update in step.updates.values()), default=0)
        forward = max(node.depth for node in forward_pass(subject, moment).nodes)
        return Measured((max(deepest, forward) / forward,))

"""P8: whether messages are spikes."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject


@dataclass(frozen=True)
class Spikes(Probe):
    """Share of the numbers that cross synapses between units, forwards or as teaching signals, that are 0 or 1."""

    code: ClassVar[str] = "P8"
    title: ClassVar[str] = "spikes: share of messages that are 0 or 1"
    limit: ClassVar[float] = 1.0
    at_least: ClassVar[bool] = True
    evidence: ClassVar[str] = "trace"
    passing: ClassVar[None] = None
    failing: ClassVar[Control] = Control("backprop")

    def measure(self, subject: Subject) -> Measured:
        """Return one share per state."""
        values = []
        for moment in subject.moments():
            _, tap = subject.watch(moment)
            first = {synapse.weight_name for synapse in subject.network.blocks[0].synapses}
            sent = [c.message for c in tap.crossings if not c.matrices & first]
            binary = sum(int(((x == 0) | (x == 1)).sum()) for x in sent)
            values.append(binary / max(1, sum(x.numel() for x in sent)))
        return Measured(tuple(values))

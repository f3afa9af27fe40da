"""P8: whether messages are spikes."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject


@dataclass(frozen=True)
class Spikes(Probe):
    """Share of what hidden units send and what teaches them that is 0 or 1; what the readout reads is left out."""

    code: ClassVar[str] = "P8"
    title: ClassVar[str] = "spikes: share of messages that are 0 or 1"
    limit: ClassVar[float] = 1.0
    at_least: ClassVar[bool] = True
    evidence: ClassVar[str] = "trace"
    passing: ClassVar[Control] = Control("stdp", network="mlp")
    failing: ClassVar[Control] = Control("backprop")

    def measure(self, subject: Subject) -> Measured:
        """Return one share per state."""
        values = []
        for moment in subject.moments():
            _, tap = subject.watch(moment)
            ends = {s.weight_name for k in (0, -1) for s in subject.network.blocks[k].synapses}
            sent = [c.message for c in tap.crossings if not (c.forward and c.matrices & ends)]
            binary = sum(int(((x == 0) | (x == 1)).sum()) for x in sent)
            values.append(binary / max(1, sum(x.numel() for x in sent)))
        return Measured(tuple(values))

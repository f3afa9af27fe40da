"""P8: whether messages are spikes."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject
from brainalign.plausibility.teaching import learned_from


@dataclass(frozen=True)
class Spikes(Probe):
    """Share of messages that are 0 or of the one size of a spike, among those that learning rests on.

    All spikes of a layer have one size within a sample and moment: 1, or what the receiving layer makes of it when it
    divides by the activity of the whole presentation. What pixels send and what the readout reads are left out.
    """

    code: ClassVar[str] = "P8"
    title: ClassVar[str] = "spikes: share of messages that are 0 or one size"
    unit: ClassVar[str] = "share"
    limit: ClassVar[float] = 1.0
    at_least: ClassVar[bool] = True
    evidence: ClassVar[str] = "trace"
    passing: ClassVar[Control] = Control("stdp", network="mlp")
    failing: ClassVar[Control] = Control("backprop")

    def measure(self, subject: Subject) -> Measured:
        """Return one share per state."""
        values = []
        for moment in subject.moments():
            step, tap = subject.watch(moment)
            ends = {s.weight_name for k in (0, -1) for s in subject.network.blocks[k].synapses}
            rests = learned_from(step, tap)
            sent = [c.message for c in rests if not (c.forward and c.matrices & ends)]
            binary = sum(int(_spikes(x).sum()) for x in sent)
            values.append(binary / max(1, sum(x.numel() for x in sent)))
        return Measured(tuple(values))


def _spikes(x: Tensor) -> Tensor:
    """Return which numbers of ``x`` ``(n, ...)`` are 0 or the one positive size of a row that has no other."""
    rows = x.flatten(1) if x.ndim > 1 else x.unsqueeze(0)
    size = rows.amax(1, keepdim=True)
    whole = ((rows == 0) | (torch.isclose(rows, size) & (size > 0))).all(1, keepdim=True)
    return (rows == 0) | (rows == 1) | whole

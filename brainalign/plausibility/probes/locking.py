"""P3: how long a synapse waits for what it learns from."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject
from brainalign.plausibility.teaching import hidden_synapses
from brainalign.plausibility.unsupported import Unsupported


@dataclass(frozen=True)
class Locking(Probe):
    """``D_l``: synapses that signals cross after a layer has answered and before its update is known; the largest.

    Counted along the longest path of the step, from the arrival of the layer's first current to the update of its
    weight. 0: an update needs nothing but the layer's own two activities; 1: one more signal, from anywhere.
    """

    code: ClassVar[str] = "P3"
    title: ClassVar[str] = "waiting: synapses crossed between a layer's answer and its update"
    unit: ClassVar[str] = "synapses"
    limit: ClassVar[float] = 1.0
    evidence: ClassVar[str] = "trace"
    passing: ClassVar[Control] = Control("hebbian")
    failing: ClassVar[Control] = Control("backprop")

    def measure(self, subject: Subject) -> Measured:
        """Return the largest wait per state."""
        values, by_layer = [], []
        for moment in subject.moments():
            step, tap = subject.watch(moment)
            by_layer = [
                max(0, tap.node(step.updates[name]).depth - tap.nodes[first.node].depth)
                for name, first in hidden_synapses(subject, tap)
                if name in step.updates
            ]
            if not by_layer:
                msg = "no hidden weight changes"
                raise Unsupported(msg)
            values.append(float(max(by_layer)))
        return Measured(tuple(values), f"by weight: {', '.join(map(str, by_layer))}")

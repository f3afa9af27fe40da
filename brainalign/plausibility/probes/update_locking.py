"""P3b: whether a layer waits for the layers above it to answer."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject
from brainalign.plausibility.teaching import hidden_synapses
from brainalign.plausibility.unsupported import Unsupported


@dataclass(frozen=True)
class UpdateLocking(Probe):
    """Share of hidden weights whose update depends on what a later layer received forwards in this step."""

    code: ClassVar[str] = "P3b"
    title: ClassVar[str] = "update locking: share of hidden weights that wait for a later layer's answer"
    limit: ClassVar[float] = 0.0
    evidence: ClassVar[str] = "trace"
    passing: ClassVar[Control] = Control("delayed_feedback")
    failing: ClassVar[Control] = Control("direct_feedback_alignment")

    def measure(self, subject: Subject) -> Measured:
        """Return one share per state."""
        order = {synapse.weight_name: k for k, synapse in enumerate(subject.network.synapses)}
        values, locked = [], set()
        for moment in subject.moments():
            step, tap = subject.watch(moment)
            names = [name for name, _ in hidden_synapses(subject, tap) if name in step.updates]
            if not names:
                msg = "no hidden weight changes"
                raise Unsupported(msg)
            waiting = {
                name
                for name in names
                for crossing in tap.crossings_before(tap.node(step.updates[name]))
                if crossing.forward and any(order.get(matrix, -1) > order[name] for matrix in crossing.matrices)
            }
            locked |= waiting
            values.append(len(waiting) / len(names))
        return Measured(tuple(values), f"waiting: {', '.join(sorted(locked))}" if locked else "")

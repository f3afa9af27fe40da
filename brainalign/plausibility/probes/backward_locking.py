"""P3c: whether a teaching signal passes through other hidden layers on its way."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.crossing import Crossing
from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Moment, Subject
from brainalign.plausibility.tap import Tap
from brainalign.plausibility.teaching import hidden_synapses, teaching
from brainalign.plausibility.unsupported import Unsupported


@dataclass(frozen=True)
class BackwardLocking(Probe):
    """Share of hidden weights taught by a signal that passed the neurons of another hidden layer before.

    An error of the output alone, sent straight to a layer, does not lock it. Signals through matrices of the rule count
    whatever their direction, so a second network that carries targets down is a backward pass here.
    """

    code: ClassVar[str] = "P3c"
    title: ClassVar[str] = "backward locking: share of hidden weights taught through another hidden layer"
    limit: ClassVar[float] = 0.0
    evidence: ClassVar[str] = "trace"
    passing: ClassVar[Control] = Control("direct_feedback_alignment")
    failing: ClassVar[Control] = Control("feedback_alignment")

    def measure(self, subject: Subject) -> Measured:
        """Return one share per state."""
        values, locked = [], set()
        for moment in subject.moments():
            step, tap = subject.watch(moment)
            own = [(name, first) for name, first in hidden_synapses(subject, tap) if name in step.updates]
            if not own:
                msg = "no hidden weight changes"
                raise Unsupported(msg)
            outputs = subject.network.task.n_outputs
            waiting = {name for name, first in own if _relayed(moment, tap, step.updates[name], first, outputs)}
            locked |= waiting
            values.append(len(waiting) / len(own))
        return Measured(tuple(values), f"locked: {', '.join(sorted(locked))}" if locked else "")


def _relayed(moment: Moment, tap: Tap, update: object, first: Crossing, outputs: int) -> bool:
    taught = teaching(moment, tap.crossings_before(tap.node(update)))  # type: ignore[arg-type]
    elsewhere = [c for c in taught if c.receivers not in (outputs, first.receivers)]
    return any(
        tap.nodes[later.node].crossed >> earlier.order & 1
        for earlier in elsewhere
        for later in taught
        if later != earlier
    )

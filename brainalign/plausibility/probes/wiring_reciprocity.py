"""P1c: whether a feedback connection must exist wherever a forward one does."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject
from brainalign.plausibility.teaching import hidden_teaching


@dataclass(frozen=True)
class WiringReciprocity(Probe):
    """Share of forward projections between populations that have a projection back, counted above the input.

    Reciprocal wiring that has to match, connection by connection, asks for more than a broadcast.
    """

    code: ClassVar[str] = "P1c"
    title: ClassVar[str] = "wiring reciprocity: share of forward projections with one back"
    evidence: ClassVar[str] = "trace"
    passing: ClassVar[Control] = Control("hebbian")
    failing: ClassVar[Control] = Control("feedback_alignment")
    certain: ClassVar[float] = 0.5

    def measure(self, subject: Subject) -> Measured:
        """Return the share per state."""
        values = []
        for moment in subject.moments():
            step, tap = subject.watch(moment)
            back = {(c.senders, c.receivers) for c in hidden_teaching(subject, moment, step, tap)}
            pixels = moment.batch.x[0].numel()
            forward = {
                (c.senders, c.receivers)
                for c in tap.crossings
                if c.forward and c.matrices <= tap.params and c.senders not in (pixels, moment.batch.x.shape[1])
            }
            values.append(sum((b, a) in back for a, b in forward) / len(forward))
        return Measured(tuple(values))

"""P4d: whether the readout answers before it can learn."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject
from brainalign.plausibility.tap import Tap, Y
from brainalign.plausibility.unsupported import Unsupported


@dataclass(frozen=True)
class ReadoutStages(Probe):
    """2 if the update of the readout rests on both its own answer and the target, else 1; the largest over its weights.

    An error of the output is such a comparison: the readout answers first and is corrected afterwards, whatever hidden
    layers do. The note tells whether the correction has both signs, from the update of the bias.
    """

    code: ClassVar[str] = "P4d"
    title: ClassVar[str] = "readout: stages of a sample until the readout can learn"
    unit: ClassVar[str] = "stages"
    limit: ClassVar[float] = 1.0
    evidence: ClassVar[str] = "trace"
    passing: ClassVar[Control] = Control("clamped")
    failing: ClassVar[Control] = Control("backprop")

    def measure(self, subject: Subject) -> Measured:
        """Return one number per state."""
        values, signed = [], False
        for moment in subject.moments():
            step, tap = subject.watch(moment)
            names = [name for name in subject.readout if name in step.updates and step.updates[name].any()]
            if not names:
                msg = "the readout does not learn"
                raise Unsupported(msg)
            values.append(float(max(_waits(tap, step.updates[name], name) for name in names)))
            biases = [step.updates.get(f"{name.rsplit('.', 1)[0]}.bias") for name in names]
            signed |= any(one is not None and bool((one < 0).any() and (one > 0).any()) for one in biases)
        return Measured(tuple(values), "its error has both signs" if signed else "")


def _waits(tap: Tap, update: object, name: str) -> int:
    node = tap.node(update)  # type: ignore[arg-type]
    answered = any(c.forward and name in c.matrices for c in tap.crossings_before(node))
    return 1 + (answered and tap.reads(node, Y))

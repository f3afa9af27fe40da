"""P4b: how often a layer is evaluated for one sample."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.forward_pass import forward_pass, rows_met
from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject


@dataclass(frozen=True)
class Passes(Probe):
    """Activity that crosses a weight forwards in a step, in units of a plain forward pass; the largest over weights."""

    code: ClassVar[str] = "P4b"
    title: ClassVar[str] = "passes: forward evaluations of a layer per sample"
    limit: ClassVar[float] = 1.0
    evidence: ClassVar[str] = "trace"
    passing: ClassVar[Control] = Control("backprop")
    failing: ClassVar[Control] = Control("predictive_coding")

    def measure(self, subject: Subject) -> Measured:
        """Return one number per state."""
        values, backward = [], 0
        for moment in subject.moments():
            _, tap = subject.watch(moment)
            plain, met = rows_met(forward_pass(subject, moment)), rows_met(tap)
            values.append(max(met.get(name, 0) / rows for name, rows in plain.items()))
            backward = sum(not c.forward for c in tap.crossings)
        return Measured(tuple(values), f"{backward} crossings against the direction of a matrix")

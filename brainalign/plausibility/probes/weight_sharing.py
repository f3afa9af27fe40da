"""P2c: how many places must agree on one weight."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.forward_pass import forward_pass, rows_met
from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject


@dataclass(frozen=True)
class WeightSharing(Probe):
    """Activity vectors of one sample that meet the same weight in one pass: places of a map, tokens, time steps.

    A property of the network, not of the rule. Time steps share a weight as synapses do; places and tokens do not.
    """

    code: ClassVar[str] = "P2c"
    title: ClassVar[str] = "weight sharing: places, tokens or time steps that share a weight"
    limit: ClassVar[float] = 1.0
    evidence: ClassVar[str] = "trace"
    passing: ClassVar[Control] = Control("backprop", network="mlp")
    failing: ClassVar[Control] = Control("backprop", network="cnn")

    def measure(self, subject: Subject) -> Measured:
        """Return the largest number over weights, per instance."""
        rows = [rows_met(forward_pass(subject, moment)) for moment in subject.singles()[::2]]
        widest = max(rows[0], key=lambda name: rows[0][name])
        return Measured(tuple(float(max(one.values())) for one in rows), widest)

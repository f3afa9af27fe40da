"""P11: how close an update is to the direction that lowers the loss fastest."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.credit.angles import angle
from brainalign.credit.chain import error_descent
from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject
from brainalign.plausibility.unsupported import Unsupported


@dataclass(frozen=True)
class CreditQuality(Probe):
    """Degrees between the updates of hidden weights and the gradient of the loss, the mean over weights, per state.

    Not a criterion of plausibility, but needed to read the others: 90 is no help at all.
    """

    code: ClassVar[str] = "P11"
    title: ClassVar[str] = "credit: angle of hidden updates to the gradient of the loss"
    unit: ClassVar[str] = "degrees"
    passing: ClassVar[Control] = Control("backprop")
    failing: ClassVar[Control] = Control("direct_feedback_alignment")
    certain: ClassVar[float] = 1e-3

    def measure(self, subject: Subject) -> Measured:
        """Return the mean angle of every state."""
        values: list[float] = []
        last: dict[str, float] = {}
        for moment in subject.moments():
            found = subject.step(moment).updates
            true = error_descent(subject.network, moment.params, moment.state, moment.batch).updates
            last = {n: float(angle(found[n], true[n])) for n in subject.hidden if n in found and found[n].any()}
            if not last:
                msg = "no hidden weight changes"
                raise Unsupported(msg)
            values.append(sum(last.values()) / len(last))
        return Measured(tuple(values), "after training, by weight: " + ", ".join(f"{v:.0f}" for v in last.values()))

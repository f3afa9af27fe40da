"""P1: whether updates know weights that no signal of theirs came through forwards."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.plausibility.null_space import unfelt_changes, unresolved
from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject
from brainalign.plausibility.unsupported import Unsupported


@dataclass(frozen=True)
class WeightTransport(Probe):
    """``max_l |dW_l(W_m + E) - dW_l(W_m)| / |dW_l|`` with ``E S = 0``, over matrices, steps and seeds.

    ``S`` holds every state that met ``W_m`` in its main direction during the step, so the change ``E`` leaves every
    signal that crosses it as it was; an update of another synapse that changes all the same has read ``W_m`` in another
    way: transposed, by its sign, or from a copy. To perturb a weight and look whether updates change would find every
    rule guilty that has an output error. Changes are made at every step of a horizon longer than an epoch, and what
    the rule keeps of them in its state lives on. Matrices that the rule trains beside the network (heads, mirrors)
    count as carriers too. Where a matrix cannot be changed unfelt and an update below depends on it, the probe cannot
    tell.
    """

    code: ClassVar[str] = "P1"
    title: ClassVar[str] = "weight transport: change of updates when weights change in the null space of their input"
    limit: ClassVar[float] = 1e-6
    passing: ClassVar[Control] = Control("feedback_alignment")
    failing: ClassVar[Control] = Control("backprop")

    def measure(self, subject: Subject) -> Measured:
        """Return one value per instance and step."""
        found = unfelt_changes(subject)
        read = sorted({one.matrix for one in found if one.others > self.limit})
        unseen = len({one.matrix for one in found})
        untold = unresolved(subject)
        if untold and not read:
            raise Unsupported("; ".join(f"{name}: {reason}" for name, reason in untold.items()))
        note = f"read: {', '.join(read)}" if read else f"{unseen} matrices changed unseen"
        return Measured(tuple(one.others for one in found), note)

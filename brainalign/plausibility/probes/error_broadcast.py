"""P5: how much of the output's error reaches a hidden update."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.relabelled import ROUNDING, relabelled
from brainalign.plausibility.subject import Subject

_TOLERANCE = 1e-8


@dataclass(frozen=True)
class ErrorBroadcast(Probe):
    """Rank of the changes of a hidden update under all other labels of a sample; the largest over weights.

    0, none: the update does not know the target (of this step). 1, a scalar: it knows one number of it, as a
    neuromodulator could tell. More, up to the number of classes less one, a vector. By whatever way: a label that is
    shown with the input counts, and so does what local errors hand down; several trembles in one step, each with a
    scalar of its own, count as several numbers.
    """

    code: ClassVar[str] = "P5"
    title: ClassVar[str] = "error broadcast: numbers about the target that reach a hidden update"
    unit: ClassVar[str] = "numbers"
    limit: ClassVar[float] = 1.0
    passing: ClassVar[Control] = Control("weight_perturbation", {"samples": 1})
    failing: ClassVar[Control] = Control("direct_feedback_alignment")

    def measure(self, subject: Subject) -> Measured:
        """Return one rank per state."""
        values = []
        for changes in relabelled(subject):
            ranks = [0]
            for before, found in changes.values():
                strength = torch.linalg.svdvals(torch.stack([change.flatten() for change in found]))
                felt = strength[0] > _TOLERANCE * before.norm().clamp_min(ROUNDING)
                ranks.append(int((strength > _TOLERANCE * strength[0]).sum()) if felt else 0)
            values.append(float(max(ranks)))
        kind = {0: "none", 1: "a scalar"}.get(round(max(values)), "a vector")
        return Measured(tuple(values), f"{kind}; all there is to know would be {subject.network.task.n_outputs - 1}")

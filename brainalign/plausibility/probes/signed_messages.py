"""P6: whether neurons must send numbers of both signs."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.plausibility.crossing import Crossing
from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject
from brainalign.plausibility.teaching import hidden_teaching


@dataclass(frozen=True)
class SignedMessages(Probe):
    """Share of units that send teaching signals of both signs, over the steps of an instance.

    Teaching signals are all that does not cross the network's own weights forwards. Whether forward activity has both
    signs is the nonlinearity's affair, and in the note.
    """

    code: ClassVar[str] = "P6"
    title: ClassVar[str] = "signed errors: share of units that teach with both signs"
    limit: ClassVar[float] = 0.0
    evidence: ClassVar[str] = "trace"
    passing: ClassVar[Control] = Control("hebbian")
    failing: ClassVar[Control] = Control("feedback_alignment")

    def measure(self, subject: Subject) -> Measured:
        """Return one share per instance."""
        values, negative, total = [], 0, 0
        for seed in subject.seeds:
            sent: dict[tuple[int, frozenset[str]], list[Tensor]] = {}
            for moment in subject.path(seed)[: subject.horizon : 7]:
                step, tap = subject.watch(moment)
                taught = hidden_teaching(subject, moment, step, tap)
                for crossing in taught:
                    sent.setdefault((crossing.senders, crossing.matrices), []).append(_by_unit(crossing))
                for crossing in tap.crossings:
                    if crossing.forward and crossing.matrices <= tap.params:
                        negative += int((crossing.message < 0).sum())
                        total += crossing.message.numel()
            both = [((x > 0).any(1) & (x < 0).any(1)) for x in (torch.cat(parts, 1) for parts in sent.values())]
            values.append(float(torch.cat(both).double().mean()) if both else 0.0)
        return Measured(tuple(values), f"{negative / total:.0%} of forward messages are negative")


def _by_unit(crossing: Crossing) -> Tensor:
    return crossing.message.movedim(crossing.message_axis, 0).reshape(crossing.senders, -1)

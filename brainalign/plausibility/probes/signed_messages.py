"""P6: whether neurons must send numbers of both signs."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.plausibility.crossing import Crossing
from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Moment, Subject
from brainalign.plausibility.teaching import hidden_teaching, modulators, shown_with_input
from brainalign.plausibility.unsupported import Unsupported


@dataclass(frozen=True)
class SignedMessages(Probe):
    """Share of units that send teaching signals of both signs, over the steps of an instance.

    Teaching signals are all that does not cross the network's own weights forwards. Where none does but hidden updates
    know the target, a global signal must have told them: a reward, a loss or a difference of losses. It is 1 if that
    goes below zero and above, else 0. Where nothing tells, or the target is shown with the input, there is no message
    and no answer. Whether forward activity has both signs is the nonlinearity's affair, and in the note.
    """

    code: ClassVar[str] = "P6"
    title: ClassVar[str] = "signed errors: share of units that teach hidden layers with both signs"
    unit: ClassVar[str] = "share"
    limit: ClassVar[float] = 0.0
    evidence: ClassVar[str] = "trace"
    passing: ClassVar[Control] = Control("direct_random_target_projection")
    failing: ClassVar[Control] = Control("feedback_alignment")

    def measure(self, subject: Subject) -> Measured:
        """Return one share per instance."""
        values, negative, total = [], 0, 0
        for seed in subject.seeds:
            sent: dict[tuple[int, frozenset[str]], list[Tensor]] = {}
            moments = subject.path(seed)[: subject.horizon : 7]
            for moment in moments:
                step, tap = subject.watch(moment)
                taught = hidden_teaching(subject, moment, step, tap)
                for crossing in taught:
                    sent.setdefault((crossing.senders, crossing.matrices), []).append(_by_unit(crossing))
                for crossing in tap.crossings:
                    if crossing.forward and crossing.matrices <= tap.params:
                        negative += int((crossing.message < 0).sum())
                        total += crossing.message.numel()
            if not sent:
                return _global(subject)
            both = [((x > 0).any(1) & (x < 0).any(1)) for x in (torch.cat(parts, 1) for parts in sent.values())]
            values.append(float(torch.cat(both).double().mean()))
        return Measured(tuple(values), f"{negative / total:.0%} of forward messages are negative")


def _by_unit(crossing: Crossing) -> Tensor:
    return crossing.message.movedim(crossing.message_axis, 0).reshape(crossing.senders, -1)


def _global(subject: Subject) -> Measured:
    """Return whether a signal that no synapse carries has both signs; refuse where there is none."""
    values = []
    for seed in subject.seeds:
        low = high = 0.0
        for moment in subject.path(seed)[: subject.horizon : 2]:
            told = _told(subject, moment)
            low, high = min(low, *(float(one.min()) for one in told)), max(high, *(float(one.max()) for one in told))
        values.append(float(low < 0 < high))
    sign = "goes below zero" if max(values) else "never has both signs"
    return Measured(tuple(values), f"no synapse carries it; a global signal tells hidden layers, and {sign}")


def _told(subject: Subject, moment: Moment) -> list[Tensor]:
    step, tap = subject.watch(moment)
    if shown_with_input(subject, tap):
        msg = "no message: the target is shown with the input"
        raise Unsupported(msg)
    found = modulators(subject, step, tap)
    if not found:
        msg = "no message: nothing tells hidden layers of the target"
        raise Unsupported(msg)
    return found

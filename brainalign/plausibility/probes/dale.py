"""P9: whether a neuron excites or inhibits, but not both."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject


@dataclass(frozen=True)
class Dale(Probe):
    """Dale index: share of hidden units whose outgoing weights have one sign, after training.

    Random weights reach ``2^(1 - n)`` for ``n`` targets. The note tells how many weights changed their sign on the way.
    Weights are as the network stores them; a rule that uses their absolute value says so.
    """

    code: ClassVar[str] = "P9"
    title: ClassVar[str] = "Dale's law: share of units whose outgoing weights have one sign"
    limit: ClassVar[float] = 1.0
    at_least: ClassVar[bool] = True
    evidence: ClassVar[str] = "trace"
    passing: ClassVar[Control] = Control("excitatory")
    failing: ClassVar[Control] = Control("backprop")

    def measure(self, subject: Subject) -> Measured:
        """Return one index per instance."""
        outgoing = [synapse.weight_name for synapse in subject.network.synapses[1:]]
        values, flipped, total = [], 0, 0
        for seed in subject.seeds:
            start, end = (subject.path(seed)[k].params for k in (0, -1))
            one_sign = [_one_sign(end[name]) for name in outgoing]
            values.append(float(torch.cat(one_sign).double().mean()))
            flipped += sum(int((start[name] * end[name] < 0).sum()) for name in outgoing)
            total += sum(start[name].numel() for name in outgoing)
        return Measured(tuple(values), f"{flipped / total:.1%} of weights changed their sign")


def _one_sign(weight: Tensor) -> Tensor:
    """Return for each sending unit whether its weights have one sign."""
    by_sender = weight.movedim(1, 0).flatten(1)
    return (by_sender >= 0).all(1) | (by_sender <= 0).all(1)

"""P4: how many phases of a sample a neuron has to tell apart."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.plausibility.crossing import Crossing
from brainalign.plausibility.forward_pass import answering
from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Subject
from brainalign.plausibility.tap import Tap, Y
from brainalign.plausibility.teaching import hidden_synapses
from brainalign.plausibility.unsupported import Unsupported


@dataclass(frozen=True)
class Phases(Probe):
    """Phases of one sample at a hidden layer, the largest over layers.

    What a layer receives before its update is put in order of cause. Along a chain of causes a new phase begins where
    arrivals start, or cease, to depend on the target: ``x`` first and the error afterwards are two. Separate passes
    that do not depend on each other (positive and negative samples, two trembles) are a phase each, counted against
    what the trained network does to answer (time steps of spiking neurons are one). Signals that could arrive at the
    same time, such as a fixed projection of the target, are none.
    """

    code: ClassVar[str] = "P4"
    title: ClassVar[str] = "phases: stages of a sample that a hidden neuron has to tell apart"
    limit: ClassVar[float] = 1.0
    evidence: ClassVar[str] = "trace"
    passing: ClassVar[Control] = Control("hebbian")
    failing: ClassVar[Control] = Control("forward_forward")

    def measure(self, subject: Subject) -> Measured:
        """Return one number per state."""
        values = []
        for moment in subject.moments():
            step, tap = subject.watch(moment)
            plain = answering(subject, moment)
            found = []
            for name, first in hidden_synapses(subject, tap):
                if name not in step.updates:
                    continue
                crossed = tap.node(step.updates[name]).crossed
                arrivals = [c for c in tap.crossings if c.receivers == first.receivers and crossed >> c.order & 1]
                passes = _starts(tap, arrivals) / _starts(
                    plain, [c for c in plain.crossings if c.receivers == first.receivers]
                )
                found.append(max(round(passes), 1) - 1 + _longest(tap, arrivals))
            if not found:
                msg = "no hidden weight changes"
                raise Unsupported(msg)
            values.append(float(max(found)))
        return Measured(tuple(values))


def _longest(tap: Tap, arrivals: list[Crossing]) -> int:
    """Return the most stretches of one kind along a chain of causes."""
    kinds = [tap.reads(tap.nodes[c.node], Y) for c in arrivals]
    phases: list[int] = []
    for k, crossing in enumerate(arrivals):
        before = tap.nodes[crossing.node].crossed
        phases.append(
            max((phases[j] + (kinds[j] != kinds[k]) for j in range(k) if before >> arrivals[j].order & 1), default=1)
        )
    return max(phases, default=1)


def _starts(tap: Tap, arrivals: list[Crossing]) -> float:
    """Return how many numbers arrive forwards at a layer that no earlier arrival at it caused, repetitions once."""
    mask = sum(1 << crossing.order for crossing in arrivals)
    first: list[Tensor] = []
    for c in arrivals:
        caused = tap.nodes[c.node].crossed & mask & ~(1 << c.order)
        if c.forward and c.matrices <= tap.params and not caused and not any(torch.equal(c.current, f) for f in first):
            first.append(c.current)
    return float(sum(current.numel() for current in first)) or 1.0

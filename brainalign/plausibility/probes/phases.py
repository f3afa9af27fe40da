"""P4: how many phases of a sample a neuron has to tell apart."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.plausibility.crossing import Crossing
from brainalign.plausibility.forward_pass import answering
from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.stages import arrivals_of, stages
from brainalign.plausibility.subject import Subject
from brainalign.plausibility.tap import Tap, X
from brainalign.plausibility.teaching import hidden_synapses
from brainalign.plausibility.unsupported import Unsupported


@dataclass(frozen=True)
class Phases(Probe):
    """Phases of one sample at a hidden layer, the largest over layers.

    What a layer receives, for whatever learns from it (weights, feedback weights, what the rule keeps), is put in order
    of cause. Along a chain of causes a new phase begins where arrivals start, or cease, to depend on the target: ``x``
    first and the error afterwards are two. Separate passes that do not depend on each other (positive and negative
    samples, two trembles, the inner loop in which feedback weights learn) are a phase each, counted against what the
    trained network does to answer (time steps of spiking neurons are one). Noise in which neither sample nor target is,
    as a mirror needs, is one more phase, however much of it. Signals that could arrive at the same time, such as a
    fixed projection of the target, are none.
    """

    code: ClassVar[str] = "P4"
    title: ClassVar[str] = "phases: stages of a sample that a hidden neuron has to tell apart"
    unit: ClassVar[str] = "phases"
    limit: ClassVar[float] = 1.0
    evidence: ClassVar[str] = "trace"
    passing: ClassVar[Control] = Control("hebbian")
    failing: ClassVar[Control] = Control("forward_forward")

    def measure(self, subject: Subject) -> Measured:
        """Return one number per state."""
        values, noisy = [], False
        for moment in subject.moments():
            step, tap = subject.watch(moment)
            plain = answering(subject, moment)
            found = []
            for name, first in hidden_synapses(subject, tap):
                if name not in step.updates:
                    continue
                arrivals = arrivals_of(step, tap, first)
                silent = [c for c in arrivals if not tap.reads(tap.nodes[c.node], X)]
                shown = [c for c in arrivals if tap.reads(tap.nodes[c.node], X)]
                noise = any(_begins(tap, c, arrivals) for c in silent)
                noisy |= noise
                passes = _starts(tap, shown) / _starts(
                    plain, [c for c in plain.crossings if c.receivers == first.receivers]
                )
                found.append(max(round(passes), 1) - 1 + stages(tap, arrivals) + noise)
            if not found:
                msg = "no hidden weight changes"
                raise Unsupported(msg)
            values.append(float(max(found)))
        return Measured(tuple(values), "one of them of noise alone" if noisy else "")


def _begins(tap: Tap, c: Crossing, arrivals: list[Crossing]) -> bool:
    """Return whether ``c`` arrives forwards through a weight of the network and no earlier arrival caused it."""
    mask = sum(1 << crossing.order for crossing in arrivals)
    return c.forward and c.matrices <= tap.params and not tap.nodes[c.node].crossed & mask & ~(1 << c.order)


def _starts(tap: Tap, arrivals: list[Crossing]) -> float:
    """Return how many numbers arrive forwards at a layer that no earlier arrival at it caused, repetitions once."""
    first: list[Tensor] = []
    for c in arrivals:
        if _begins(tap, c, arrivals) and not any(torch.equal(c.current, f) for f in first):
            first.append(c.current)
    return float(sum(current.numel() for current in first)) or 1.0

"""P10b: what a rule remembers of samples beside its weights."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import EPOCH, N_TRAIN, Moment, Subject


@dataclass(frozen=True)
class Memory(Probe):
    """Numbers per training sample that the rule keeps of samples, found by showing it others.

    The rule runs for an epoch on other samples with the weights as they were; entries of its state that differ
    afterwards hold memory. What an optimiser trains or has the shape of a weight is a synapse's, what has one number
    per unit a neuron's, a single number a modulator's; the rest is memory of samples: errors by sample, batches of the
    past.
    """

    code: ClassVar[str] = "P10b"
    title: ClassVar[str] = "memory of samples: numbers kept beside synapses, neurons and modulators"
    unit: ClassVar[str] = "numbers per sample"
    limit: ClassVar[float] = 0.0
    passing: ClassVar[Control] = Control("backprop")
    failing: ClassVar[Control] = Control("delayed_feedback")

    def measure(self, subject: Subject) -> Measured:
        """Return one number per instance."""
        values, kept = [], set()
        for seed in subject.seeds:
            start = subject.path(seed)[0]
            ends = [self._after(subject, start, seed, other) for other in (False, True)]
            changed = [name for name in ends[0] if not torch.equal(ends[0][name], ends[1][name])]
            trained = subject.rule.trainable(start.state)
            changed = [name for name in changed if name not in trained]
            samples = [name for name in changed if not _biological(subject, start, ends[0][name])]
            kept |= set(samples)
            values.append(sum(ends[0][name].numel() for name in samples) / N_TRAIN)
        return Measured(tuple(values), f"in {', '.join(sorted(kept))}" if kept else "")

    def _after(self, subject: Subject, start: Moment, seed: int, other: bool) -> dict[str, Tensor]:
        state = start.state
        for moment in subject.path(seed)[: min(EPOCH, subject.horizon)]:
            x = moment.batch.x.flip(-1) + 0.1 if other else moment.batch.x
            y = (moment.batch.y + 1) % subject.network.task.n_outputs if other else moment.batch.y
            here = Moment(start.params, state, moment.batch._replace(x=x, y=y), moment.noise)
            state = subject.moved(here, subject.step(here))[1]
        return state


def _biological(subject: Subject, start: Moment, entry: Tensor) -> bool:
    """Return whether ``entry`` has a place: a synapse between two populations, a neuron, or one global number."""
    if entry.numel() == 1:
        return True
    units = {n for synapse in subject.network.synapses for n in (synapse.n_in, synapse.n_out)}
    units |= {int(torch.tensor(shape).prod()) for shape in subject.network.output_shapes}
    weights = {tuple(sorted(weight.shape)) for weight in start.params.values()}
    if tuple(sorted(entry.shape)) in weights:
        return True
    return all(n in units for n in entry.shape) and entry.ndim <= 2

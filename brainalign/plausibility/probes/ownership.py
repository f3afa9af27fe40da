"""P2: whether anything a neuron owns depends on what another owns, other than through a synapse."""

from dataclasses import dataclass
from math import prod
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import SEPARATED, Moment, Subject
from brainalign.randomness import stream

#: Size of a disturbance, relative to the currents it is added to; large enough to make or stop a spike.
_SIZE = 0.3
#: A variable that changes by less than this, relative to its length, has not changed.
_UNCHANGED = 1e-10
#: Most crossings of a step that are disturbed, evenly spread over it.
_MOST = 5


@dataclass(frozen=True)
class Ownership(Probe):
    """Share of a change that reaches what the disturbed neurons do not own, the largest over variables.

    The current of half of a layer's neurons is disturbed at one crossing while every other current is replaced by what
    it was (a cut graph: only direct dependence is left). Allowed to change are messages of those very neurons and the
    updates of synapses on to and from them. What else changes read a variable of a neuron it has no synapse with: a sum
    over the layer, a norm, a loss. A single number made from the output is allowed as a global signal; what mixes the
    outputs themselves (a softmax) is listed by the audit of reductions instead. Neurons of a map are owned by their
    channel. Which matrix a current came through is not asked here but by the probe of weight transport: currents are
    held, and a rule that can have feedback weights of its own is probed with them.
    """

    code: ClassVar[str] = "P2"
    title: ClassVar[str] = "locality: share of a change that reaches what changed neurons do not own, transport aside"
    unit: ClassVar[str] = "share"
    limit: ClassVar[float] = 1e-6
    passing: ClassVar[Control] = Control("direct_feedback_alignment")
    failing: ClassVar[Control] = Control("forward_forward")

    def measure(self, subject: Subject) -> Measured:
        """Return one value per state."""
        values, worst = [], (0.0, "")
        own, subject = subject.separated is not subject, subject.separated
        for k, moment in enumerate(subject.singles()):
            value, where = max(self._mixed(subject, moment, k), default=(0.0, ""))
            values.append(value)
            worst = max(worst, (value, where))
        parts = [worst[1] if worst[0] > self.limit else "", SEPARATED if own else ""]
        return Measured(tuple(values), "; ".join(part for part in parts if part))

    def _mixed(self, subject: Subject, moment: Moment, k: int) -> list[tuple[float, str]]:
        before, tap = subject.watch(moment)
        currents = [crossing.current for crossing in tap.crossings]
        several = [index for index, crossing in enumerate(tap.crossings) if crossing.receivers > 1]  # one is no half
        stride = max(1, -(-len(several) // _MOST))
        chosen = several[k % stride :: stride]  # other ones in every state
        found = []
        for index in chosen:
            crossing = tap.crossings[index]
            generator = stream(k, "ownership", index)
            mask = _half(crossing.receivers, generator)
            from_output = crossing.receivers == subject.network.task.n_outputs
            results = []
            for _ in range(2 if from_output else 1):
                noise = torch.randn(crossing.current.shape, generator=generator, dtype=crossing.current.dtype)
                scale = _SIZE * crossing.current.abs().mean().clamp_min(1e-6)
                kick = scale * noise * _shaped(mask, crossing.current, crossing.current_axis)
                results.append(subject.watch(moment, replay=currents, disturb={index: kick}))
            one, seen = results[0]
            other = results[-1][0]
            for later, then in zip(tap.crossings[index + 1 :], seen.crossings[index + 1 :], strict=True):
                if from_output and later.senders == crossing.receivers:
                    continue
                allowed = _own(mask, later.senders)
                share = _outside(later.message, then.message, later.message_axis, allowed)
                found.append((share, f"a message of {later.senders} units"))
            for name, update in before.updates.items():
                if from_output and update.shape[0] == crossing.receivers:
                    continue
                share = self._update_share(update, one.updates[name], mask)
                alike = from_output and _parallel(one.updates[name] - update, other.updates[name] - update)
                found.append((0.0 if alike else share, f"the update of {name}"))
        return found

    def _update_share(self, before: Tensor, after: Tensor, mask: Tensor) -> float:
        rows, columns = _own(mask, before.shape[0]), None
        if before.ndim > 1:
            columns = _own(mask, before.shape[1])
        kept = torch.zeros_like(before, dtype=torch.bool)
        if rows is not None:
            kept |= _shaped(rows, before, 0)
        if columns is not None:
            kept |= _shaped(columns, before, 1)
        change = after - before
        if change.norm() <= _UNCHANGED * before.norm():
            return 0.0
        return float(change[~kept].norm() / change.norm()) if (~kept).any() else 0.0


def _half(units: int, generator: torch.Generator) -> Tensor:
    """Return half of ``units``, by neighbours where they divide: places of a map of 4 or 16 laid out flat."""
    run = next((run for run in (16, 4) if units % run == 0 and units > 2 * run), 1)
    mask = torch.rand(units // run, generator=generator) < 0.5
    mask[0], mask[-1] = True, False
    return mask.repeat_interleave(run)


def _own(mask: Tensor, units: int) -> Tensor | None:
    """Return ``mask`` over ``units`` if those are the disturbed population, as they are or with places, else None."""
    if units == len(mask):
        return mask
    if len(mask) in (4 * units, 16 * units):  # a small map laid out flat
        return mask[:: len(mask) // units]
    places, rest = divmod(units, len(mask))
    # A map is laid out channel by channel; few enough places for a map, and no chance multiple of a width.
    return mask.repeat_interleave(places) if rest == 0 and places in (4, 9, 16, 64) else None


def _shaped(mask: Tensor, like: Tensor, axis: int) -> Tensor:
    return mask.view([-1 if k == axis else 1 for k in range(like.ndim)])


def _outside(before: Tensor, after: Tensor, axis: int, allowed: Tensor | None) -> float:
    change = after - before
    if prod(change.shape) == 0 or change.norm() <= _UNCHANGED * before.norm().clamp_min(1e-300):
        return 0.0
    return 1.0 if allowed is None else float(change.movedim(axis, 0)[~allowed].norm() / change.norm())


def _parallel(one: Tensor, other: Tensor) -> bool:
    """Return whether two changes are the same up to a factor: what one global number can do."""
    a, b = one.flatten(), other.flatten()
    size = a.norm() * b.norm()
    return bool(size == 0 or 1 - (a @ b / size).abs() < 1e-4)

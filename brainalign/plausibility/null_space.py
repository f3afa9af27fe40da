"""Changes of a matrix that none of the activity that met it can feel."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from brainalign.credit.step import Step
from brainalign.plausibility.crossing import Crossing
from brainalign.plausibility.subject import Moment, Subject
from brainalign.plausibility.tap import Tap
from brainalign.plausibility.unsupported import Unsupported
from brainalign.randomness import stream

#: Directions of activity weaker than this, relative to the strongest, count as absent.
_ABSENT = 1e-12
#: Length of an update, relative to the longest, below which it is rounding.
_NOTHING = 1e-9
#: Relative change of a current above which an intervention was felt.
_FELT = 1e-8


class Unfelt(NamedTuple):
    """What followed from a change of half the rows of one matrix that no message of the step could feel.

    ``others`` is the largest relative change of an update of other synapses, ``neighbours`` that of the rows of its own
    update that were not changed; None if it has no update.
    """

    matrix: str
    others: float
    neighbours: float | None


def carriers(subject: Subject, moment: Moment, tap: Tap) -> dict[str, list[Crossing]]:
    """Return matrix to its crossings in its main direction: the one in which activity met it first.

    Weights of the network and matrices that an optimiser trains with them are carriers; of convolutions, those that
    are met forwards.
    """
    trained = {**moment.params, **{name: moment.state[name] for name in subject.rule.trainable(moment.state)}}
    found: dict[str, list[Crossing]] = {}
    for crossing in tap.crossings:
        for name in crossing.matrices & trained.keys():
            if trained[name].ndim < 2 or (trained[name].ndim == 4 and not crossing.forward):
                continue
            known = found.setdefault(name, [])
            if not known or known[0].forward == crossing.forward:
                known.append(crossing)
    return found


def unfelt_changes(subject: Subject) -> list[Unfelt]:
    """Change every carrier at every step of the first instance, and let what the rule remembers of it live on.

    The weights follow the path of the undisturbed rule; the rule's state follows the disturbed one, so that copies
    that are made now and used later show. Of other instances, the first step and those after training are probed.

    Raises
    ------
    Unsupported
        If no matrix can be changed unfelt.
    """
    if "unfelt" not in subject.found:
        refused: dict[str, str] = {}
        subject.found["unfelt"] = list(_unfelt(subject, refused)), refused
    found, refused = subject.found["unfelt"]
    if not found:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in refused.items())
        raise Unsupported(reasons or "no activity meets a matrix")
    return found


def unresolved(subject: Subject) -> dict[str, str]:
    """Return the matrices that could not be changed unfelt though an update below them depends on them, and why."""
    unfelt_changes(subject)
    return subject.found["unfelt"][1]


def _unfelt(subject: Subject, refused: dict[str, str]) -> Iterator[Unfelt]:
    skipped: set[str] = set()
    for seed in subject.seeds:
        remembered: dict[str, dict[str, Tensor]] = {}
        for t, moment in enumerate(subject.path(seed)):
            if seed != subject.seeds[0] and 0 < t < subject.horizon:
                continue
            before, tap = subject.watch(moment)
            for name, crossings in carriers(subject, moment, tap).items():
                if name in skipped:
                    continue
                try:
                    change, rows = _change(name, crossings, {**moment.params, **moment.state}[name], seed, t)
                    state = {**moment.state, **remembered.get(name, {})} if t < subject.horizon else moment.state
                    changed = _with(moment._replace(state=state), name, change)
                    if t == 0:
                        _refuse_felt(subject, changed, float(change.norm()), crossings)
                except Unsupported as reason:
                    skipped.add(name)
                    if _read_below(subject, name, before, tap):
                        refused[name] = str(reason)
                    continue
                after = subject.step(changed)
                yield _compared(name, rows, before, after)
                kept = subject.moved(changed, after)[1]
                remembered[name] = {n: value for n, value in kept.items() if n != name}
                if name in moment.state:
                    following = subject.moved(moment, before)[1]
                    remembered[name][name] = following[name]


def _read_below(subject: Subject, name: str, step: Step, tap: Tap) -> bool:
    """Return whether the update of any synapse before that of the matrix ``name`` depends on it in any way."""
    order = [synapse.weight_name for synapse in subject.network.synapses]
    below = order[: order.index(name)] if name in order else order
    return any(tap.reads(tap.node(step.updates[other]), name) for other in below if other in step.updates)


def _compared(matrix: str, rows: Tensor, before: Step, after: Step) -> Unfelt:
    synapse = matrix.rsplit(".", 1)[0]
    # An update that is zero but for rounding (the bias of keys, which a softmax cannot feel) has no relative change.
    smallest = _NOTHING * max((float(update.norm()) for update in before.updates.values()), default=0.0)
    others = [
        relative_change(update, after.updates[name], smallest)
        for name, update in before.updates.items()
        if name.rsplit(".", 1)[0] != synapse
    ]
    own, neighbours = before.updates.get(matrix), None
    if own is not None and len(own) == len(rows):
        neighbours = relative_change(own[~rows], after.updates[matrix][~rows])
    return Unfelt(matrix, max(others, default=0.0), neighbours)


def _change(name: str, crossings: list[Crossing], weight: Tensor, seed: int, t: int) -> tuple[Tensor, Tensor]:
    """Return a change of half of the rows of ``weight``, as long as they are, that ``crossings`` cannot feel."""
    columns = [crossing.columns() for crossing in crossings]
    flat = weight.flatten(1) if crossings[0].forward else weight.T
    if any(one.shape[1] != flat.shape[1] for one in columns):
        msg = f"its {flat.shape[1]} inputs are met in parts"
        raise Unsupported(msg)
    met = torch.cat(columns)
    _, strength, directions = torch.linalg.svd(met, full_matrices=False)
    basis = directions[strength > _ABSENT * strength[0]]
    if len(basis) >= flat.shape[1]:
        msg = f"null space empty, {len(met)} states span all {flat.shape[1]} inputs"
        raise Unsupported(msg)
    generator = stream(seed, "null space", name, t)
    change = torch.randn(flat.shape, generator=generator, dtype=flat.dtype)
    change = change - change @ basis.T @ basis
    rows = torch.rand(len(flat), generator=generator) < 0.5
    rows[0], rows[-1] = True, False
    change[~rows] = 0
    change = change * (flat[rows].norm().clamp_min(1e-3) / change.norm())
    change = change.view_as(weight) if crossings[0].forward else change.T
    return change, rows


def _with(moment: Moment, name: str, change: Tensor) -> Moment:
    if name in moment.params:
        return moment._replace(params={**moment.params, name: moment.params[name] + change})
    return moment._replace(state={**moment.state, name: moment.state[name] + change})


def _refuse_felt(subject: Subject, changed: Moment, size: float, crossings: list[Crossing]) -> None:
    """Refuse a matrix whose function, not itself, carries signals: the same message then makes another current."""
    _, tap = subject.watch(changed)
    for crossing in crossings:
        there = tap.crossings[crossing.order]
        sent, received = (float(one.norm()) for one in (crossing.message, crossing.current))
        same = float((there.message - crossing.message).norm()) <= _FELT * sent
        felt = float((there.current - crossing.current).norm()) > _FELT * (received + size * sent)
        if same and felt:
            msg = "signals cross a nonlinear function of it, which feels every change"
            raise Unsupported(msg)


def relative_change(before: Tensor, after: Tensor, smallest: float = 0.0) -> float:
    """Return the length of the change relative to the length before, or to ``smallest``; 1 if it came of nothing."""
    change, scale = float((after - before).norm()), max(float(before.norm()), smallest)
    if change == 0:
        return 0.0
    return change / scale if scale > 0 else 1.0

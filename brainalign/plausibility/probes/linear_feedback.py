"""P8d: whether the way back is purely linear."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.networks.network import Params
from brainalign.plausibility.crossing import Crossing
from brainalign.plausibility.probe import Control, Measured, Probe
from brainalign.plausibility.subject import Moment, Subject
from brainalign.plausibility.teaching import hidden_teaching
from brainalign.plausibility.unsupported import Unsupported
from brainalign.randomness import stream

#: Crossings that are disturbed, in turn.
_MOST = 4
#: Change of an update, relative to its length, below which it is rounding.
_FELT = 1e-9


@dataclass(frozen=True)
class LinearFeedback(Probe):
    """``|dW(2 k) - 2 dW(k) + dW| / |dW(2 k) - dW|`` for a kick ``k`` to a teaching current; the largest over currents.

    Neurons answer nonlinearly, so a way back that is purely linear needs cells unlike neurons. 0: hidden updates follow
    the kick in proportion. Without a way back there is no answer. Left out is what comes before the way back: currents
    of outputs, which are compared with the target, and those of a matrix (of a head) through which signals come back as
    well.
    """

    code: ClassVar[str] = "P8d"
    title: ClassVar[str] = "nonlinear feedback: departure of hidden updates from proportion to a kick on the way back"
    limit: ClassVar[float] = 1e-6
    at_least: ClassVar[bool] = True
    passing: ClassVar[Control] = Control("target_propagation")
    failing: ClassVar[Control] = Control("feedback_alignment")

    def measure(self, subject: Subject) -> Measured:
        """Return one value per state."""
        values = []
        for k, moment in enumerate(subject.moments()):
            step, tap = subject.watch(moment)
            taught = hidden_teaching(subject, moment, step, tap)
            returning = {c.matrices for c in taught if not c.forward}
            taught = [c for c in taught if not (c.forward and c.matrices in returning)]
            taught = [c for c in taught if c.receivers != subject.network.task.n_outputs]
            chosen = taught[:: -(-len(taught) // _MOST)] if taught else []
            values += [max(_departure(subject, moment, step.updates, c, k) for c in chosen)] if chosen else []
        if not values:
            msg = "no message: no teaching signals cross synapses on a way back"
            raise Unsupported(msg)
        return Measured(tuple(values))


def _departure(subject: Subject, moment: Moment, before: Params, crossing: Crossing, k: int) -> float:
    """Return how far hidden updates depart from proportion to a kick as large as the current; 0 if they feel none."""
    noise = torch.randn(crossing.current.shape, generator=stream(k, "kick", crossing.order), dtype=torch.float64)
    kick = crossing.current.abs().mean().clamp_min(1e-6) * noise

    def after(size: int) -> Tensor:
        found = subject.watch(moment, disturb={crossing.order: size * kick})[0].updates
        return torch.cat([(found[name] - before[name]).flatten() for name in names])

    names = [name for name in subject.hidden if name in before]
    once, twice = after(1), after(2)
    felt = float(twice.norm()) > _FELT * max(float(before[name].norm()) for name in names)
    return float((twice - 2 * once).norm() / twice.norm()) if felt else 0.0

"""A population of leaky integrate-and-fire neurons."""

from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

from brainalign.credit.spike_trains import decay


@dataclass(frozen=True)
class IntegrateAndFire:
    """``tau dv/dt = -v``, jumps by its input; at ``threshold`` a spike is sent and ``v`` is reset to 0, the rest.

    ``v`` is in mV above rest. In a step of ``dt`` ms it fades by ``exp(-dt / tau)`` and then takes up the step's input,
    so a constant input ``I`` mV per step gives intervals of ``ceil(ln(1 - threshold (1 - k) / I) / ln k)`` steps with
    ``k = exp(-dt / tau)``, plus the refractory ones, and none below ``threshold (1 - k)``.

    Parameters
    ----------
    tau, refractory
        Membrane time constant, and time after a spike in which ``v`` stays at rest; ms.
    dt
        Step, ms.
    inhibition
        mV by which a spike lowers every other unit of its layer (at its place, in maps), one step later.
    floor
        Lowest ``v`` in mV: the reversal potential of inhibition.
    one
        Whether of several units that reach threshold in one step only the one that is furthest above it fires:
        inhibition that is faster than a step.
    subtract
        Whether a spike lowers ``v`` by the threshold instead of resetting it, so that what exceeds it counts for the
        next spike: without leak, spikes are the whole part of summed input over threshold, as long as no step brings
        more than one.
    """

    tau: float
    dt: float
    refractory: float = 0.0
    inhibition: float = 0.0
    floor: float = -inf
    one: bool = False
    subtract: bool = False

    def spikes(self, current: Tensor, threshold: Tensor) -> Tensor:
        """Return spikes for ``current`` ``(steps, n, units, ...)`` in mV per step and thresholds ``(units, ...)``."""
        kept, pause = decay(self.tau, self.dt), round(self.refractory / self.dt)
        v = torch.zeros_like(current[0])
        waiting = torch.zeros_like(v)
        found: list[Tensor] = []
        for now in current:
            v = v * kept + now
            if self.inhibition and found:
                v = v - self.inhibition * (found[-1].sum(1, keepdim=True) - found[-1])
            if self.floor > -inf:
                v = v.clamp_min(self.floor)
            if pause:
                v = v * (waiting <= 0)
            above = v - threshold
            fires = above >= (above.amax(1, keepdim=True).clamp_min(0) if self.one else 0)
            spike = fires.to(v.dtype)
            v = v - spike * threshold if self.subtract else v.masked_fill(fires, 0)
            if pause:
                waiting = torch.maximum(waiting - 1, spike * pause)
            found.append(spike)
        return torch.stack(found)

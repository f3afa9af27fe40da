"""Spikes of a presentation: how a stimulus becomes spikes, what a synapse remembers of them, and their rates.

A presentation has ``steps`` time steps of ``dt`` ms. Spikes are 0 or 1, ``(steps, n, *shape)``; times are in ms, rates
in Hz. A step is the shortest time there is: spikes within one step are simultaneous.
"""

from math import ceil, exp

import torch
from torch import Tensor

from brainalign.errors import SpecError

#: Uniform numbers are whole 16-bit ones: four times as many in the time, and finer than a rate is known.
_VALUES = 2.0**16


def time_steps(duration: float, dt: float) -> int:
    """Return how many steps of ``dt`` ms a presentation of ``duration`` ms has.

    Raises
    ------
    SpecError
        If there would be fewer than two.
    """
    steps = round(duration / dt) if dt > 0 else 0
    if steps < 2:
        msg = f"duration {duration} ms and dt {dt} ms make {steps} time steps; expected at least 2."
        raise SpecError(msg)
    return steps


def decay(tau: float, dt: float) -> float:
    """Return what is left after ``dt`` ms of what fades with time constant ``tau`` ms; 0 ms forgets at once."""
    return exp(-dt / tau) if tau > 0 else 0.0


def intensities(x: Tensor) -> Tensor:
    """Return stimuli ``(n, ...)`` between 0, each one's own darkest value, and 1, its brightest.

    Networks are shown standardised images; their black and white are gone, but the darkest and brightest value of each
    remain. Where an image holds both, this is its pixel intensity; an image of one value is dark.
    """
    flat = x.flatten(1)
    low, high = flat.amin(1, keepdim=True), flat.amax(1, keepdim=True)
    return ((flat - low) / (high - low).clamp_min(torch.finfo(x.dtype).tiny)).view_as(x)


def draw_uniform(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Draw whole numbers of 16 bits for :func:`poisson_spikes`, each of them equally probable."""
    count = torch.Size(shape).numel()
    drawn = torch.empty(ceil(count / 4), dtype=torch.int64).random_(-(2**63), None, generator=generator)
    return drawn.view(torch.int16)[:count].view(shape)


def poisson_spikes(rates: Tensor, uniform: Tensor, dt: float) -> Tensor:
    """Return a spike where a uniform number falls below the probability ``rate dt``.

    ``rates`` ``(n, *shape)`` are in Hz, ``uniform`` ``(steps, n or 1, *shape)`` from :func:`draw_uniform`.
    """
    return (uniform < rates * (dt / 1000 * _VALUES) - _VALUES / 2).to(rates.dtype)


def regular_spikes(rates: Tensor, steps: int, dt: float) -> Tensor:
    """Return evenly spaced spikes ``(steps, n, *shape)`` at ``rates`` in Hz, the first one a full interval after onset.

    Brighter is both earlier and more often; nothing is random.
    """
    time = torch.arange(steps + 1, device=rates.device, dtype=rates.dtype).view(-1, *[1] * rates.ndim)
    return (time * (rates * (dt / 1000)).clamp_max(1)).floor().diff(dim=0)


def trace(spikes: Tensor, kept: float, nearest: bool = False) -> Tensor:
    """Return what is remembered of earlier spikes just before each step: ``x(t) = sum_(s<t) kept^(t-s) spike(s)``.

    With ``nearest`` only the last spike counts.
    """
    x, found = torch.zeros_like(spikes[0]), []
    for now in spikes:
        found.append(x)
        x = (torch.maximum(x, now) if nearest else x + now) * kept
    return torch.stack(found)


def firing_rates(spikes: Tensor, dt: float) -> Tensor:
    """Return spike counts over the presentation as rates ``(n, *shape)`` in Hz."""
    return spikes.mean(0) * (1000 / dt)

"""A point on a landscape that moves by the credit a top-down network gives it."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from brainalign.credit.credit_network import CreditNetwork, diffusion_kernels
from brainalign.errors import SpecError
from brainalign.metalearning.landscapes import Terrain, step_scale
from brainalign.networks.architecture import choose
from brainalign.options import require_positive, require_steps

# Points stay in a box half again as wide as the one starts are drawn from.
EDGE = 1.5
_SCALARS = 6
_SMALLEST, _LARGEST = 1e-6, 1.0


@dataclass(frozen=True, eq=False)
class Walk:
    """Where walks ended: ``point`` ``(..., b, d)``, its ``value`` ``(..., b)``, ``path`` ``(steps + 1, ..., b, d)``."""

    point: Tensor
    value: Tensor
    path: Tensor | None


@dataclass(frozen=True)
class CreditWalk:
    """``x_i <- x_i + s sum_m c_im e_im``, ``c_m = D k_m``, ``s <- s exp(tanh(k_0) / 2)``.

    The bottom-up network is the point: neuron i emits ``x_i`` and has ``m`` local traces ``e_i``: its own noise, its
    last change, and how far it is from the best answer so far (the last two in units of ``s``); with
    ``reads="gradient"`` also the unit vector downhill. The top-down network emits ``n_credits`` credits ``k_m`` per
    kind of trace, which the kernel ``D`` ``(d, n_credits)`` spreads over neurons, and ``k_0``, which sets the common
    step size ``s``. It reads the function's value and its last change, both relative to the values met so far,
    whether that was the best so far and how long ago the best was met, ``s``, the time left, and the traces
    gathered by the same kernel. With ``reads="values"`` neither it nor the neurons read a slope: credit replaces
    the backward pass. All of this is our reading; no equations are published.

    One evaluation of the function (and of its gradient, if read) per step.

    Not plausible: every neuron keeps exactly where the best answer was.

    Parameters
    ----------
    dimension
        ``d``.
    n_credits
        Credits per kind of trace; 0 for one per neuron and no diffusion.
    reads
        ``"values"`` or ``"gradient"``.
    hidden
        Widths of the top-down network.
    steps
        Length of a walk.
    """

    dimension: int = 2
    n_credits: int = 0
    reads: str = "values"
    hidden: tuple[int, ...] = (16,)
    steps: int = 100

    def __post_init__(self) -> None:
        choose("reads", self.reads, ("values", "gradient"))
        require_positive(dimension=self.dimension, steps=self.steps)
        require_steps(n_credits=self.n_credits)
        if self.n_credits > self.dimension:
            msg = f"Option n_credits is {self.n_credits}; expected at most the {self.dimension} neurons, or 0 for them."
            raise SpecError(msg)

    @property
    def traces(self) -> int:
        """Kinds of trace of a neuron."""
        return 4 if self.reads == "gradient" else 3

    @cached_property
    def network(self) -> CreditNetwork:
        """The top-down network."""
        credits = self.traces * (self.n_credits or self.dimension)
        return CreditNetwork(_SCALARS + credits, self.hidden, credits + 1)

    @cached_property
    def kernel(self) -> Tensor:
        """``D`` ``(d, n_credits)``: smooth, since a gain of the wrong sign would lead away from the best answer."""
        if not self.n_credits:
            return torch.eye(self.dimension)
        return diffusion_kernels((self.dimension,), self.n_credits, torch.Generator(), randomness=0)[0]

    def noise(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw the neurons' noise ``(steps, n, d)``."""
        return step_scale(self.dimension) * torch.randn(self.steps, n, self.dimension, generator=generator)

    @torch.no_grad()
    def walk(self, phi: Tensor, terrain: Terrain, start: Tensor, noise: Tensor, keep: bool = False) -> Walk:
        """Walk from ``start`` ``(b, d)`` with every credit network of ``phi`` ``(p, n_parameters)``.

        All networks meet the same instances, starts and noise.
        """
        emit = torch.func.vmap(self.network)
        point = start.expand(len(phi), *start.shape)
        value = terrain.value(point)
        best, lowest, highest, before = point, value, value, value
        last, size = torch.zeros_like(point), torch.full_like(value, 0.3)
        since = torch.zeros_like(value)
        path = [point]
        for t, drawn in enumerate(noise):
            unit = size[..., None]
            trace = [drawn.expand_as(point), last / unit, (best - point) / unit]
            if self.reads == "gradient":
                slope = terrain.slope(point)
                trace.append(-slope / (slope.norm(dim=-1, keepdim=True) + 1e-12))
            traces = torch.stack(trace, -2)
            scalars = (*_relative(value, before, lowest, highest), torch.tanh(since / 10), size.log() / 5,
                       torch.full_like(value, t / self.steps))  # fmt: skip
            gathered = torch.tanh(traces) @ self.kernel
            emitted = emit(phi, torch.cat([torch.stack(scalars, -1), gathered.flatten(-2)], -1))
            credit = emitted[..., 1:].unflatten(-1, (self.traces, -1)) @ self.kernel.T
            moved = (point + unit * (credit * traces).sum(-2)).clamp(-EDGE, EDGE)
            last, point, before = moved - point, moved, value
            value = terrain.value(point)
            better = value < lowest
            best = torch.where(better[..., None], point, best)
            since = torch.where(better, 0.0, since + 1)
            lowest, highest = torch.minimum(lowest, value), torch.maximum(highest, value)
            size = (size * torch.exp(torch.tanh(emitted[..., 0]) / 2)).clamp(_SMALLEST, _LARGEST)
            if keep:
                path.append(point)
        return Walk(point, value, torch.stack(path) if keep else None)


def _relative(value: Tensor, before: Tensor, lowest: Tensor, highest: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return height above the lowest value met, last change, and whether the value is the lowest; all within [-1, 1].

    Relative to the values met, since no neuron knows the units of a function.
    """
    height = (value - lowest) / (highest - lowest + 1e-12)
    change = (value - before) / ((value - lowest) + (before - lowest) + 1e-12)
    return height, change.clamp(-1, 1), (value <= lowest).to(value)

"""Non-convex functions with known minima, and shifted, rotated instances of them."""

from collections.abc import Callable
from dataclasses import dataclass
from math import e, pi, sqrt

import numpy as np
import torch
from torch import Tensor

from brainalign.errors import SpecError

_TILT = 0.3
# Minima of (z^2 - 1)^2 + tilt z are the outer roots of its derivative, the barrier is the middle one.
_WELL, _BARRIER, _ = sorted(np.roots([4, 0, -4, _TILT]).real)
_DEPTH = (_WELL**2 - 1) ** 2 + _TILT * _WELL


def rastrigin(z: Tensor) -> Tensor:
    """Return ``sum_i z_i^2 + 10 (1 - cos 2 pi z_i)``."""
    return (z.square() + 10 * (1 - torch.cos(2 * pi * z))).sum(-1)


def ackley(z: Tensor) -> Tensor:
    """Return ``20 (1 - exp(-0.2 rms(z))) + e - exp(mean_i cos 2 pi z_i)``."""
    # A floor under the root keeps its slope finite at the minimum.
    radius = (z.square().mean(-1) + 1e-24).sqrt()
    return 20 * (1 - torch.exp(-0.2 * radius)) + e - torch.exp(torch.cos(2 * pi * z).mean(-1))


def rosenbrock(z: Tensor) -> Tensor:
    """Return ``sum_i 100 (z_(i+1) - z_i^2)^2 + (1 - z_i)^2``."""
    return (100 * (z[..., 1:] - z[..., :-1].square()).square() + (1 - z[..., :-1]).square()).sum(-1)


def griewank(z: Tensor) -> Tensor:
    """Return ``sum_i z_i^2 / 4000 + 1 - prod_i cos(z_i / sqrt(i))``."""
    return z.square().sum(-1) / 4000 + 1 - torch.cos(z / _root_index(z)).prod(-1)


def double_well(z: Tensor) -> Tensor:
    """Return ``sum_i (z_i^2 - 1)^2 + 0.3 z_i`` above its minimum; each coordinate has a deep and a shallow well."""
    return ((z.square() - 1).square() + _TILT * z - _DEPTH).sum(-1)


def _root_index(z: Tensor) -> Tensor:
    return torch.arange(1, z.shape[-1] + 1, device=z.device, dtype=z.dtype).sqrt()


@dataclass(frozen=True)
class Landscape:
    """A function with minimum 0.

    ``value(z)`` maps ``(..., d)`` to ``(...)``; every coordinate of the global minimiser is ``minimiser``, starts lie
    within ``half_width`` of the origin, and ``basin`` is how far, in every coordinate, its basin reaches from the
    minimiser (times ``sqrt(i)`` for Griewank's i-th). Rosenbrock's function has no other minimum in two dimensions;
    its ``basin`` is an arrival.
    """

    name: str
    value: Callable[[Tensor], Tensor]
    half_width: float
    minimiser: float
    basin: float

    def in_basin(self, z: Tensor) -> Tensor:
        """Return whether points ``(..., d)`` lie in the basin of the global minimum, ``(...)``."""
        reach = self.basin * (_root_index(z) if self.name == "griewank" else torch.ones_like(z[..., :1]))
        return ((z - self.minimiser).abs() < reach).all(-1)


#: Half widths are the customary ones.
LANDSCAPES: dict[str, Landscape] = {
    one.name: one
    for one in (
        Landscape("rastrigin", rastrigin, 5.12, 0.0, 0.5),
        Landscape("ackley", ackley, 32.768, 0.0, 0.5),
        Landscape("rosenbrock", rosenbrock, 2.048, 1.0, 0.25),
        Landscape("griewank", griewank, 600.0, 0.0, pi / 2),
        Landscape("double_well", double_well, 2.0, float(_WELL), float(_BARRIER - _WELL)),
    )
}


def landscape(name: str) -> Landscape:
    """Return the landscape ``name``; an unknown name raises :class:`SpecError`."""
    if name not in LANDSCAPES:
        msg = f"Unknown function {name!r}. Choose one of: {', '.join(LANDSCAPES)}."
        raise SpecError(msg)
    return LANDSCAPES[name]


@dataclass(frozen=True, eq=False)
class Terrain:
    """Instances ``F_b(u) = f(z* + w R_b (u - m_b))`` of a landscape in a box of half width 1.

    ``rotation`` ``(b, d, d)``, ``minimum`` ``(b, d)``: where instance b's global minimum, 0, lies.
    """

    landscape: Landscape
    rotation: Tensor
    minimum: Tensor

    def canonical(self, u: Tensor) -> Tensor:
        """Return the landscape's own coordinates ``(..., b, d)`` of points ``(..., b, d)`` of the box."""
        turned = (self.rotation @ (u - self.minimum).unsqueeze(-1)).squeeze(-1)
        return self.landscape.minimiser + self.landscape.half_width * turned

    def value(self, u: Tensor) -> Tensor:
        """Return ``F`` ``(..., b)`` at points ``(..., b, d)``."""
        return self.landscape.value(self.canonical(u))

    def slope(self, u: Tensor) -> Tensor:
        """Return the gradient ``(..., b, d)`` at points ``(..., b, d)``."""
        with torch.enable_grad():
            at = u.detach().requires_grad_()
            return torch.autograd.grad(self.value(at).sum(), at)[0]

    def in_basin(self, u: Tensor) -> Tensor:
        """Return whether points ``(..., b, d)`` lie in the basin of the global minimum, ``(..., b)``."""
        return self.landscape.in_basin(self.canonical(u))


def draw_terrain(
    function: Landscape, n: int, dimension: int, generator: torch.Generator, spread: float = 0.5
) -> Terrain:
    """Draw ``n`` instances: uniform rotations or reflections, minima uniform within ``spread`` of the box's centre."""
    if dimension < 2:
        msg = f"Option dimension is {dimension}; expected 2 or more."
        raise SpecError(msg)
    q, r = torch.linalg.qr(torch.randn(n, dimension, dimension, generator=generator))
    rotation = q * torch.diagonal(r, dim1=1, dim2=2).sign()[:, None]  # signs make the draw uniform
    return Terrain(function, rotation, spread * (2 * torch.rand(n, dimension, generator=generator) - 1))


def draw_starts(n: int, dimension: int, generator: torch.Generator) -> Tensor:
    """Draw ``(n, dimension)`` starts, uniform in the box."""
    return 2 * torch.rand(n, dimension, generator=generator) - 1


def step_scale(dimension: int) -> float:
    """Return the length of a standard normal step per coordinate, so that scales mean the same in every dimension."""
    return 1 / sqrt(dimension)

"""What the credit walk is compared with: gradient descent with a tuned or meta-learned rate, and a (1+1) strategy."""

from dataclasses import dataclass

import torch
from torch import Tensor

from brainalign.metalearning.credit_walk import EDGE, Walk
from brainalign.metalearning.landscapes import Terrain
from brainalign.options import require_positive

_KNOTS = 8

#: Grid of the tuned rate, in units of the box per unit of slope; and of the tuned momentum.
RATES = torch.logspace(-9, 1, 41)
MOMENTA = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99)
#: Grid of the (1+1) strategy's first step size.
SIZES = torch.logspace(-2, 0.5, 11)


@dataclass(frozen=True)
class Descent:
    """``v <- mu v - rate_t dF/dx``, ``x <- x + v``, within the box of :class:`CreditWalk`; one slope per step.

    ``phi = (log rate at 8 times, logit mu)`` with the logarithm of the rate linear in between; a constant rate is
    a point of this.
    """

    steps: int = 100

    def __post_init__(self) -> None:
        require_positive(steps=self.steps)

    @staticmethod
    def constant(rate: Tensor, momentum: float = 0.0) -> Tensor:
        """Return ``phi`` ``(..., 9)`` of constant rates ``(...)``."""
        logit = torch.full_like(rate, momentum).logit(eps=1e-6)
        return torch.cat([rate.log()[..., None].expand(*rate.shape, _KNOTS), logit[..., None]], -1)

    @torch.no_grad()
    def walk(self, phi: Tensor, terrain: Terrain, start: Tensor, noise: Tensor, keep: bool = False) -> Walk:
        """Descend from ``start`` ``(b, d)`` with every ``phi`` ``(p, 9)``; ``noise`` plays no part."""
        del noise
        rates = self._rates(phi[:, :_KNOTS])
        momentum = torch.sigmoid(phi[:, _KNOTS])[:, None, None]
        point = start.expand(len(phi), *start.shape)
        velocity = torch.zeros_like(point)
        path = [point]
        for t in range(self.steps):
            velocity = momentum * velocity - rates[t][:, None, None] * terrain.slope(point)
            point = (point + velocity).clamp(-EDGE, EDGE)
            if keep:
                path.append(point)
        return Walk(point, terrain.value(point), torch.stack(path) if keep else None)

    def _rates(self, knots: Tensor) -> Tensor:
        """Return ``(steps, p)``."""
        place = torch.linspace(0, _KNOTS - 1, self.steps).to(knots)
        left = place.long().clamp(max=_KNOTS - 2)
        share = (place - left)[:, None]
        return torch.exp((1 - share) * knots.T[left] + share * knots.T[left + 1])


@dataclass(frozen=True)
class OnePlusOne:
    """``x' = best + s xi``; kept if better, ``s <- s a`` then, ``s <- s a^(-1/4)`` otherwise, ``a = exp(0.8)``.

    The (1+1) evolution strategy with the one-fifth success rule; one value per step, like the credit walk without
    slopes, but designed by hand. Ends at its best answer.

    References
    ----------
    Rechenberg 1973; the form with ``a`` is Kern et al. 2004, Nat. Comput. 3:77.
    """

    steps: int = 100

    def __post_init__(self) -> None:
        require_positive(steps=self.steps)

    @torch.no_grad()
    def walk(self, phi: Tensor, terrain: Terrain, start: Tensor, noise: Tensor, keep: bool = False) -> Walk:
        """Walk from ``start`` ``(b, d)`` with the logarithm of every first step size, ``phi`` ``(p, 1)``."""
        best = start.expand(len(phi), *start.shape)
        lowest = terrain.value(best)
        scale = phi.exp().expand_as(lowest)
        path = [best]
        for drawn in noise:
            tried = (best + scale[..., None] * drawn).clamp(-EDGE, EDGE)
            value = terrain.value(tried)
            better = value < lowest
            best, lowest = torch.where(better[..., None], tried, best), torch.minimum(lowest, value)
            scale = scale * torch.where(better, 0.8, -0.2).exp()
            if keep:
                path.append(best)
        return Walk(best, lowest, torch.stack(path) if keep else None)

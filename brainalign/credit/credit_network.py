"""The top-down network that assigns credit, and the fixed kernels that spread its few credits over many neurons."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from brainalign.errors import SpecError
from brainalign.options import require_positive


@dataclass(frozen=True)
class CreditNetwork:
    """``c = W_D tanh(... tanh(W_1 s + b_1) ...) + b_D``, a pure function of one flat vector ``phi``.

    ``s`` ``(n_in,)`` is what the top-down network reads and ``c`` ``(n_out,)`` the credits it emits. ``phi`` holds
    weights, then biases, layer by layer, so that an outer level can move all of it as one point. Works under
    :func:`torch.func.vmap`. Published without equations; depth, widths and nonlinearity are our reading.

    Not plausible: nothing here says how a brain would search for ``phi``.

    Parameters
    ----------
    n_in, n_out
        Signals read and credits emitted.
    hidden
        Widths of the tanh layers; none for a linear network.
    """

    n_in: int
    hidden: tuple[int, ...]
    n_out: int

    def __post_init__(self) -> None:
        require_positive(n_in=self.n_in, n_out=self.n_out, **{f"hidden[{k}]": n for k, n in enumerate(self.hidden)})

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Shape ``(n_out, n_in)`` of every layer's weight."""
        return tuple((above, below) for below, above in pairwise((self.n_in, *self.hidden, self.n_out)))

    @property
    def n_parameters(self) -> int:
        """Length of ``phi``."""
        return sum(above * (below + 1) for above, below in self.shapes)

    def init(self, generator: torch.Generator) -> Tensor:
        """Draw ``phi`` ``(n_parameters,)``: weights of variance 1 / n_in of their layer, biases 0."""
        layers = [
            torch.cat([torch.randn(above * below, generator=generator) / below**0.5, torch.zeros(above)])
            for above, below in self.shapes
        ]
        return torch.cat(layers)

    def __call__(self, phi: Tensor, features: Tensor) -> Tensor:
        """Return credits ``(..., n_out)`` for ``features`` ``(..., n_in)``."""
        if phi.shape[-1] != self.n_parameters:
            msg = f"A credit network of {self.n_parameters} parameters got {phi.shape[-1]}; expected phi from its init."
            raise SpecError(msg)
        signal, start = features, 0
        for k, (above, below) in enumerate(self.shapes):
            weight = phi[start : start + above * below].view(above, below)
            bias = phi[start + above * below : start + above * (below + 1)]
            signal = signal @ weight.T + bias
            signal = torch.tanh(signal) if k < len(self.hidden) else signal
            start += above * (below + 1)
        return signal


def diffusion_kernels(
    widths: Sequence[int], n_credits: int, generator: torch.Generator, randomness: float = 0.5
) -> list[Tensor]:
    """Draw one fixed kernel ``D`` ``(width, n_credits)`` per layer; ``c = D k`` spreads credits ``k`` over its neurons.

    ``D_ik = (1 - r) exp(-(x_i - z_k)^2 n_credits^2 / 2) + r N(0, 1)`` with rows of unit length: neurons at
    ``x_i = (i + 1/2) / width`` receive most of the credit released nearest to them, at ``z_k = (k + 1/2) / n_credits``,
    and a random share ``r`` of all, so that neighbours do not all receive the same. The paper names diffusion and
    publishes no kernel; both parts are our reading.

    Raises
    ------
    SpecError
        If a width or ``n_credits`` is not above 0, or ``randomness`` is not between 0 and 1.
    """
    require_positive(n_credits=n_credits, **{f"widths[{k}]": n for k, n in enumerate(widths)})
    if not 0 <= randomness <= 1:
        msg = f"Option randomness is {randomness}; expected a number between 0 and 1."
        raise SpecError(msg)
    kernels = []
    for width in widths:
        distance = _places(width)[:, None] - _places(n_credits)
        bumps = torch.exp(-0.5 * (distance * n_credits).square())
        kernel = (1 - randomness) * bumps + randomness * torch.randn(width, n_credits, generator=generator)
        kernels.append(kernel / kernel.norm(dim=1, keepdim=True))
    return kernels


def _places(n: int) -> Tensor:
    return (torch.arange(n) + 0.5) / n

"""The connections a learning rule can see: a linear map or a convolution, its weight and its bias."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Synapse:
    """One weight tensor between two sets of neurons.

    Parameters
    ----------
    name
        Unique in the network; the parameters are ``<name>.weight`` and ``<name>.bias``.
    kind
        ``"linear"``, weight ``(n_out, n_in)``, or ``"conv2d"``, weight ``(n_out, n_in, kernel, kernel)``.
    n_in, n_out
        Features or channels.
    kernel, stride, padding
        Of the convolution, in pixels.
    gain
        Weights start uniform with standard deviation ``gain / sqrt(fan_in)``; sqrt(2) before a rectifier.
    bias
        Whether there is one; it starts at zero.
    """

    name: str
    kind: Literal["linear", "conv2d"]
    n_in: int
    n_out: int
    kernel: int = 1
    stride: int = 1
    padding: int = 0
    gain: float = 1.0
    bias: bool = True

    @property
    def weight_name(self) -> str:
        """Name of the weight among the network's parameters."""
        return f"{self.name}.weight"

    @property
    def bias_name(self) -> str:
        """Name of the bias among the network's parameters."""
        return f"{self.name}.bias"

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Shape of the weight."""
        return (self.n_out, self.n_in) + (() if self.kind == "linear" else (self.kernel, self.kernel))

    def draw_weight(self, generator: torch.Generator) -> Tensor:
        """Draw a weight at its initial scale; feedback weights are drawn with the same call."""
        fan_in = self.n_in * (1 if self.kind == "linear" else self.kernel**2)
        bound = self.gain * sqrt(3 / fan_in)
        return (torch.rand(self.weight_shape, generator=generator) * 2 - 1) * bound

    def __call__(self, params: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Send ``x`` forward: ``(..., n_in)`` or ``(n, n_in, height, width)``."""
        bias = params[self.bias_name] if self.bias else None
        return transmit(self, x, params[self.weight_name], bias)


def transmit(synapse: Synapse, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return the current that ``x`` causes through ``weight``."""
    if synapse.kind == "linear":
        return F.linear(x, weight, bias)
    return F.conv2d(x, weight, bias, stride=synapse.stride, padding=synapse.padding)

"""Where rows of numbers point, and how a gradient there becomes one of the rows."""

from typing import NamedTuple

import torch
from torch import Tensor


class Directions(NamedTuple):
    """Rows divided by their lengths, ``unit`` ``(n, d)``, and what they were divided by, ``length`` ``(n, 1)``."""

    unit: Tensor
    length: Tensor

    @classmethod
    def of(cls, x: Tensor, shortest: float = 0.0, instead: float = 1.0) -> "Directions":
        """Return the directions of ``x`` ``(n, d)``; rows no longer than ``shortest`` are divided by ``instead``."""
        length = torch.linalg.vector_norm(x, dim=1, keepdim=True)
        length = torch.where(length > shortest, length, instead)
        return cls(x / length, length)

    def turned(self, slope: Tensor) -> Tensor:
        """Return the gradient with respect to the rows, given that with respect to ``unit``: what turns them."""
        return (slope - self.unit * (self.unit * slope).sum(1, keepdim=True)) / self.length

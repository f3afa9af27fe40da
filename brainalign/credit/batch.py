"""What one step of learning sees."""

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Inputs ``(n, channels, height, width)``, labels ``(n,)`` and each sample's identity ``(n,)`` in training."""

    x: Tensor
    y: Tensor
    index: Tensor  # type: ignore[assignment]  # hides tuple.index, which nobody wants here

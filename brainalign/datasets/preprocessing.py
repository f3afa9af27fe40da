"""From uint8 images to what a network receives: one declared function for training and for stimuli."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Preprocessing:
    """Channel conversion, resizing and normalisation.

    Parameters
    ----------
    channels
        1 (grey, ITU-R 601 luma) or 3 (RGB; grey images are repeated).
    resolution
        Height and width in pixels; images of another size are resized, bilinear with antialiasing.
    mean, std
        Per channel, of the training images on the 0..1 scale.
    white
        Value that becomes 1: 255 of images, 1 of features.
    """

    channels: int
    resolution: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    white: float = 255.0

    @classmethod
    def fit(cls, images: np.ndarray) -> "Preprocessing":
        """Take resolution and statistics from training images ``(n, channels, height, width)``, uint8 or float32."""
        if images.dtype != np.uint8:
            mean, std = images.mean((0, 2, 3), dtype=np.float64), images.std((0, 2, 3), dtype=np.float64)
            return cls._of(images, mean, std, white=1.0)
        # Counting the 256 values is exact, and far faster than converting every pixel to a float.
        counts = np.stack([np.bincount(images[:, k].ravel(), minlength=256) for k in range(images.shape[1])])
        values = np.arange(256) / 255
        mean = counts @ values / counts.sum(axis=1)
        std = np.sqrt((counts * (values - mean[:, None]) ** 2).sum(axis=1) / counts.sum(axis=1))
        return cls._of(images, mean, std, white=255.0)

    @classmethod
    def _of(cls, images: np.ndarray, mean: np.ndarray, std: np.ndarray, white: float) -> "Preprocessing":
        shown = tuple(float(m) for m in mean), tuple(float(s) if s > 0 else 1.0 for s in std)
        return cls(images.shape[1], (images.shape[2], images.shape[3]), *shown, white)

    def __call__(self, images: Tensor) -> Tensor:
        """Return float32 ``(n, channels, *resolution)`` from ``(n, any channels, any height, any width)``."""
        x = images.to(torch.float32) / self.white
        if x.shape[1] == 3 and self.channels == 1:
            x = (x * x.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
        elif x.shape[1] == 1 and self.channels == 3:
            x = x.expand(-1, 3, -1, -1)
        if tuple(x.shape[-2:]) != tuple(self.resolution):
            x = F.interpolate(x, size=tuple(self.resolution), mode="bilinear", antialias=True, align_corners=False)
        shape = (1, self.channels, 1, 1)
        return (x - x.new_tensor(self.mean).view(shape)) / x.new_tensor(self.std).view(shape)

    def record(self) -> dict[str, Any]:
        """Return the fields as JSON-able values, for hashes and manifests."""
        return asdict(self)

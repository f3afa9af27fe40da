"""From uint8 images to what a network receives: one declared function for training and for stimuli."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from brainalign.errors import DataError, SpecError
from brainalign.specs import ASPECTS as ASPECTS


@dataclass(frozen=True)
class Preprocessing:
    """Channel conversion, resizing and normalisation.

    Parameters
    ----------
    channels
        1 (grey, ITU-R 601 luma) or 3 (RGB; grey images are repeated); any number of features.
    resolution
        Height and width in pixels; images of another size are resized, bilinear with antialiasing.
    mean, std
        Per channel, of the training images on the 0..1 scale.
    white
        Value that becomes 1: 255 of images, 1 of features and of networks that were trained on pixels of 0..255.
    aspect
        What becomes of an image whose sides have another ratio than those of the resolution: ``"refuse"`` raises,
        ``"crop"`` resizes it to cover the resolution and keeps the centre, ``"stretch"`` squashes it. A resolution
        within half a pixel of the ratio counts as equal.

    Raises
    ------
    SpecError
        If an option is out of its range, or ``mean`` or ``std`` are not one number per channel.

    Examples
    --------
    >>> import brainalign as ba, numpy as np, torch
    >>> shown = ba.Preprocessing(channels=1, resolution=(4, 4), mean=(0.5,), std=(0.25,))
    >>> shown(torch.full((1, 3, 8, 8), 255)).unique().round(decimals=3).tolist()
    [2.0]
    >>> shown.record()["resolution"]
    (4, 4)
    >>> ba.Preprocessing.fit(np.full((2, 1, 8, 8), 51, np.uint8)).mean
    (0.2,)
    """

    channels: int
    resolution: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    white: float = 255.0
    aspect: str = "refuse"

    def __post_init__(self) -> None:
        white = self.white
        _require(isinstance(white, Real) and 0 < white < math.inf, "white", white, "a positive number")
        kinds = "1 (grey) or 3 (RGB); features say white = 1"
        counts = _whole(self.channels) and (self.channels in (1, 3) or (white == 1 and self.channels > 0))
        _require(counts, "channels", self.channels, kinds)
        sides = tuple(self.resolution) if isinstance(self.resolution, Iterable) else ()
        pixels = "a pair of positive whole numbers (height, width)"
        fits = len(sides) == 2 and all(_whole(side) and side > 0 for side in sides)
        _require(fits, "resolution", self.resolution, pixels)
        _require(self.aspect in ASPECTS, "aspect", self.aspect, f"one of: {', '.join(ASPECTS)}")
        plain = {
            "channels": int(self.channels),
            "resolution": tuple(int(side) for side in sides),
            "white": float(white),
        }
        for name in ("mean", "std"):
            plain[name] = self._per_channel(name)
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    def _per_channel(self, name: str) -> tuple[float, ...]:
        """Return ``mean`` or ``std`` as plain numbers, or refuse what is on another scale than the images."""
        given = getattr(self, name)
        values = tuple(given) if isinstance(given, Iterable) and getattr(given, "ndim", 1) == 1 else (given,)
        numbers = all(isinstance(value, Real) and math.isfinite(value) for value in map(_item, values))
        _require(numbers and len(values) == self.channels, name, given, f"{self.channels} numbers, one per channel")
        values = tuple(float(value) for value in values)
        if name == "std":
            _require(min(values) > 0, name, given, "positive numbers; a channel that is constant has 1")
        top = 255 / self.white
        if self.white != 1 and not (min(values) >= 0 and max(values) <= top):
            expected = (
                f"0..{top:g}, the scale of pixels after a division by white = {self.white:g}. Divide it by 255, or "
                "say white = 1 if the network was trained on pixels of 0..255"
            )
            _require(False, name, given, expected)
        return values

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
        return cls(
            channels=images.shape[1],
            resolution=(images.shape[2], images.shape[3]),
            mean=tuple(float(m) for m in mean),
            std=tuple(float(s) if s > 0 else 1.0 for s in std),
            white=white,
        )

    def __call__(self, images: Tensor) -> Tensor:
        """Return float32 ``(n, channels, *resolution)`` from ``(n, any channels, any height, any width)``.

        Raises
        ------
        DataError
            If channels cannot be converted, or images would be squashed and ``aspect`` does not say so.
        """
        x = images.to(torch.float32) / self.white
        if x.shape[1] == 3 and self.channels == 1:
            x = (x * x.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
        elif x.shape[1] == 1 and self.channels == 3:
            x = x.expand(-1, 3, -1, -1)
        elif x.shape[1] != self.channels:
            msg = f"Images have {x.shape[1]} channels; expected {self.channels}. Show what the network was trained on."
            raise DataError(msg)
        if tuple(x.shape[-2:]) != self.resolution:
            x = resized(x, self.resolution, self.aspect)
        shape = (1, self.channels, 1, 1)
        return (x - x.new_tensor(self.mean).view(shape)) / x.new_tensor(self.std).view(shape)

    def record(self) -> dict[str, Any]:
        """Return the fields as JSON-able values, for hashes and manifests; ``aspect`` only where it is declared."""
        fields = asdict(self)
        return {name: value for name, value in fields.items() if (name, value) != ("aspect", "refuse")}


def resized(x: Tensor, resolution: tuple[int, int], aspect: str) -> Tensor:
    """Return images ``(n, channels, height, width)`` at another resolution, bilinear with antialiasing.

    Raises
    ------
    DataError
        If they would be squashed and ``aspect`` does not say so.
    """
    (height, width), (rows, columns) = x.shape[-2:], resolution
    size = resolution
    if not _same_ratio(height, width, rows, columns):
        if aspect == "refuse":
            msg = (
                f"Images of {height} x {width} pixels (height x width) would be squashed to {rows} x {columns}; "
                "expected one ratio of sides. Cut or pad the images, or declare aspect = 'crop' or 'stretch'."
            )
            raise DataError(msg)
        if aspect == "crop":
            size = (max(rows, height * columns // width), max(columns, width * rows // height))
    x = F.interpolate(x, size=size, mode="bilinear", antialias=True, align_corners=False)
    top, left = round((size[0] - rows) / 2), round((size[1] - columns) / 2)
    return x[..., top : top + rows, left : left + columns]


def _same_ratio(height: int, width: int, rows: int, columns: int) -> bool:
    """Return whether one side, resized by the other's factor and rounded, is what is asked for."""
    return 2 * abs(rows * width - height * columns) <= max(height, width)


def _whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _item(value: Any) -> Any:
    return value.item() if isinstance(value, Tensor) and value.ndim == 0 else value


def _require(condition: bool, option: str, value: Any, expected: str) -> None:
    if not condition:
        msg = f"Preprocessing: {option} is {' '.join(repr(value).split())}; expected {expected}."
        raise SpecError(msg)

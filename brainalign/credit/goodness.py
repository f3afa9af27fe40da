"""Forward-only learning: how active a layer is, what it passes on of that, and how a label is shown with an image."""

from math import pi

import torch
from torch import Tensor
from torch.func import vjp

from brainalign.networks.block import Block

# Root mean square below which a layer counts as silent.
_SILENT = 1e-8

#: Wavelength of label waves, in pixels of a training image.
_WAVELENGTH = 6


# -- activity ---------------------------------------------------------------------------------------------------------


def activity(block: Block, output: Tensor) -> Tensor:
    """Return what the neurons of ``block`` do: all time steps of a sequence, and no copy of the image passed along."""
    return output if output.ndim == 3 else block.represent(output)


def activity_mask(block: Block, output: Tensor) -> Tensor:
    """Return 1 for entries of ``output`` that are the block's :func:`activity` and 0 for what it only passes along."""
    found, spread = vjp(lambda output: activity(block, output), output)  # type: ignore[misc]
    return spread(torch.ones_like(found))[0]


def unit_rms(x: Tensor) -> Tensor:
    """Divide each sample by the root mean square of its features; silence stays silence."""
    return x / _rms(x).view(-1, *(1,) * (x.ndim - 1))


def passed_on(block: Block, output: Tensor) -> Tensor:
    """Return ``output`` with its activity at unit root mean square, so that goodness cannot be read off it."""
    own = activity(block, output)
    if own.shape == output.shape:
        return unit_rms(output)
    return output / torch.where(activity_mask(block, output) > 0, _rms(own)[:, None], 1.0)


def _rms(x: Tensor) -> Tensor:
    return x.flatten(1).square().mean(1).sqrt().clamp_min(_SILENT)


def by_place(x: Tensor) -> Tensor:
    """Return ``(n, places, units)`` from maps ``(n, channels, height, width)``, sequences or vectors."""
    return x.flatten(2).transpose(1, 2) if x.ndim == 4 else x.reshape(len(x), -1, x.shape[-1])


def sum_of_squares(x: Tensor) -> Tensor:
    """Return ``(n,)``: the squared activity of all units, mean over places."""
    return by_place(x).square().sum(2).mean(1)


def class_goodness(x: Tensor, n_classes: int) -> Tensor:
    """Return ``(n, n_classes)``: mean squared activity of each class's units, over units and places.

    Unit k of K belongs to class ``floor(k n_classes / K)``, so groups are neighbours and differ in size by one at most.
    """
    squares = by_place(x).square().mean(1)
    owner = torch.arange(squares.shape[1], device=x.device) * n_classes // squares.shape[1]
    members = (owner[:, None] == torch.arange(n_classes, device=x.device)).to(x.dtype)
    return squares @ (members / members.sum(0))


# -- labels -----------------------------------------------------------------------------------------------------------


def wrong_labels(y: Tensor, uniform: Tensor, weights: Tensor) -> Tensor:
    """Turn ``uniform`` ``(n,)`` in [0, 1) into labels other than ``y``.

    They come up in proportion to ``weights`` ``(n, n_classes)``. The true label is not among the choices, so no
    rounding can make it one.
    """
    n_classes = weights.shape[1]
    others = other_labels(y, n_classes)
    cumulative = weights.gather(1, others).cumsum(1)
    chosen = (cumulative <= uniform[:, None] * cumulative[:, -1:]).sum(1).clamp_max(n_classes - 2)
    return others.gather(1, chosen[:, None]).squeeze(1)


def other_labels(y: Tensor, n_classes: int) -> Tensor:
    """Return all labels but ``y``, ``(n, n_classes - 1)``."""
    return (y[:, None] + torch.arange(1, n_classes, device=y.device)) % n_classes


def labelled_pixels(x: Tensor, code: Tensor) -> Tensor:
    """Return images ``x`` with their first pixels replaced by ``code`` ``(n, n_classes)``."""
    return torch.cat([code.to(x.dtype), x.flatten(1)[:, code.shape[1] :]], dim=1).view(x.shape)


def labelled_waves(x: Tensor, code: Tensor, trained: tuple[int, int]) -> Tensor:
    """Return images ``x`` plus each class's plane wave times its entry of ``code`` ``(n, n_classes)``.

    Wave c of C has unit root mean square, runs at ``180 c / C`` degrees, and is the same at every resolution:
    6 pixels long in images of height and width ``trained``.
    """
    n_classes, (height, width) = code.shape[1], x.shape[-2:]
    angle = pi * torch.arange(n_classes, device=x.device, dtype=x.dtype)[:, None, None] / n_classes
    row = torch.arange(height, device=x.device, dtype=x.dtype)[:, None] * (trained[0] / height)
    column = torch.arange(width, device=x.device, dtype=x.dtype) * (trained[1] / width)
    wave = 2**0.5 * torch.cos(2 * pi / _WAVELENGTH * (angle.sin() * row + angle.cos() * column))
    return x + torch.einsum("nc,chw->nhw", code.to(x.dtype), wave)[:, None]

"""Cutting an image into a sequence of patches."""

from torch import Tensor

from brainalign.errors import SpecError


def patch_grid(input_shape: tuple[int, int, int], size: tuple[int, int]) -> int:
    """Return how many patches of ``size`` tile an image.

    Raises
    ------
    SpecError
        If they do not tile it.
    """
    _, height, width = input_shape
    if height % size[0] or width % size[1]:
        msg = (
            f"Patches of {size[0]} x {size[1]} pixels do not tile {height} x {width} inputs; "
            "use a patch that divides both."
        )
        raise SpecError(msg)
    return (height // size[0]) * (width // size[1])


def patches(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Return ``(n, n_patches, channels * size[0] * size[1])`` from ``(n, channels, height, width)``, row by row."""
    n, channels, height, width = x.shape
    tiles = x.reshape(n, channels, height // size[0], size[0], width // size[1], size[1])
    return tiles.permute(0, 2, 4, 1, 3, 5).reshape(n, -1, channels * size[0] * size[1])

"""Pictures that differ by less than an eye, or a network, makes of them."""

from collections.abc import Iterator

import numpy as np
import torch
from torch.nn import functional as F

from brainalign.datasets.pictures import Pictures

#: Side in pixels at which pictures are compared.
SIDE = 32

# pixels of one batch of images before they are made small; rows of one block of correlations
_BATCH_PIXELS, _ROWS = 2**22, 1024
# ITU-R BT.601
_LUMINANCE = (0.299, 0.587, 0.114)
# a picture whose pixels vary by less than this share of their size is uniform
_UNIFORM = 1e-5
# more than the rounding of float32 products
_SLACK = 1e-4


def near_identical(
    images: np.ndarray | Pictures, threshold: float
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield pairs of pictures that correlate above ``threshold``, grey and 32 x 32 pixels.

    Uniform pictures have no correlation and are in no pair.

    Parameters
    ----------
    images
        ``(n_stimuli, height, width, channels)`` uint8, or pictures of several sizes.
    threshold
        Pearson correlation over pixels.

    Yields
    ------
    first, second, r
        Positions of the pictures, first < second, and their correlations, for a block of pictures at a time.
    """
    if len(images) < 2:
        return
    patterns = _patterns(images)
    narrow = patterns.astype(np.float32)
    for start in range(0, len(patterns), _ROWS):
        rows, columns = np.nonzero(narrow[start : start + _ROWS] @ narrow[start:].T > threshold - _SLACK)
        first, second = rows + start, columns + start
        later = second > first
        first, second = first[later], second[later]
        r = np.einsum("ij,ij->i", patterns[first], patterns[second])
        above = r > threshold
        yield first[above], second[above], r[above]


def near_identical_between(
    first: np.ndarray | Pictures, second: np.ndarray | Pictures, threshold: float
) -> Iterator[tuple[int, int, float]]:
    """Yield positions of pictures of two sets that correlate above ``threshold``, and r, as in :func:`near_identical`.

    Parameters
    ----------
    first, second
        ``(n, height, width, channels)``, of any two sizes, uint8 or floats of one scale; or pictures of several sizes.
    threshold
        Pearson correlation over pixels.
    """
    small = _patterns(first)
    for start in range(0, len(second), _ROWS):
        rows = slice(start, start + _ROWS)
        r = small @ _patterns(second.part(rows) if isinstance(second, Pictures) else second[rows]).T
        for i, j in np.argwhere(r > threshold).tolist():
            yield i, start + j, float(r[i, j])


def _patterns(images: np.ndarray | Pictures) -> np.ndarray:
    """Return small grey pictures ``(n_stimuli, 1024)``, of mean 0 and norm 1; zeros for a uniform one."""
    if isinstance(images, Pictures):
        parts = [_small(one[None]) for one in images]
    else:
        batch = max(1, _BATCH_PIXELS // max(1, images.shape[1] * images.shape[2]))
        parts = [_small(images[start : start + batch]) for start in range(0, len(images), batch)]
    patterns = np.concatenate(parts).astype(np.float64)
    largest = np.abs(patterns).max(axis=1, initial=0.0)
    patterns -= patterns.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(patterns, axis=1)
    varies = norms > _UNIFORM * SIDE * largest
    return np.where(varies[:, None], patterns / np.where(varies, norms, 1)[:, None], 0.0)


def _small(images: np.ndarray) -> np.ndarray:
    tensor = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float()
    if tensor.shape[1] > 1:
        tensor = torch.einsum("nchw,c->nhw", tensor, tensor.new_tensor(_LUMINANCE))[:, None]
    small = F.interpolate(tensor, size=(SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)
    return small.flatten(1).numpy()

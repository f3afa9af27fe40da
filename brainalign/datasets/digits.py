"""The 8 x 8 handwritten digits that come with scikit-learn."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brainalign.datasets.dataset import Dataset, Split

_N_TEST_PER_CLASS = 50


@dataclass(frozen=True)
class Digits(Dataset):
    """1,797 grey images of handwritten digits, 8 x 8; needs no download.

    No split was published for these images. The test split is the last 50 images of each class in file order, the
    training split the other 1,297: balanced over classes, the same on every machine, and mostly of other writers.
    ``Split.index`` is the row in :func:`sklearn.datasets.load_digits`. Grey values 0..16 become
    ``round(255 * value / 16)``.

    Source: Alpaydin & Kaynak (1998), Optical Recognition of Handwritten Digits, UCI.
    """

    title: ClassVar[str] = "Digits (UCI, 8 x 8)"
    classes: ClassVar[tuple[str, ...]] = tuple("0123456789")
    input_shape: ClassVar[tuple[int, int, int]] = (1, 8, 8)

    def train(self) -> Split:
        """Return the 1,297 training images ``(1297, 1, 8, 8)``."""
        return _split(test=False)

    def test(self) -> Split:
        """Return the 500 test images ``(500, 1, 8, 8)``, 50 per class."""
        return _split(test=True)


def _split(test: bool) -> Split:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    held_out = np.concatenate([np.flatnonzero(labels == digit)[-_N_TEST_PER_CLASS:] for digit in range(10)])
    index = np.flatnonzero(np.isin(np.arange(len(labels)), held_out) == test)
    pixels = np.rint(images[index] * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
    return Split(pixels, labels[index].astype(np.int64), index.astype(np.int64))

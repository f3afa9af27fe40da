"""MNIST handwritten digits."""

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from brainalign.datasets.dataset import Dataset, Split
from brainalign.datasets.manifest import locate
from brainalign.errors import DataError

_UINT8 = 8  # the IDX code of unsigned bytes


@dataclass(frozen=True)
class MNIST(Dataset):
    """60,000 training and 10,000 test images of handwritten digits, 28 x 28 grey, in their published split and order.

    Source: LeCun, Bottou, Bengio & Haffner (1998), Proceedings of the IEEE 86:2278.
    """

    title: ClassVar[str] = "MNIST"
    classes: ClassVar[tuple[str, ...]] = tuple("0123456789")
    input_shape: ClassVar[tuple[int, int, int]] = (1, 28, 28)

    def train(self) -> Split:
        """Return the training images ``(60000, 1, 28, 28)``."""
        return self._split("train")

    def test(self) -> Split:
        """Return the test images ``(10000, 1, 28, 28)``."""
        return self._split("t10k")

    def _split(self, prefix: str) -> Split:
        images = read_idx(locate("mnist", f"{prefix}-images-idx3-ubyte.gz", self.data_dir))
        labels = read_idx(locate("mnist", f"{prefix}-labels-idx1-ubyte.gz", self.data_dir))
        return Split(images[:, None], labels.astype(np.int64), np.arange(len(labels)))


def read_idx(path: Path) -> np.ndarray:
    """Return the array of a gzip-compressed IDX file of unsigned bytes, writable.

    The format: two zero bytes, the type, the number of dimensions, each size as a big-endian 32-bit integer, values.

    Raises
    ------
    DataError
        If the file does not hold what its header says.
    """
    with gzip.open(path, "rb") as stream:
        content = stream.read()
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UINT8:
        msg = f"File {str(path)!r} starts with {content[:4]!r}; expected an IDX file of unsigned bytes. Fetch it again."
        raise DataError(msg)
    start = 4 + 4 * content[3]
    shape = tuple(int(size) for size in np.frombuffer(content[4:start], dtype=">u4"))
    if len(content) - start != np.prod(shape):
        msg = f"File {str(path)!r} holds {len(content) - start} values; its header says {shape}. Fetch it again."
        raise DataError(msg)
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape).copy()

"""Images of which each may have a size of its own; files are decoded when pixels are asked for."""

from collections.abc import Hashable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from brainalign.datasets.picture_file import PictureFile
from brainalign.errors import DataError
from brainalign.storage import content_hash

# of pictures that stay decoded
_DECODED_BYTES = 2**28


class Pictures:
    """Images ``(height, width, channels)`` uint8 with one number of channels.

    Parameters
    ----------
    items
        Arrays, or files that are decoded when their pixels are asked for; up to 256 MiB of them stay decoded.

    Examples
    --------
    >>> small, large = np.zeros((4, 4, 3), np.uint8), np.zeros((8, 6, 3), np.uint8)
    >>> Pictures([small, large]).sizes
    ((4, 4), (8, 6))
    """

    def __init__(self, items: Sequence[np.ndarray | PictureFile]) -> None:
        self.items = tuple(items)
        self.channels = int(
            self.items[0].channels if isinstance(self.items[0], PictureFile) else self.items[0].shape[2]
        )

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (_pixels(one) for one in self.items)

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Height and width of each, without decoding."""
        return tuple(
            (one.height, one.width) if isinstance(one, PictureFile) else (one.shape[0], one.shape[1])
            for one in self.items
        )

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """``(n, height, width, channels)``.

        Raises
        ------
        DataError
            If sizes differ.
        """
        sizes = sorted(set(self.sizes))
        if len(sizes) > 1:
            first, last = sizes[0], sizes[-1]
            msg = (
                f"{len(self)} pictures have {len(sizes)} sizes, from {first[0]} x {first[1]} to {last[0]} x {last[1]} "
                "pixels; an array expects one. Take them one by one, or resize the files."
            )
            raise DataError(msg)
        return (len(self), *sizes[0], self.channels)

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Return pixels of one picture, or of several of one size as an array."""
        if isinstance(rows, (int, np.integer)):
            return _pixels(self.items[rows])
        part = self.part(rows)
        found = np.empty(part.shape, np.uint8)
        for k, one in enumerate(part):
            found[k] = one
        return found

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        """Return all pixels as one array."""
        del copy
        return np.asarray(self[:], dtype=dtype)

    def part(self, rows: Any) -> "Pictures":
        """Return some of the pictures, in the order of ``rows`` (positions or a slice), undecoded."""
        return Pictures([self.items[row] for row in np.arange(len(self))[rows]])

    @cached_property
    def key(self) -> str:
        """Content hash of the bytes of files and of arrays."""
        return content_hash([one.key if isinstance(one, PictureFile) else content_hash(one) for one in self.items])


def _pixels(item: np.ndarray | PictureFile) -> np.ndarray:
    """Return pixels; those of files that were read last stay decoded, since every network is shown the same ones."""
    if not isinstance(item, PictureFile):
        return item
    try:
        state = item.path.stat()
    except OSError:
        return item.read()  # says what is wrong
    return _decoded.pixels(item, (item, state.st_mtime_ns, state.st_size)).copy()


class _Decoded:
    """Pictures that stay decoded, last used last."""

    def __init__(self) -> None:
        self._held: dict[Hashable, np.ndarray] = {}
        self._bytes = 0

    def pixels(self, item: PictureFile, key: Hashable) -> np.ndarray:
        pixels = self._held.pop(key, None)
        if pixels is None:
            pixels = item.read()
            self._bytes += pixels.nbytes
        self._held[key] = pixels
        while self._bytes > _DECODED_BYTES:
            self._bytes -= self._held.pop(next(iter(self._held))).nbytes
        return pixels


_decoded = _Decoded()

"""CIFAR-10, from a JPEG copy of it."""

import contextlib
import hashlib
import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from brainalign.datasets.dataset import Dataset, Split
from brainalign.datasets.manifest import cache_folder, load_manifest, locate
from brainalign.errors import DataError, StorageError
from brainalign.storage import atomic_path

_FILE = "cifar10_jpeg.zip"
_MEMBER = re.compile(r"(?:^|/)(train|test)/([a-z]+)/(\d+)\.jpg$")


@dataclass(frozen=True)
class Cifar10Jpeg(Dataset):
    """50,000 training and 10,000 test photographs of ten classes, 32 x 32 RGB, decoded from JPEG.

    The copy is lossy, so a number obtained from it is not one of the original CIFAR-10: say "CIFAR-10 (JPEG)".
    Images are in file order, all of one class after all of another; training has to shuffle them.
    Decoding takes seconds, so the decoded arrays are kept in the user cache.

    Source: Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images.
    """

    title: ClassVar[str] = "CIFAR-10 (JPEG)"
    classes: ClassVar[tuple[str, ...]] = (
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    )
    input_shape: ClassVar[tuple[int, int, int]] = (3, 32, 32)

    def train(self) -> Split:
        """Return the training images ``(50000, 3, 32, 32)``, 5,000 per class."""
        return self._split("train")

    def test(self) -> Split:
        """Return the test images ``(10000, 3, 32, 32)``, 1,000 per class."""
        return self._split("test")

    def _split(self, split: str) -> Split:
        archive = locate("cifar10_jpeg", _FILE, self.data_dir)
        members = _members(archive, split)
        stem = f"{load_manifest('cifar10_jpeg').file(_FILE).key[:16]}-{split}"
        images = _decoded(archive, [name for _, _, name in members], cache_folder() / "decoded" / "cifar10_jpeg", stem)
        labels = np.array([self.classes.index(label) for label, _, _ in members], dtype=np.int64)
        return Split(images, labels, np.arange(len(labels)))


def _members(archive: Path, split: str) -> list[tuple[str, int, str]]:
    """Return class, number and member name of each image of ``split``, by class and number."""
    with zipfile.ZipFile(archive) as opened:
        found = [(match, name) for name in opened.namelist() if (match := _MEMBER.search(name))]
    return sorted((match[2], int(match[3]), name) for match, name in found if match[1] == split)


def _decoded(archive: Path, names: list[str], folder: Path, stem: str) -> np.ndarray:
    """Return the decoded images, from the cache if a whole copy is there.

    The file is ``<stem>-<hash of the pixels>.npy``: a copy that does not match its own name is not used.
    """
    for path in folder.glob(f"{stem}-*.npy"):
        with contextlib.suppress(OSError, ValueError, EOFError):
            images = np.load(path, allow_pickle=False)
            if path.stem == f"{stem}-{_pixel_hash(images)}":
                return images
    images = _decode(archive, names)
    # The cache only saves time: without room for it the images are decoded again.
    with contextlib.suppress(StorageError), atomic_path(folder / f"{stem}-{_pixel_hash(images)}.npy") as temporary:
        np.save(temporary, images, allow_pickle=False)
    return images


def _decode(archive: Path, names: list[str]) -> np.ndarray:
    from PIL import Image

    images = np.empty((len(names), 3, 32, 32), dtype=np.uint8)
    with zipfile.ZipFile(archive) as opened:
        for row, name in enumerate(names):
            pixels = np.asarray(Image.open(io.BytesIO(opened.read(name))).convert("RGB"))
            if pixels.shape != (32, 32, 3):
                msg = f"Image {name!r} of {str(archive)!r} is {pixels.shape}; expected (32, 32, 3). Fetch it again."
                raise DataError(msg)
            images[row] = pixels.transpose(2, 0, 1)
    return images


def _pixel_hash(images: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(images).data).hexdigest()[:16]

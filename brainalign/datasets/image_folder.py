"""A data set to train on from a folder of pictures: one folder per class."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from brainalign.datasets.dataset import Dataset, Split
from brainalign.datasets.picture_file import PictureFile
from brainalign.datasets.picture_folder import checked_colour, same_channels
from brainalign.datasets.preprocessing import ASPECTS, Preprocessing
from brainalign.errors import DataError, SpecError
from brainalign.options import fitted
from brainalign.own_data import PICTURES
from brainalign.shipped import known_keys, read_toml
from brainalign.storage import file_hash

#: The optional file beside the pictures.
OPTIONS = "dataset.toml"
#: Folders of the splits, where both are there.
SPLITS = ("train", "test")

_KINDS = {"title": str, "resolution": tuple[int, ...], "aspect": str, "background": int | tuple[int, ...]}
_HELD_OUT = 5


def of_folder(path: Path) -> type[Dataset]:
    """Return the class of a folder's data set, under its name.

    ``train/<class>/*`` and ``test/<class>/*`` are the splits. Where there is one tree, ``<class>/*``, of each class the
    fifth with the lowest SHA-256 of their bytes, rounded up, is the test split: the same wherever and in whatever
    order the files are, and equal files are on one side.

    A file ``dataset.toml`` may say ``title``; ``resolution = [height, width]`` and ``aspect`` (``"crop"`` or
    ``"stretch"``), to which pictures are brought; and ``background``, which shows through where they are transparent.

    Raises
    ------
    SpecError
        If the file says what cannot be.
    DataError
        If there are no classes, or other classes in the test split.
    """
    options = _options(path)
    split = all((path / one).is_dir() for one in SPLITS)
    places = [path / one for one in SPLITS] if split else [path]
    found = [_classes(place) for place in places]
    if split and found[0] != found[1]:
        lacking = sorted(set(found[0]) ^ set(found[1]))
        msg = f"Data set {str(path)!r}: class {lacking[0]!r} is in one of train and test only; expected it in both."
        raise DataError(msg)
    if len(found[0]) < 2:
        held = ", ".join(found[0]) or "none"
        msg = (
            f"Data set {str(path)!r} has {len(found[0])} classes ({held}); expected a folder of pictures for each of "
            "two or more, or train and test with those."
        )
        raise DataError(msg)
    title = options.get("title", path.name) + ("" if split else " (a fifth of each class held out)")
    about: dict[str, Any] = {"title": title, "classes": found[0], "folder": path, "options": options}
    return type(path.name, (_Images,), {**about, "split": split, "__module__": __name__})


@dataclass(frozen=True)
class _Images(Dataset):
    """Pictures of a folder."""

    folder: ClassVar[Path]
    options: ClassVar[dict[str, Any]]
    split: ClassVar[bool]

    @property
    def input_shape(self) -> tuple[int, int, int]:  # type: ignore[override]
        height, width = self._size
        return (self._pictures[0][1].channels, height, width)

    def train(self) -> Split:
        """Return the training images ``(n, channels, height, width)``, by class and name."""
        return self._part("train")

    def test(self) -> Split:
        """Return the test images."""
        return self._part("test")

    @cached_property
    def _pictures(self) -> list[tuple[str, PictureFile]]:
        """Class and file of every picture; all grey, or all RGB where one has colours."""
        background = checked_colour(self.options.get("background"))
        places = [self.folder / one for one in SPLITS] if self.split else [self.folder]
        found = [
            (label, PictureFile.opened(path, background))
            for place in places
            for label in self.classes
            for path in _files(place / label)
        ]
        same = same_channels({str(one.path): one for _, one in found})
        return [(label, same[str(one.path)]) for label, one in found]

    @cached_property
    def _size(self) -> tuple[int, int]:
        if "resolution" in self.options:
            height, width = self.options["resolution"]
            return height, width
        sizes = sorted({(one.height, one.width) for _, one in self._pictures})
        if len(sizes) > 1:
            msg = (
                f"Data set {str(self.folder)!r}: pictures have {len(sizes)} sizes, {sizes[0]} to {sizes[-1]} (height, "
                f'width). Write resolution = [32, 32], say, into {OPTIONS}, and aspect = "crop" for other ratios.'
            )
            raise DataError(msg)
        return sizes[0]

    def _part(self, name: str) -> Split:
        rows = [row for row, (label, one) in enumerate(self._pictures) if self._side(label, one) == name]
        shape = self.input_shape
        images = np.empty((len(rows), *shape), np.uint8)
        shown = Preprocessing(shape[0], shape[1:], (0.0,) * shape[0], (1.0,) * shape[0], aspect=self._aspect)
        for k, row in enumerate(rows):
            pixels = torch.from_numpy(self._pictures[row][1].read()).permute(2, 0, 1)
            if tuple(pixels.shape) != shape:
                pixels = (255 * shown(pixels[None])[0]).round().clamp(0, 255).to(torch.uint8)
            images[k] = pixels.numpy()
        labels = np.array([self.classes.index(self._pictures[row][0]) for row in rows], dtype=np.int64)
        return Split(images, labels, np.array(rows, dtype=np.int64))

    @property
    def _aspect(self) -> str:
        return str(self.options.get("aspect", "refuse"))

    def _side(self, label: str, one: PictureFile) -> str:
        if self.split:
            return one.path.relative_to(self.folder).parts[0]
        return "test" if file_hash(one.path) <= self._last_held_out[label] else "train"

    @cached_property
    def _last_held_out(self) -> dict[str, str]:
        found = {}
        for label in self.classes:
            hashes = sorted(file_hash(one.path) for own, one in self._pictures if own == label)
            found[label] = hashes[-(-len(hashes) // _HELD_OUT) - 1]
            if hashes[-1] <= found[label]:
                msg = f"Class {label!r} of {str(self.folder)!r} has {len(hashes)} picture alone; expected two or more."
                raise DataError(msg)
        return found


def _classes(place: Path) -> tuple[str, ...]:
    return tuple(sorted(one.name for one in place.iterdir() if one.is_dir() and _files(one)))


def _files(folder: Path) -> list[Path]:
    return sorted(one for one in folder.glob("*") if one.suffix.lower() in PICTURES and not one.name.startswith("."))


def _options(path: Path) -> dict[str, Any]:
    if not (path / OPTIONS).is_file():
        return {}
    where = str(path / OPTIONS)
    table = read_toml(where, "data set file")
    known_keys(table, tuple(_KINDS), where)
    options = {key: fitted(_KINDS[key], value, f"{where}: {key}") for key, value in table.items()}
    if options.get("aspect", ASPECTS[0]) not in ASPECTS:
        msg = f"{where}: aspect is {options['aspect']!r}; expected one of: {', '.join(ASPECTS)}."
        raise SpecError(msg)
    sides = options.get("resolution", (1, 1))
    if len(sides) != 2 or min(sides) < 1:
        msg = f"{where}: resolution is {list(sides)}; expected [height, width] in pixels."
        raise SpecError(msg)
    checked_colour(options.get("background"))
    return options

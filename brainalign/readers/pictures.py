"""Pictures in files as one array of one size."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from brainalign.errors import DataError
from brainalign.readers.damage import require_data

#: Files that are taken for pictures.
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".webp")


def read_pictures(files: Sequence[str | os.PathLike[str]], side: int | None = None, grey: bool = False) -> np.ndarray:
    """Return pictures ``(n, height, width, 1 or 3)`` uint8.

    Parameters
    ----------
    files
        Anything that Pillow opens.
    side
        Height and width in pixels to which square pictures are brought, with antialiasing; unless given, all must have
        one size.
    grey
        Keep luminance only.

    Raises
    ------
    DataError
        If a file is damaged, is not square although ``side`` is given, or sizes differ and it is not.
    """
    from PIL import Image

    mode, found = "L" if grey else "RGB", []
    for file in files:
        path = require_data(file)
        try:
            picture = Image.open(path).convert(mode)
        except Exception as error:  # a damaged file may break any of Pillow's decoders
            reason = " ".join(str(error).split())[:120]
            msg = f"{str(path)!r} cannot be read ({reason}); expected a picture. Fetch it again."
            raise DataError(msg) from error
        if side is not None:
            if picture.width != picture.height:
                msg = f"{str(path)!r} is {picture.width} x {picture.height} pixels; expected a square. Crop it first."
                raise DataError(msg)
            picture = picture.resize((side, side), Image.Resampling.LANCZOS)
        found.append(np.asarray(picture))
        if found[-1].shape != found[0].shape:
            sizes = f"{found[0].shape[1]} x {found[0].shape[0]} and {picture.width} x {picture.height}"
            msg = f"{str(path)!r}: pictures are {sizes} pixels; expected one size. Give side."
            raise DataError(msg)
    if not found:
        msg = "There are no pictures; expected one file or more. Look at the folder."
        raise DataError(msg)
    images = np.stack(found)
    return images[..., None] if grey else images


def pictures_of(folder: str | os.PathLike[str], ids: Sequence[str], side: int | None = None) -> np.ndarray:
    """Return the pictures of these ids, files of a folder whose names are ids, with or without their suffix.

    Raises
    ------
    DataError
        If the folder is missing, an id has no picture, or several.
    """
    root = Path(folder)
    if not root.is_dir():
        msg = f"{os.fspath(folder)!r} is no folder; expected one that holds the pictures. Correct the path."
        raise DataError(msg)
    names: dict[str, list[Path]] = {}
    for file in sorted(root.rglob("*")):
        if file.suffix.lower() in SUFFIXES and not file.name.startswith("._"):
            for name in {file.name, file.stem}:
                names.setdefault(name, []).append(file)
    missing = [one for one in ids if one not in names]
    if missing:
        first = ", ".join(repr(one) for one in missing[:3])
        msg = (
            f"{len(missing)} of {len(ids)} stimuli have no picture in {os.fspath(folder)!r}, first {first}; expected "
            "files "
            "named by ids. Rename them, or give id_form = 'file_name'."
        )
        raise DataError(msg)
    twice = [one for one in ids if len(names[one]) > 1]
    if twice:
        files = " and ".join(str(file.relative_to(root)) for file in names[twice[0]][:2])
        msg = (
            f"Stimulus {twice[0]!r} has several pictures in {os.fspath(folder)!r} ({files}); expected one. Remove one."
        )
        raise DataError(msg)
    return read_pictures([names[one][0] for one in ids], side)

"""Pictures in files as one array of one size."""

import os
from collections.abc import Sequence

import numpy as np

from brainalign.errors import DataError
from brainalign.readers.damage import require_data


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

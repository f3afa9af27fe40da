"""One picture in a file, read when its pixels are asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from brainalign.errors import DataError
from brainalign.storage import content_hash, file_hash

if TYPE_CHECKING:
    from PIL import Image

_GREY = ("1", "L", "LA", "I;16", "I;16B", "I;16L")
_COLOUR = ("P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")
# tag of the EXIF orientation, and its values that exchange height and width
_ORIENTATION, _TURNED = 0x0112, (5, 6, 7, 8)


@dataclass(frozen=True)
class PictureFile:
    """A picture of one frame, upright as its EXIF orientation says.

    Colours in any form (palette, CMYK, ...) become RGB; profiles of colours are not applied. 16-bit grey is divided by
    257 and rounded; of 16-bit colours the decoder keeps the high byte.

    Parameters
    ----------
    path
        The file.
    height, width
        Pixels.
    grey
        Whether it holds luminance only.
    channels
        1 or 3: in which form pixels are given.
    background
        What shows through where it is transparent: a grey level or RGB in 0..255; none where nothing is transparent.
    """

    path: Path
    height: int
    width: int
    grey: bool
    channels: int = 3
    background: tuple[int, int, int] | None = None

    @classmethod
    def opened(cls, path: Path, background: tuple[int, int, int] | None = None) -> "PictureFile":
        """Return what the head of a file says, without decoding it.

        Raises
        ------
        DataError
            If it is no picture, has several frames, numbers without a scale, or is transparent and no background is
            declared.
        """
        with _decoding(path) as image:
            n_frames = getattr(image, "n_frames", 1)
            if n_frames > 1:
                msg = f"Picture {str(path)!r} has {n_frames} frames; expected one. Save the frame that was shown."
                raise DataError(msg)
            if image.mode not in (*_GREY, *_COLOUR):
                msg = (
                    f"Picture {str(path)!r} holds pixels of mode {image.mode!r}, which have no scale; expected 8 or 16 "
                    "bits. Save it with 8 bits a channel."
                )
                raise DataError(msg)
            if background is None and _transparent(image):
                msg = (
                    f"Picture {str(path)!r} is transparent in places; expected to be told what shows through. Give "
                    "background = 128, say, or (r, g, b)."
                )
                raise DataError(msg)
            width, height = image.size
            if image.getexif().get(_ORIENTATION) in _TURNED:
                width, height = height, width
            grey = image.mode in _GREY and (background is None or len(set(background)) == 1)
            return cls(
                path=path, height=height, width=width, grey=grey, channels=1 if grey else 3, background=background
            )

    def read(self) -> np.ndarray:
        """Return the pixels, ``(height, width, channels)`` uint8.

        Raises
        ------
        DataError
            If the file is cut or damaged, or is not the one that was opened.
        """
        from PIL import ImageOps

        with _decoding(self.path) as image:
            image.load()
            pixels = _eight_bits(ImageOps.exif_transpose(image), self.background, self.channels)
        if pixels.shape != (self.height, self.width, self.channels):
            msg = (
                f"Picture {str(self.path)!r} is {pixels.shape} now and was ({self.height}, {self.width}, "
                f"{self.channels}) when it was opened. Open the folder again."
            )
            raise DataError(msg)
        return pixels

    @cached_property
    def key(self) -> str:
        """Content hash of the bytes of the file and of how they are read."""
        return content_hash(file_hash(self.path), self.channels, self.background)


def _eight_bits(image: "Image.Image", background: tuple[int, int, int] | None, channels: int) -> np.ndarray:
    if image.mode.startswith("I;16"):
        grey = np.rint(np.asarray(image).astype(np.float64) / 257).astype(np.uint8)[:, :, None]
        return grey if channels == 1 else np.repeat(grey, 3, axis=2)
    if background is not None and _has_alpha(image):
        from PIL import Image

        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (*background, 255)), image)
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return pixels[:, :, None].copy() if channels == 1 else pixels.copy()


def _has_alpha(image: "Image.Image") -> bool:
    return image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info


def _transparent(image: "Image.Image") -> bool:
    """Return whether something shows through: an alpha channel that is full everywhere hides all."""
    return _has_alpha(image) and min(image.convert("RGBA").getchannel("A").tobytes()) < 255


@contextmanager
def _decoding(path: Path) -> Iterator["Image.Image"]:
    """Open a picture, and say in one line what is wrong with it."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            yield image
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        said = " ".join(str(error).split())
        msg = f"Picture {str(path)!r} cannot be decoded ({said}); expected a whole picture. Replace it."
        raise DataError(msg) from error

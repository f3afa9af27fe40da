"""Pictures of a folder under the names of their files."""

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral
from pathlib import Path
from typing import Any

from brainalign.datasets.picture_file import PictureFile
from brainalign.errors import DataError, SpecError
from brainalign.own_data import PICTURES

_LEVELS = range(256)


def picture_files(folder: str | Path, pattern: str = "*", background: Any = None) -> dict[str, PictureFile]:
    """Return the pictures of a folder by name without suffix, sorted; all grey, or all RGB where one has colours.

    Parameters
    ----------
    folder
        Where they are; hidden files, and files that are no pictures by their suffix, are passed over.
    pattern
        Which files, as in :meth:`pathlib.Path.glob`: ``"*.png"``, ``"**/*"`` with the folders within.
    background
        Grey level or ``(r, g, b)`` in 0..255 under transparent pictures.

    Raises
    ------
    DataError
        If there is no such folder or no picture in it, one cannot be read, or two have one name.
    SpecError
        If ``background`` is no colour.
    """
    place, colour = Path(folder).expanduser(), checked_colour(background)
    if not place.is_dir():
        msg = f"{str(folder)!r} is no folder; expected one with pictures ({', '.join(PICTURES)})."
        raise DataError(msg)
    paths = [path for path in sorted(place.glob(pattern)) if path.is_file() and not path.name.startswith(".")]
    paths = [path for path in paths if path.suffix.lower() in PICTURES]
    if not paths:
        others = [path.name for path in sorted(place.iterdir())][:3]
        held = f"it holds {', '.join(others)}" if others else "it is empty"
        msg = f"Folder {str(folder)!r} has no pictures for the pattern {pattern!r} ({held}); expected {_or(PICTURES)}."
        raise DataError(msg)
    first: dict[str, Path] = {}
    for path in paths:
        if first.setdefault(path.stem, path) != path:
            here = " and ".join(str(one.relative_to(place)) for one in (first[path.stem], path))
            msg = f"Folder {str(folder)!r}: {here} have one name, {path.stem!r}, which is their id. Rename one of them."
            raise DataError(msg)
    return same_channels({path.stem: PictureFile.opened(path, colour) for path in paths})


def same_channels(files: dict[str, PictureFile]) -> dict[str, PictureFile]:
    """Return files that are all read as grey, or all as RGB where one has colours."""
    channels = max(one.channels for one in files.values())
    return {name: replace(one, channels=channels) for name, one in files.items()}


def checked_colour(background: Any) -> tuple[int, int, int] | None:
    """Return a background as RGB; one that is no colour raises :class:`SpecError`."""
    if background is None:
        return None
    values = (background,) * 3 if isinstance(background, Integral) else background
    whole = isinstance(values, Sequence) and all(isinstance(one, Integral) and int(one) in _LEVELS for one in values)
    if not whole or len(values) != 3:
        msg = f"background is {background!r}; expected a grey level from 0 to 255, or three of them (r, g, b)."
        raise SpecError(msg)
    red, green, blue = (int(one) for one in values)
    return red, green, blue


def _or(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"

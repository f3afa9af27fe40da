"""Folders of published recordings that users fetch themselves: where they are, and what is said where they are not."""

import os
from pathlib import Path

from brainalign.datasets.manifest import cache_folder, load_manifest
from brainalign.errors import DataError
from brainalign.readers.damage import require_data


def published_folder(name: str, folder: str = "", data_dir: str | None = None) -> Path:
    """Return the folder of a published recording.

    Looked up in this order: ``folder``, then ``<name>/`` in ``data_dir``, in the environment variable
    ``BRAINALIGN_DATA``, in the user cache.

    Raises
    ------
    DataError
        If there is none; the message says how to get the files, and under which terms.
    """
    if folder:
        if not Path(folder).is_dir():
            msg = (
                f"{folder!r} is no folder; expected one that holds the files of {name}. "
                f"{load_manifest(name).instructions}"
            )
            raise DataError(msg)
        return Path(folder)
    places = [data_dir, os.environ.get("BRAINALIGN_DATA"), str(cache_folder())]
    for place in places:
        if place and (Path(place) / name).is_dir():
            return Path(place) / name
    manifest = load_manifest(name)
    msg = f"{name} is not here; give folder = where its files are. {manifest.instructions} Licence: {manifest.licence}."
    raise DataError(msg)


def published_file(root: Path, *names: str) -> Path:
    """Return the first of several paths under ``root`` that exists; none raises :class:`DataError` naming the first."""
    for name in names:
        if (root / name).exists():
            return require_data(root / name)
    return require_data(root / names[0])

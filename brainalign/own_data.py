"""Data of one's own in folders: recordings with a ``recording.toml``, trees of pictures; which there are, by name.

They are found by their folder's name in the room of a folder of one's own (``lab/recordings/my_eeg/recording.toml``,
``lab/datasets/flowers/train/rose/1.png``), or named by path, wherever they are.
"""

from pathlib import Path

from brainalign.errors import DataError, SpecError
from brainalign.own_folders import own_folders
from brainalign.storage import content_hash, file_hash

#: The file that makes a folder a recording.
RECORDING = "recording.toml"
#: Suffixes of files that are pictures.
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".webp")
#: Rooms that may hold folders of data.
ROOMS = ("recordings", "datasets")

_added: dict[str, dict[str, Path]] = {room: {} for room in ROOMS}
# hashes of folders in which nothing was written since
_hashes: dict[tuple[tuple[str, int, int], ...], str] = {}


def add_data(room: str, path: str | Path) -> str:
    """Look for a folder of data, too, from now on in this process; return its name.

    Parameters
    ----------
    room
        ``"recordings"``: a folder with a ``recording.toml``; ``"datasets"``: one with pictures by class.
    path
        The folder.

    Raises
    ------
    SpecError
        If there is no such folder, it is no recording, or another folder has its name.
    """
    folder = Path(path).expanduser().resolve()
    if not folder.is_dir():
        what = f"with a {RECORDING}" if room == "recordings" else "with one folder of pictures per class"
        msg = f"{str(path)!r} is no folder; expected one {what}."
        raise SpecError(msg)
    if room == "recordings" and not (folder / RECORDING).is_file():
        msg = f"Folder {str(path)!r} has no {RECORDING}; expected one, which says what the files beside it are."
        raise SpecError(msg)
    other = own_data(room).get(folder.name)
    if other is not None and other != folder:
        msg = f"{str(folder)!r} and {str(other)!r} have one name, {folder.name!r}; rename one of them."
        raise SpecError(msg)
    _added[room][folder.name] = folder
    return folder.name


def own_data(room: str) -> dict[str, Path]:
    """Return the folders of data of a room by name: those in folders of one's own, then those named by path.

    Raises
    ------
    SpecError
        If two have one name.
    """
    if room not in ROOMS:
        return {}
    found: dict[str, Path] = {}
    for place in own_folders():
        for path in sorted((place / room).glob("*")):
            if path.name.startswith(("_", ".")):
                continue
            if (path / RECORDING).is_file() if room == "recordings" else _has_pictures(path):
                if path.name in found:
                    msg = f"{str(found[path.name])!r} and {str(path)!r} have one name; rename one of them."
                    raise SpecError(msg)
                found[path.name] = path
    return found | {name: path for name, path in _added[room].items() if path.is_dir()}


def folder_hash(folder: Path) -> str:
    """Return the content hash of the files of a folder and of where in it they are; hidden ones do not count."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not _hidden(path, folder)]
    return files_hash(folder, files)


def check_content(name: str, content: str) -> None:
    """Raise :class:`DataError` if pictures of a data set are others than when a training on them was specified."""
    folder = own_data("datasets").get(name)
    if content and folder is not None and folder_hash(folder) != content:
        msg = f"Training: pictures of {name!r} changed since it was specified; expected those. Read the study again."
        raise DataError(msg)


def files_hash(folder: Path, files: list[Path]) -> str:
    """Return the content hash of files of a folder under their paths in it."""
    state = tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files)
    if state not in _hashes:
        _hashes[state] = content_hash({str(path.relative_to(folder).as_posix()): file_hash(path) for path in files})
    return _hashes[state]


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _has_pictures(path: Path) -> bool:
    return any(one.suffix.lower() in PICTURES for depth in ("*/*", "train/*/*") for one in path.glob(depth))

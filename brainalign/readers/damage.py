"""Files that are not what their names say: pointers instead of data, leftovers of other systems, nothing at all."""

import os
from pathlib import Path

from brainalign.errors import DataError

# a pointer of git-annex or Git LFS is a short text
_POINTER_BYTES = 1024


def damage(path: str | os.PathLike[str]) -> str:
    """Return what is wrong with a file before it is opened and what to do, in one sentence; ``""`` if nothing is.

    Examples
    --------
    >>> damage("nowhere/sub-01_eeg.vhdr")
    "'nowhere/sub-01_eeg.vhdr' does not exist; expected a file. Correct the path."
    """
    file = Path(path)
    shown = repr(os.fspath(path))
    if file.name.startswith("._"):
        return f"{shown} is an AppleDouble file, which macOS leaves beside a file; it holds no data. Delete it."
    if file.is_symlink() and not file.exists():
        return f"{shown} is a link to a file that is not here. {_GET}" if _annexed(str(os.readlink(file))) else (
            f"{shown} is a link to {os.readlink(file)!r}, which does not exist. Correct the link."
        )  # fmt: skip
    if not file.exists():
        return f"{shown} does not exist; expected a file. Correct the path."
    if file.is_dir():
        return "" if any(file.iterdir()) else f"{shown} is an empty folder; expected data in it. Fetch it again."
    return _damage_of_content(file, shown)


def require_data(path: str | os.PathLike[str]) -> Path:
    """Return the path of a file that may hold data; :class:`DataError` says what is wrong with another."""
    if fault := damage(path):
        raise DataError(fault)
    return Path(path)


_GET = "Its content was not fetched: run 'datalad get' on it, or download the file itself."


def _damage_of_content(file: Path, shown: str) -> str:
    size = file.stat().st_size
    if size == 0:
        return f"{shown} is empty; expected data. Fetch it again."
    if size > _POINTER_BYTES:
        return ""
    text = file.read_bytes().decode("utf-8", "replace")
    if _annexed(text):
        return f"{shown} is a git-annex pointer of {size} bytes instead of data. {_GET}"
    if text.startswith("version https://git-lfs"):
        return f"{shown} is a Git LFS pointer of {size} bytes instead of data. Run 'git lfs pull' in its repository."
    return ""


def _annexed(text: str) -> bool:
    return "annex/objects/" in text and "\n" not in text.strip()

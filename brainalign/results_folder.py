"""The files of a results folder: which they are, and how they change together."""

import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from brainalign.errors import BrainalignError, StorageError
from brainalign.storage import file_hash, locked, write_text
from brainalign.tables import TABLES

STUDY = "study.json"
PAGE = "report.html"
FIGURES = "figures"
FORMATS = ("png", "svg", "pdf")

#: What a study leaves beside ``study.json``.
RESULTS = (
    *(f"{name}.csv" for name in TABLES),
    *("rdms.safetensors", "thumbnails.safetensors", "scores.safetensors"),
)

# The names of the figures that a report drew, so that no other file in their folder is ever touched.
_DRAWN = "figures.json"
_FIGURE = re.compile(r'<figure id="([\w-]+)">')
_PREFIX = ".results-"
# What differs between two runs of one study although nothing of it does.
_CLOCK = ("wall_seconds",)


def study_name(folder: Path) -> str:
    """Return the name of the study whose results a folder holds; empty where there are none."""
    return str(_facts(folder).get("name", ""))


@contextlib.contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Yield an empty folder; what is written there, ``study.json`` included, becomes the results in ``folder``.

    All files change together: while they do there is no ``study.json``, so that a mixture never looks whole. Results
    of an earlier run that this one does not write go, and so does its report if anything but the time has changed. A
    block that fails leaves everything as it was.

    Raises
    ------
    StorageError
        If a file cannot be written.
    """
    with staging(folder, _PREFIX, "the results") as staged:
        yield staged
        _swap(staged, folder)


@contextlib.contextmanager
def staging(folder: Path, prefix: str, what: str) -> Iterator[Path]:
    """Yield an empty folder inside ``folder``, which nobody else changes meanwhile; it goes at the end of the block.

    Parameters
    ----------
    folder
        Is made where it is missing.
    prefix
        Of the name of the empty folder; what a process that was killed left under it goes.
    what
        Is written, for messages.

    Raises
    ------
    StorageError
        If a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder) as held:
            for left in folder.glob(f"{prefix}*") if held else ():
                shutil.rmtree(left, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=folder, prefix=prefix, ignore_cleanup_errors=True) as staged:
                yield Path(staged)
    except OSError as error:
        if isinstance(error, BrainalignError):
            raise
        msg = f"Could not write {what} into {str(folder)!r}: {error}. Free space or choose another --out."
        raise StorageError(msg) from error


def result_hashes(folder: Path) -> dict[str, str]:
    """Return the hash of each result file that is there."""
    return {name: file_hash(folder / name) for name in RESULTS if (folder / name).is_file()}


def note_drawn(folder: Path, names: Iterable[str]) -> None:
    """Add figures to those that a report of this folder drew, before their files are written."""
    write_text(folder / _DRAWN, json.dumps(list(dict.fromkeys((*_drawn(folder), *names)))))


def remove_figures(folder: Path, keep: Iterable[str] = ()) -> None:
    """Remove the files of figures that a report drew, except those of ``keep``; other files stay."""
    drawn, keep = _drawn(folder), set(keep)
    for name in (name for name in drawn if name not in keep):
        for kind in FORMATS:
            (folder / FIGURES / f"{name}.{kind}").unlink(missing_ok=True)
    if left := [name for name in drawn if name in keep]:
        write_text(folder / _DRAWN, json.dumps(left))
        return
    (folder / _DRAWN).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not empty, or not there
        (folder / FIGURES).rmdir()


def _swap(staged: Path, folder: Path) -> None:
    if _lasting(_facts(staged)) != _lasting(_facts(folder)):
        remove_figures(folder)
        (folder / PAGE).unlink(missing_ok=True)
    (folder / STUDY).unlink(missing_ok=True)
    for name in (*RESULTS, STUDY):
        if (staged / name).exists():
            os.replace(staged / name, folder / name)
        else:
            (folder / name).unlink(missing_ok=True)


def _lasting(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in _CLOCK}


def _facts(folder: Path) -> dict[str, Any]:
    """Return the content of ``study.json``, empty where there is none that can be read."""
    found = _json(folder / STUDY)
    return found if isinstance(found, dict) else {}


def _drawn(folder: Path) -> list[str]:
    """Return the names of figures that a report drew, as plain file names."""
    names = _json(folder / _DRAWN)
    if not isinstance(names, list):  # a report of an earlier version: its page says so
        page = folder / PAGE
        names = _FIGURE.findall(page.read_text(encoding="utf-8", errors="replace")) if page.is_file() else []
    return [name for name in names if isinstance(name, str) and name == Path(name).name]


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None

"""Data manifests: what each data set is, where its files come from, and whether they are whole.

A loader reads only paths that :func:`locate` returned, so it never sees a missing, truncated or altered file.
"""

import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from brainalign.datasets.download import download
from brainalign.datasets.manifest_file import ManifestFile, parse_file, require, require_keys
from brainalign.errors import DataError, ManifestError, nearest
from brainalign.storage import atomic_path

_PACKAGE = Path(__file__).resolve().parents[1]
_KINDS = ("images", "features", "recording")
_REDISTRIBUTE = ("yes", "no", "unclear")

# Files found whole in this process, so that loading again does not hash again: (path, size, mtime_ns, hash).
_whole: set[tuple[str, int, int, str]] = set()


@dataclass(frozen=True)
class Manifest:
    """What is known of a data set before one byte of it is read.

    Parameters
    ----------
    name, title
        Name in studies and folders; name in captions.
    kind, modality
        ``"images"``, ``"features"`` or ``"recording"``; ``"images"``, ``"fMRI"``, ``"spikes"``, ...
    licence, redistribute
        Licence as stated by the source; whether copies may be passed on: ``"yes"``, ``"no"`` or ``"unclear"``.
    citation, doi
        What to cite.
    repository, commit
        Where the files were published and at which version; empty where there is none.
    layout
        What the files hold: names, shapes, units.
    cautions
        What a reader of a result must know.
    files
        The files.
    instructions
        How to get the files where no URL serves them.
    doi_read_in, licence_read_in
        Where the DOI was read beside this citation, and where the licence (or that there is none) was read; empty where
        that was not checked.
    """

    name: str
    title: str
    kind: str
    modality: str
    licence: str
    redistribute: str
    citation: str
    doi: str
    repository: str
    commit: str
    layout: str
    cautions: tuple[str, ...]
    files: tuple[ManifestFile, ...]
    instructions: str = ""
    doi_read_in: str = ""
    licence_read_in: str = ""

    @property
    def without_files(self) -> tuple[str, str]:
        """How a data set without files comes, and what to do for it: it is embedded, or a user's own copy is read."""
        return ("by hand", self.instructions) if self.kind == "recording" else ("embedded", "")

    def file(self, path: str) -> ManifestFile:
        """Return the entry of ``path``.

        Raises
        ------
        ManifestError
            If the data set has no such file; the message lists those it has.
        """
        for entry in self.files:
            if entry.path == path:
                return entry
        have = ", ".join(entry.path for entry in self.files) or "none"
        msg = f"Data set {self.name!r} has no file {path!r}. Choose one of: {have}."
        raise ManifestError(msg)


def manifests() -> dict[str, Manifest]:
    """Return every data manifest that ships with the package, by name.

    Raises
    ------
    ManifestError
        If one is malformed.
    """
    return {name: load_manifest(name) for name in _names()}


def load_manifest(name: str) -> Manifest:
    """Return the manifest ``name``.

    Raises
    ------
    ManifestError
        If the name is unknown (the message lists the alternatives) or the manifest malformed.
    """
    if name not in _names():
        msg = f"Unknown data set {name!r}. Choose one of: {', '.join(_names())}.{nearest(name, _names())}"
        raise ManifestError(msg)
    path = _folder() / f"{name}.toml"
    return _read(name, path, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _read(name: str, path: Path, changed: int) -> Manifest:
    """Read a manifest once while its file is not ``changed``: some list hundreds of files, each of them located."""
    del changed
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"Manifest {name!r} is not valid TOML ({error}). Correct the file {name}.toml."
        raise ManifestError(msg) from error
    return _parse(name, table)


def locate(name: str, file: str, data_dir: str | os.PathLike[str] | None = None) -> Path:
    """Return the path of a whole file of a data set.

    Looked up in this order, as ``<folder>/<name>/<file>``: ``data_dir``, the environment variable
    ``BRAINALIGN_DATA``, the user cache. The first file found is hashed (once per process) and must match.

    Raises
    ------
    ManifestError
        If the data set or the file is unknown.
    DataError
        If the file is nowhere, or is truncated or altered; nothing is read from it.
    """
    entry = load_manifest(name).file(file)
    looked = []
    for folder in _folders(data_dir):
        path = folder / name / file
        if path.is_file():
            _require_whole(name, entry, path)
            return path
        looked.append(str(path.parent))
    msg = (
        f"File {file!r} of data set {name!r} is in none of: {', '.join(looked)}. Run 'brainalign data fetch {name}', "
        f"or set BRAINALIGN_DATA to the folder that holds {name}/."
    )
    raise DataError(msg)


def fetch(name: str, data_dir: str | os.PathLike[str] | None = None, progress: bool = False) -> list[Path]:
    """Download the files of a data set that are not there yet, and return the paths of all.

    A download is hashed before it takes its name; one that does not match leaves nothing behind.

    Parameters
    ----------
    name
        Data set.
    data_dir
        Folder that gets ``<name>/<file>``; ``None`` is the user cache.
    progress
        Show a progress bar.

    Raises
    ------
    DataError
        If a file has no URL, cannot be downloaded, or is not the file that the manifest describes.
    StorageError
        If it cannot be written.
    """
    manifest = load_manifest(name)
    if not manifest.files and manifest.kind == "recording":
        msg = (
            f"Data set {name!r} cannot be fetched by this command. {manifest.instructions} Licence: {manifest.licence}."
        )
        raise DataError(msg)
    return [_fetch_file(manifest, entry, data_dir, progress) for entry in manifest.files]


def verify(name: str, data_dir: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """Hash every file of a data set again and return one row per file.

    Returns
    -------
    table
        Columns ``file``, ``path`` (empty if missing), ``status`` (``"ok"``, ``"missing"``, ``"altered"``),
        ``expected`` (SHA-256 and bytes) and ``found`` (empty unless altered).
    """
    rows = []
    for entry in load_manifest(name).files:
        path = next(iter(_existing(name, entry, data_dir)), None)
        status, found = ("missing", "") if path is None else ("ok", "")
        if path is not None and (fault := _fault(entry, path)):
            status, found = "altered", fault.split(", expected")[0]
        expected = f"sha256 {entry.sha256} ({entry.bytes} bytes)"
        rows.append((entry.path, "" if path is None else str(path), status, expected, found))
    return pd.DataFrame(rows, columns=["file", "path", "status", "expected", "found"])


def missing_files(name: str, data_dir: str | os.PathLike[str] | None = None) -> tuple[list[str], str]:
    """Return the files of a data set that are nowhere, and the folder of the first that is there; reads no content."""
    missing, home = [], ""
    for entry in load_manifest(name).files:
        path = next(iter(_existing(name, entry, data_dir)), None)
        if path is None:
            missing.append(entry.path)
        else:
            home = home or str(path.parents[len(Path(entry.path).parts) - 1])
    return missing, home


def copy_of(name: str, data_dir: str | os.PathLike[str] | None = None) -> str:
    """Return the folder in which a user put a recording that no URL serves; empty where there is none."""
    found = (folder / name for folder in _folders(data_dir) if (folder / name).is_dir())
    return next((str(folder) for folder in found if any(folder.iterdir())), "")


def cache_folder() -> Path:
    """Return the user cache folder of the package."""
    import pooch

    return Path(pooch.os_cache("brainalign"))


def _folder() -> Path:
    """Return the folder of the manifests: in the installed package, else in the source tree."""
    inside = _PACKAGE / "data_manifests"
    return inside if inside.is_dir() else _PACKAGE.parent / "data_manifests"


def _names() -> list[str]:
    return sorted(path.stem for path in _folder().glob("*.toml"))


def _folders(data_dir: str | os.PathLike[str] | None) -> Iterator[Path]:
    if data_dir is not None:
        yield Path(data_dir)
    if os.environ.get("BRAINALIGN_DATA"):
        yield Path(os.environ["BRAINALIGN_DATA"])
    yield cache_folder()


def _existing(name: str, entry: ManifestFile, data_dir: str | os.PathLike[str] | None) -> Iterator[Path]:
    paths = (folder / name / entry.path for folder in _folders(data_dir))
    return (path for path in paths if path.is_file())


def _fault(entry: ManifestFile, path: Path) -> str:
    try:
        return entry.fault(path)
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"


def _require_whole(name: str, entry: ManifestFile, path: Path) -> None:
    state = path.stat()
    key = (str(path.resolve()), state.st_size, state.st_mtime_ns, entry.sha256)
    if key in _whole:
        return
    if fault := _fault(entry, path):
        msg = (
            f"File {str(path)!r} is not the one of data set {name!r}: {fault}. "
            f"Delete it and run 'brainalign data fetch {name}'."
        )
        raise DataError(msg)
    _whole.add(key)


def _fetch_file(
    manifest: Manifest, entry: ManifestFile, data_dir: str | os.PathLike[str] | None, progress: bool
) -> Path:
    target = (cache_folder() if data_dir is None else Path(data_dir)) / manifest.name / entry.path
    for path in _existing(manifest.name, entry, data_dir):
        # An altered file elsewhere would be found before the download, and is not ours to replace.
        if path != target or not _fault(entry, path):
            _require_whole(manifest.name, entry, path)
            return path
    if not entry.url:
        msg = f"File {entry.path!r} of data set {manifest.name!r} has no download address. {manifest.instructions}"
        raise DataError(msg)
    with atomic_path(target) as temporary:
        download(entry.url, temporary, progress)
        if fault := _fault(entry, temporary):
            msg = (
                f"The download of {entry.url} is not the file that manifest {manifest.name!r} describes: {fault}. "
                "Nothing was kept; try again, and if it repeats, report that the publisher changed the file."
            )
            raise DataError(msg)
    _require_whole(manifest.name, entry, target)
    return target


def _parse(name: str, table: dict[str, Any]) -> Manifest:
    flat = {key: value for key, value in table.items() if key not in ("licence", "source", "files")}
    licence = _section(name, table, "licence", ("text", "redistribute"))
    source = _section(name, table, "source", ("repository", "commit"))
    flat |= {"licence": licence["text"], "redistribute": licence["redistribute"], **source}
    flat["cautions"] = tuple(table.get("cautions", ()))
    flat["files"] = tuple(parse_file(name, row) for row in table.get("files", []))
    require_keys(name, flat, Manifest)
    manifest = Manifest(**flat)
    require(name, "name", manifest.name, manifest.name == name, f"the file name {name!r}")
    require(name, "kind", manifest.kind, manifest.kind in _KINDS, f"one of {_KINDS}")
    allowed = manifest.redistribute in _REDISTRIBUTE
    require(name, "redistribute", manifest.redistribute, allowed, f"one of {_REDISTRIBUTE}")
    served = bool(manifest.instructions) or all(entry.url for entry in manifest.files)
    require(name, "instructions", manifest.instructions, served, "one line, because a file has no url")
    return manifest


def _section(name: str, table: dict[str, Any], key: str, expected: tuple[str, ...]) -> dict[str, str]:
    section = table.get(key)
    if not isinstance(section, dict) or set(section) != set(expected):
        found = sorted(section) if isinstance(section, dict) else section
        msg = f"Manifest {name!r}: [{key}] holds {found}; expected exactly {', '.join(expected)}. Correct {name}.toml."
        raise ManifestError(msg)
    return section

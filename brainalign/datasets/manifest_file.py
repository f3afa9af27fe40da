"""One file of a data manifest: where it comes from and how to know that it is whole."""

import contextlib
import gzip
import hashlib
import os
import re
import zipfile
import zlib
from dataclasses import MISSING, dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from brainalign.errors import ManifestError

_CHUNK = 1 << 20
_IMAGES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class ManifestFile:
    """A file, its address and its hashes.

    Parameters
    ----------
    path
        Name of the file inside the folder of its data set.
    url
        Public address; empty where none serves it, and then the manifest has ``instructions``.
    sha256, bytes
        Hash (64 hexadecimal digits) and size of the file.
    content_sha256
        Optional hash of what a wrapper holds, for files whose wrapper differs between mirrors. Of ``.gz``: the
        uncompressed stream. Of ``.zip``: the image members in the order of their names, each as name, a zero byte
        and the SHA-256 of its bytes; names are relative to the folder that holds them all. A file with this
        content is whole, whatever its own hash.
    content_md5
        MD5 of the uncompressed stream as its authors published it; for the reader only, never what is trusted.
    """

    path: str
    url: str
    sha256: str
    bytes: int
    content_sha256: str = ""
    content_md5: str = ""

    @property
    def key(self) -> str:
        """Hash that names the content: ``content_sha256`` where there is one, else ``sha256``."""
        return self.content_sha256 or self.sha256

    def fault(self, path: Path) -> str:
        """Return how the file at ``path`` differs from this entry, or ``""`` if it is whole.

        Raises
        ------
        OSError
            If the file cannot be read.
        """
        with path.open("rb") as stream:
            found = _sha256(stream)
        if found == self.sha256 or (self.content_sha256 and _content_sha256(path) == self.content_sha256):
            return ""
        size = path.stat().st_size
        return f"sha256 {found[:12]} ({size} bytes), expected {self.sha256[:12]} ({self.bytes} bytes)"


def _sha256(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _content_sha256(path: Path) -> str:
    """Return the hash of what ``path`` wraps, or ``""`` if the wrapper is broken."""
    with contextlib.suppress(OSError, EOFError, zlib.error, zipfile.BadZipFile, ValueError):
        if path.suffix == ".zip":
            return _zip_sha256(path)
        with gzip.open(path, "rb") as stream:
            return _sha256(stream)  # type: ignore[arg-type]
    return ""


def _zip_sha256(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.lower().endswith(_IMAGES)]
        root = os.path.commonpath([os.path.dirname(name) for name in names])
        start = len(root) + 1 if root else 0
        digest = hashlib.sha256()
        for name in sorted(names):
            digest.update(name[start:].encode() + b"\0" + hashlib.sha256(archive.read(name)).digest())
    return digest.hexdigest()


def parse_file(name: str, row: dict[str, Any]) -> ManifestFile:
    """Return the entry that the table ``row`` of manifest ``name`` describes.

    Raises
    ------
    ManifestError
        If a key is unknown or missing, or a value malformed.
    """
    require_keys(name, row, ManifestFile)
    entry = ManifestFile(**row)
    plain = PurePosixPath(entry.path)
    require(name, "path", entry.path, not plain.is_absolute() and ".." not in plain.parts, "a path inside the data set")
    for key in ("sha256", "content_sha256") if entry.content_sha256 else ("sha256",):
        value = getattr(entry, key)
        require(name, key, value, bool(re.fullmatch("[0-9a-f]{64}", value)), "64 hexadecimal digits")
    return entry


def require_keys(name: str, table: dict[str, Any], kind: type) -> None:
    """Raise :class:`ManifestError` unless ``table`` holds the fields of the dataclass ``kind`` and no others."""
    known = {field.name: field for field in fields(kind)}
    for key in table:
        if key not in known:
            expected = ", ".join(known)
            msg = f"Manifest {name!r} has an unknown key {key!r}; expected among: {expected}. Correct {name}.toml."
            raise ManifestError(msg)
    for key, field in known.items():
        if key not in table and field.default is MISSING:
            msg = f"Manifest {name!r} lacks the key {key!r}. Add it to {name}.toml."
            raise ManifestError(msg)
        if isinstance(field.type, type) and field.type in (str, int):
            typed = isinstance(table.get(key, field.default), field.type)
            require(name, key, table.get(key), typed, f"a value of type {field.type.__name__}")


def require(name: str, key: str, value: Any, holds: bool, expected: str) -> None:
    """Raise :class:`ManifestError` unless ``holds``."""
    if not holds:
        msg = f"Manifest {name!r}: {key} is {value!r}; expected {expected}. Correct {name}.toml."
        raise ManifestError(msg)

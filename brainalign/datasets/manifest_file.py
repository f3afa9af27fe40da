"""One file of a data manifest: where it comes from and how to know that it is whole."""

import contextlib
import gzip
import hashlib
import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

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

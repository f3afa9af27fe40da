"""Writing results so that nothing is ever half there, and naming content by its hash."""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from brainalign.errors import BrainalignError, DataError, StorageError

_SEAL = "contents.json"


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path that becomes ``path`` if the block succeeds and vanishes if it does not.

    Raises
    ------
    StorageError
        If the file cannot be written (disk full, no permission).
    """
    target = Path(path)
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}-", suffix=target.suffix)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with open(temporary, "rb+") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o644)
        os.replace(temporary, target)
    except (OSError, SafetensorError) as error:
        if isinstance(error, BrainalignError):
            raise
        msg = (
            f"Could not write {str(target)!r}: {error}. Free space or choose another --out; earlier results are intact."
        )
        raise StorageError(msg) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` atomically, UTF-8."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_table(path: str | os.PathLike[str], table: pd.DataFrame, digits: int = 9) -> None:
    """Write a table as CSV, atomically; floats keep ``digits`` significant digits, 17 keep every bit."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, float_format=f"%.{digits}g")


@contextlib.contextmanager
def locked(folder: str | os.PathLike[str], shared: bool = False) -> Iterator[bool]:
    """Wait until no other process holds ``folder``, and hold it for the block; a killed process holds nothing.

    Locks of one folder do not nest. Yields whether the lock is held: some file systems have none.

    Parameters
    ----------
    folder
        An existing folder; where there is none, nothing is locked.
    shared
        Whether others may hold it, too, as readers do.
    """
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield False
        return
    try:
        held = True
        try:
            fcntl.flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        except OSError:
            held = False
        yield held
    finally:
        os.close(handle)


def file_hash(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of the bytes of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(folder: str | os.PathLike[str]) -> None:
    """Write down what the files of a cached result hold, so that :func:`is_sealed` sees a change of any of them."""
    write_text(Path(folder) / _SEAL, json.dumps(_hashes(Path(folder)), indent=1))


def is_sealed(folder: str | os.PathLike[str]) -> bool:
    """Return whether a folder holds exactly what it held when it was sealed; False where it never was."""
    try:
        written = json.loads((Path(folder) / _SEAL).read_text(encoding="utf-8"))
        return bool(written) and bool(written == _hashes(Path(folder)))
    except (OSError, ValueError):
        return False


def _hashes(folder: Path) -> dict[str, str]:
    """Return the hash of each file; hidden ones are what an interrupted write left."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    return {path.name: file_hash(path) for path in files if path.name != _SEAL}


def write_tensors(
    path: str | os.PathLike[str], tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, Any] | None = None
) -> None:
    """Write named tensors as safetensors, atomically, with JSON metadata."""
    # A copy, since the format refuses tensors that share memory.
    flat = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(flat, temporary, metadata={"json": json.dumps(metadata or {}, sort_keys=True)})


def read_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read what :func:`write_tensors` wrote.

    Raises
    ------
    DataError
        If the file is missing or is not a whole safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {}).get("json", "{}"))
            return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        msg = f"Cannot read {str(path)!r} ({error}): expected a whole safetensors file. Delete it and run again."
        raise DataError(msg) from error


def write_arrays(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays as ``.npz``, atomically, without pickle."""
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def content_hash(*parts: Any) -> str:
    """Return a SHA-256 over arrays, tensors, mappings of these, and JSON-able values; equal content, equal hash.

    A NumPy number is the number it holds. Arrays contribute dtype, shape and bytes; mappings contribute their items in
    sorted order. Every part says its kind and size before its content, so that no two nestings read alike.
    """
    digest = hashlib.sha256()
    for part in parts:
        _feed(digest, part)
    return digest.hexdigest()


def _feed(digest: Any, part: Any) -> None:
    if isinstance(part, torch.Tensor):
        part = part.detach().cpu().contiguous()
        # NumPy has no bfloat16: its bits, under its name
        part = {"bfloat16": part.view(torch.int16).numpy()} if part.dtype == torch.bfloat16 else part.numpy()
    if isinstance(part, np.ndarray) and part.dtype != object:
        digest.update(f"array {part.dtype.str} {part.shape};".encode())
        digest.update(part.tobytes())  # in C order, whatever the layout
    elif isinstance(part, Mapping):
        digest.update(f"mapping {len(part)};".encode())
        for name in sorted(part):
            _feed(digest, name)
            _feed(digest, part[name])
    else:
        text = json.dumps(part, sort_keys=True, default=_plain).encode()
        digest.update(f"value {len(text)};".encode() + text)


def _plain(value: Any) -> Any:
    """Return a NumPy number or array of objects as what JSON knows."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    msg = f"a {type(value).__name__} has no content hash; give arrays, mappings, lists, text and numbers"
    raise TypeError(msg)

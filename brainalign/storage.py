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


def write_table(path: str | os.PathLike[str], table: pd.DataFrame) -> None:
    """Write a table as CSV, atomically; floats keep 9 significant digits."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.9g")


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


def content_hash(*parts: Any) -> str:
    """Return a SHA-256 over arrays, tensors, mappings of these, and JSON-able values; equal content, equal hash.

    Arrays contribute dtype, shape and bytes; mappings contribute their items in sorted order. Every part says its kind
    and size before its content, so that no two nestings read alike.
    """
    digest = hashlib.sha256()
    for part in parts:
        _feed(digest, part)
    return digest.hexdigest()


def _feed(digest: Any, part: Any) -> None:
    if isinstance(part, torch.Tensor):
        part = part.detach().cpu().contiguous().numpy()
    if isinstance(part, np.ndarray):
        digest.update(f"array {part.dtype.str} {part.shape};".encode())
        digest.update(np.ascontiguousarray(part).view(np.uint8).tobytes() if part.size else b"")
    elif isinstance(part, Mapping):
        digest.update(f"mapping {len(part)};".encode())
        for name in sorted(part):
            _feed(digest, name)
            _feed(digest, part[name])
    else:
        text = json.dumps(part, sort_keys=True).encode()
        digest.update(f"value {len(text)};".encode() + text)

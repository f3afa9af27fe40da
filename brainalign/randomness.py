"""One random stream per purpose, so that adding a draw for one purpose never shifts another.

Streams are addressed by name, ``stream(seed, "order", epoch)``, not advanced in place: a run that resumes
at any step draws exactly what an uninterrupted run would have drawn.
"""

import hashlib

import numpy as np
import torch


def stream_seed(seed: int, *purpose: str | int) -> int:
    """Return the 63-bit seed of the stream ``purpose`` of instance ``seed``."""
    text = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def stream(seed: int, *purpose: str | int) -> torch.Generator:
    """Return a CPU generator for ``purpose``; draws are moved to the device afterwards, so that they agree."""
    return torch.Generator().manual_seed(stream_seed(seed, *purpose))


def numpy_stream(seed: int, *purpose: str | int) -> np.random.Generator:
    """Return a NumPy generator for ``purpose``."""
    return np.random.default_rng(stream_seed(seed, *purpose))

"""Arrays under made-up stimulus ids, row k under ``"s<k>"``."""

from collections.abc import Sequence

import numpy as np

from brainalign.patterns import Patterns
from brainalign.rdms import RDMs


def patterns(values: np.ndarray, name: str = "Patterns") -> Patterns:
    return Patterns(values, ids(len(values)), name)


def rdms(vectors: np.ndarray) -> RDMs:
    vectors = np.atleast_2d(vectors)
    n_stimuli = round((1 + np.sqrt(1 + 8 * vectors.shape[1])) / 2)
    return RDMs(vectors, ids(n_stimuli), "correlation")


def by_id(labels: Sequence) -> dict[str, object]:
    """Return labels of rows as labels of ids."""
    return dict(zip(ids(len(labels)), labels, strict=True))


def ids(n: int) -> tuple[str, ...]:
    return tuple(f"s{k}" for k in range(n))

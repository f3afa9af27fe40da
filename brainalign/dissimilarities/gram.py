"""Products of patterns in float64, without a float64 copy of them."""

from collections.abc import Iterator

import numpy as np

from brainalign.computing import get, put

# elements of one float64 block of features: 32 MB
_BLOCK = 2**22


def gram(features: np.ndarray, shift: np.ndarray | None = None, columns: bool = False) -> np.ndarray:
    """Return ``X X'`` in float64, ``(n, n)``.

    ``features`` are ``(n, n_features)`` of any real type; ``shift`` ``(n,)`` is subtracted from each row; ``columns``
    subtracts the mean of each column, so that large common means cost no precision.
    """
    total = put(np.zeros((len(features), len(features))))
    for rows in _blocks(features, shift):
        block = put(rows)
        if columns:
            block -= block.mean(0)
        total += block @ block.T
    return get(total)


def _blocks(features: np.ndarray, shift: np.ndarray | None) -> Iterator[np.ndarray]:
    """Yield some columns after others in float64, less the shift of each row; memory is passed over once."""
    width = max(1, _BLOCK // max(1, len(features)))
    for start in range(0, features.shape[1], width):
        own = features[:, start : start + width]
        yield own.astype(np.float64) if shift is None else np.subtract(own, shift[:, None], dtype=np.float64)

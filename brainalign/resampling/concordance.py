"""Kendall's sum of agreements of two rows under many weights, in O(n log n) for each."""

import numpy as np

# entries within which orders are compared one by one; above, by merging sorted halves
_BLOCK = 256
# weights of some samples at a time, so that they stay in the cache
_SAMPLES = 16


class Concordance:
    """``sum_(p<q) w_p w_q sign(x_p - x_q) sign(y_p - y_q)`` for fixed rows and many weights, exactly.

    In the order of ``x`` (of ``y`` downwards among equal ones) entry q agrees with a later p if ``y_q < y_p``. With the
    weight ``L_p`` of those, ``E_p`` of the ones that are smaller in ``x`` and equal in ``y``, and ``B_p`` of all that
    are smaller in ``x``, the sum is ``sum_p w_p (2 L_p + E_p - B_p)``. ``L`` is counted within blocks by a product, and
    between blocks by merging: at each level the halves of a block are in the order of ``y``, and cumulated weights of
    the first half are read at the entries of the second. All orders are made once, whatever the number of weights.
    Sums of whole numbers are exact.

    Parameters
    ----------
    x, y
        ``(n,)`` ranks or other numbers; equal ones are tied.

    Examples
    --------
    >>> Concordance(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])).sums(np.ones((1, 3))).tolist()
    [1.0]
    """

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        self._order = np.lexsort((-y, x))
        own, other = x[self._order], y[self._order]
        self._before = np.searchsorted(own, own, side="left")
        self._equal, self._equal_from = _ties(own, other)
        n = len(x)
        n_blocks = -(-n // _BLOCK)
        padded = np.full(n_blocks * _BLOCK, np.inf)
        padded[:n] = other
        rows = padded.reshape(n_blocks, _BLOCK)
        lower = np.tri(_BLOCK, k=-1, dtype=bool)
        self._within = ((rows[:, None, :] < rows[:, :, None]) & lower).astype(np.float64)
        self._levels = [_level(other, size) for size in _sizes(n)]

    def sums(self, weights: np.ndarray) -> np.ndarray:
        """Return the sum for each row of weights ``(n_samples, n)``, ``(n_samples,)``."""
        parts = [self._sums(weights[k : k + _SAMPLES]) for k in range(0, len(weights), _SAMPLES)]
        return np.concatenate(parts) if parts else np.empty(0)

    def _sums(self, weights: np.ndarray) -> np.ndarray:
        w = np.ascontiguousarray(np.asarray(weights, np.float64)[:, self._order].T)
        n, n_samples = w.shape
        padded = np.zeros((len(self._within) * _BLOCK, n_samples))
        padded[:n] = w
        blocks = padded.reshape(-1, _BLOCK, n_samples)
        found = 2 * np.einsum("bid,bid->d", blocks, self._within @ blocks)
        for order, first, start in self._levels:
            sorted_weights = w[order]
            up_to = np.cumsum(sorted_weights * first, axis=0)
            base = np.where(start[:, None] > 0, up_to[start - 1], 0.0)
            found += 2 * np.einsum("nd,nd->d", sorted_weights * ~first, up_to - base)
        total = np.concatenate([np.zeros((1, n_samples)), np.cumsum(w, axis=0)])
        found -= np.einsum("nd,nd->d", w, total[self._before])
        if len(self._equal):
            own = w[self._equal]
            total = np.concatenate([np.zeros((1, n_samples)), np.cumsum(own, axis=0)])
            start, up_to = self._equal_from
            found += np.einsum("nd,nd->d", own, total[up_to] - total[start])
        return found


def _sizes(n: int) -> list[int]:
    """Return the sizes of halves that are merged."""
    found, size = [], _BLOCK
    while size < n:
        found.append(size)
        size *= 2
    return found


def _level(y: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return an order by block of two halves and ``y``, which entries are of first halves, and where blocks start."""
    place = np.arange(len(y))
    block, first = place // (2 * size), place // size % 2 == 0
    # of equal ones the second half comes first: only smaller ones count
    order = np.lexsort((first, y, block))
    return order, first[order][:, None], block[order] * 2 * size


def _ties(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Return entries by ``y``, then ``x``; of each, where its equals in ``y`` start, and those smaller in ``x`` end."""
    order = np.lexsort((x, y))
    a, b = x[order], y[order]
    place = np.arange(len(a))
    new_y = np.append(True, b[1:] != b[:-1])
    start = np.maximum.accumulate(np.where(new_y, place, 0))
    new_x = new_y | np.append(True, a[1:] != a[:-1])
    smaller = np.maximum.accumulate(np.where(new_x, place, 0))
    return (order, (start, smaller)) if (smaller > start).any() else (np.empty(0, np.int64), (start, smaller))

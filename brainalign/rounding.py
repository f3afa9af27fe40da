"""Which differences between numbers are rounding: what counts as constant, and what counts as tied."""

import numpy as np

EPSILON = float(np.finfo(np.float64).eps)

#: Rounding error of a distance between stored numbers, in units of the largest: what a chain of sums leaves.
STORED = 64 * EPSILON

# No measured signal varies by less than this share of its own size; repeated sums of one number do.
_SMALLEST_SPREAD = 1e-12


def sum_error(n_terms: int) -> float:
    """Return the relative rounding error to expect of a float64 sum of products of ``n_terms`` terms."""
    return 4 * EPSILON * (16 + float(np.sqrt(n_terms)))


def is_constant(values: np.ndarray, axis: int) -> np.ndarray:
    """Return where numbers along ``axis`` differ by no more than rounding can explain, given their size.

    The tolerance is 8 units in the last place of the type of ``values`` (float32 numbers were rounded to float32), and
    at least 1e-12 of their largest magnitude.
    """
    if values.shape[axis] == 0:
        return np.ones(np.delete(values.shape, axis), dtype=bool)
    low, high = values.min(axis=axis).astype(np.float64), values.max(axis=axis).astype(np.float64)
    return no_spread(high - low, np.maximum(np.abs(low), np.abs(high)), values.dtype)


def no_spread(spread: np.ndarray, size: np.ndarray, dtype: np.dtype | None = None) -> np.ndarray:
    """Return where a range, a standard deviation or the norm of centred numbers is rounding, given their ``size``.

    ``dtype`` is the type in which the numbers were stored, float64 unless given.
    """
    epsilon = float(np.finfo(dtype).eps) if dtype is not None and dtype.kind == "f" else EPSILON
    return spread <= max(8 * epsilon, _SMALLEST_SPREAD) * size


def tie_bounds(ordered: np.ndarray, rounding: np.ndarray | float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return first and one-past-last position of the tie group of each value in sorted rows.

    Neighbours closer than the rounding error of their row are tied, and so are chains of them. Gaps decide, not a grid:
    a grid would separate two equal distances that rounding put on both sides of one of its edges.

    Parameters
    ----------
    ordered
        ``(n_rows, n_values)``, each row sorted.
    rounding
        ``(n_rows,)`` or one number: the rounding error of the values of a row.
    """
    n_rows, n_values = ordered.shape
    position = np.arange(n_values)
    new = np.ones((n_rows, n_values + 1), bool)
    limit = np.broadcast_to(np.asarray(rounding, np.float64), (n_rows,))[:, None]
    new[:, 1:-1] = ordered[:, 1:] - ordered[:, :-1] > limit
    start = np.maximum.accumulate(np.where(new[:, :-1], position, 0), axis=1)
    ends = np.where(new[:, 1:], position + 1, n_values)
    end = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1]
    return start, end


def mid_ranks(values: np.ndarray, rounding: np.ndarray | float = 0.0) -> np.ndarray:
    """Return ranks from 1 within each row ``(n_rows, n_values)``; values within ``rounding`` share their mean rank."""
    # where values are tied, their order means nothing, so that any sort gives these ranks
    order = np.argsort(values, axis=1)
    ordered = np.take_along_axis(values, order, axis=1)
    limit = np.broadcast_to(np.asarray(rounding, np.float64), (len(values),))[:, None]
    ranks = np.empty(values.shape)
    if (ordered[:, 1:] - ordered[:, :-1] > limit).all():
        middle = np.broadcast_to(np.arange(1.0, values.shape[1] + 1), values.shape)
    else:
        start, end = tie_bounds(ordered, rounding)
        middle = (start + end + 1) / 2
    np.put_along_axis(ranks, order, middle, axis=1)
    return ranks

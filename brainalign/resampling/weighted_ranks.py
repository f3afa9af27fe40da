"""Mid-ranks of weighted values, as if each value were repeated by its weight."""

import numpy as np

from brainalign.rounding import tie_bounds


class WeightedRanks:
    """Ranks of fixed rows of values under many integer weights, without sorting again.

    Equation: a value whose tie group spans cumulated weight ``C_start`` to ``C_end`` of the sorted row has
    the mid-rank ``C_start + (C_end - C_start + 1) / 2`` in the expanded row.

    Parameters
    ----------
    values
        ``(n_rows, n_values)``, finite.
    rounding
        ``(n_rows,)`` or one number: values of a row that are closer are tied.
    """

    def __init__(self, values: np.ndarray, rounding: np.ndarray | float = 0.0) -> None:
        n_rows, n_values = values.shape
        self._order = np.argsort(values, axis=1, kind="stable")
        ordered = np.take_along_axis(values, self._order, axis=1)
        start, end = tie_bounds(ordered, rounding)
        # positions in the flattened cumulated weights, in the order of the values
        offset = (np.arange(n_rows) * (n_values + 1))[:, None]
        self._start, self._end = np.empty_like(self._order), np.empty_like(self._order)
        np.put_along_axis(self._start, self._order, start + offset, axis=1)
        np.put_along_axis(self._end, self._order, end + offset, axis=1)
        self._cumulated = np.zeros((n_rows, n_values + 1))

    def centred(self, weights: np.ndarray) -> np.ndarray:
        """Return ``(n_rows, n_values)`` mid-ranks minus their weighted mean ``(sum w + 1) / 2``.

        Parameters
        ----------
        weights
            ``(n_values,)`` non-negative integers, of any numeric type.
        """
        np.cumsum(weights[self._order], axis=1, out=self._cumulated[:, 1:])
        ranks = self._cumulated.take(self._start)
        ranks += self._cumulated.take(self._end)
        ranks -= weights.sum()
        ranks *= 0.5
        return ranks


def rank_rows(values: np.ndarray, weights: np.ndarray, rounding: np.ndarray | float = 0.0) -> np.ndarray:
    """Return the centred mid-ranks ``(n_rows, n_values)`` of rows that are ranked once."""
    return WeightedRanks(values, rounding).centred(weights)

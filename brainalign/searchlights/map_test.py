"""What a test says of every centre of every map."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class MapTest:
    """p values of maps.

    Parameters
    ----------
    p
        ``(n_maps, n_centres)`` p of each centre alone.
    p_fwe
        ``(n_maps, n_centres)`` p adjusted for all centres of its map, by the largest statistic.
    p_all
        ``(n_maps, n_centres)`` p adjusted for all centres of all maps.
    attainable
        ``(n_maps,)`` smallest p that there can be.
    sentence
        What was done, for captions.
    """

    p: np.ndarray
    p_fwe: np.ndarray
    p_all: np.ndarray
    attainable: np.ndarray
    sentence: str


def from_largest(observed: np.ndarray, largest: np.ndarray, slack: float) -> tuple[np.ndarray, np.ndarray]:
    """Return p adjusted within each map and over all, from the largest statistic of every permutation.

    ``(1 + n_as_large) / (n_permutations + 1)``; NaN where ``observed`` is.

    Parameters
    ----------
    observed
        ``(n_maps, n_centres)``.
    largest
        ``(n_maps, n_permutations)`` over centres.
    slack
        Statistics that differ by no more are equal.
    """
    n = largest.shape[1]
    every = np.sort(largest.max(axis=0))
    within, over = np.full(observed.shape, np.nan), np.full(observed.shape, np.nan)
    for k, own in enumerate(observed):
        there = np.isfinite(own)
        for found, ordered in ((within, np.sort(largest[k])), (over, every)):
            as_large = n - np.searchsorted(ordered, own[there] - slack, side="left")
            found[k, there] = (1 + as_large) / (n + 1)
    return within, over

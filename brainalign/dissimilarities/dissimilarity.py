"""The contract of a dissimilarity between two patterns."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from brainalign.discovery import available, create
from brainalign.errors import DataError


@dataclass(frozen=True)
class Dissimilarity(ABC):
    """How unlike two patterns are; the file ``dissimilarities/<name>.py`` holds the class."""

    @abstractmethod
    def pairs(self, patterns: np.ndarray, ids: Sequence[str]) -> tuple[np.ndarray, float]:
        """Return the dissimilarity of every pair of patterns, and the rounding error of these numbers.

        Parameters
        ----------
        patterns
            ``(n_stimuli, n_features)``, finite, of any real type, at least one feature.
        ids
            ``n_stimuli`` stimulus ids, for messages.

        Returns
        -------
        values
            ``(n_pairs,)`` float64, in the order of :func:`scipy.spatial.distance.squareform`.
        rounding
            Values closer than this may be equal: numbers in float64 do not tell them apart.

        Raises
        ------
        DataError
            If a pattern has no such dissimilarity; the message names its stimulus.
        """


def dissimilarities() -> dict[str, type[Dissimilarity]]:
    """Return every dissimilarity by name."""
    return available("dissimilarities", Dissimilarity)


def dissimilarity(name: str, options: dict[str, Any] | None = None) -> Dissimilarity:
    """Return the dissimilarity ``name``; unknown names and options raise :class:`SpecError`."""
    return create("dissimilarities", Dissimilarity, name, options)


def refuse(bad: np.ndarray, ids: Sequence[str], what: str, measure: str) -> None:
    """Raise :class:`DataError` naming the first stimulus whose pattern is ``bad``."""
    if bad.any():
        msg = (
            f"Pattern of stimulus {ids[int(bad.argmax())]!r} is {what} ({int(bad.sum())} of {len(ids)} are) and "
            f"has no {measure} distance; drop the stimulus or use measure 'euclidean'."
        )
        raise DataError(msg)

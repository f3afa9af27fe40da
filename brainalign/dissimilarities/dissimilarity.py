"""The contract of a dissimilarity between two patterns."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from brainalign.discovery import available, create, snake_case
from brainalign.dissimilarities.trials import Trials
from brainalign.errors import DataError, SpecError
from brainalign.options import Needs


@dataclass(frozen=True)
class Dissimilarity(ABC):
    """How unlike two patterns are; the file ``dissimilarities/<name>.py`` holds the class.

    ``needs`` is ``"means"`` (one pattern for each stimulus), ``"precision"`` (repeats, from which noise is estimated),
    ``"trials"`` or ``"runs"`` (trials in runs whose noise is independent): what is more than means has
    :meth:`of_trials`, and layers, which have no trials, cannot be measured by it. ``signed`` says whether values can be
    negative; they are then kept so. ``unit`` and ``citation`` are for captions and methods.

    Examples
    --------
    >>> import numpy as np
    >>> from dataclasses import dataclass
    >>> from brainalign.dissimilarities.dissimilarity import Dissimilarity, dissimilarity
    >>> @dataclass(frozen=True)
    ... class CityBlock(Dissimilarity):
    ...     def pairs(self, patterns, ids):
    ...         first, second = np.triu_indices(len(patterns), 1)
    ...         return np.abs(patterns[first] - patterns[second]).sum(axis=1), 1e-12
    >>> CityBlock().pairs(np.array([[0.0, 0.0], [1.0, 2.0], [1.0, 0.0]]), ("a", "b", "c"))[0].tolist()
    [3.0, 1.0, 2.0]
    >>> dissimilarity("euclidean").pairs(np.eye(3), ("a", "b", "c"))[0].round(3).tolist()
    [0.816, 0.816, 0.816]
    >>> print(str(CityBlock().without_trials())[:33])
    Dissimilarity 'city_block' needs
    """

    needs: ClassVar[str] = "means"
    signed: ClassVar[bool] = False
    unit: ClassVar[str] = ""
    citation: ClassVar[str] = ""
    only_with: ClassVar[Needs] = {}

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

    def of_sets(self, sets: np.ndarray, ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the dissimilarities of many small sets of patterns, such as those of patches of a searchlight.

        Parameters
        ----------
        sets
            ``(n_sets, n_features, n_stimuli)``.
        ids
            ``n_stimuli`` ids.

        Returns
        -------
        values
            ``(n_sets, n_pairs)`` float64, NaN where a pattern of the set has no such dissimilarity.
        rounding
            ``(n_sets,)``.

        Examples
        --------
        >>> import numpy as np
        >>> from brainalign.dissimilarities.dissimilarity import dissimilarity
        >>> sets = np.array([np.eye(3)[:, :2], np.zeros((3, 2))])
        >>> dissimilarity("cosine").of_sets(sets, ("a", "b"))[0].tolist()
        [[1.0], [nan]]
        """
        n = sets.shape[2]
        values, rounding = np.full((len(sets), n * (n - 1) // 2), np.nan), np.zeros(len(sets))
        for k, one in enumerate(sets):
            try:
                values[k], rounding[k] = self.pairs(one.T, ids)
            except DataError:
                continue
        return values, rounding

    def of_trials(self, trials: Trials) -> tuple[np.ndarray, np.ndarray]:
        """Return the dissimilarity of every pair of stimuli at every time, and the rounding errors.

        Parameters
        ----------
        trials
            Of one subject.

        Returns
        -------
        values
            ``(n_times, n_pairs)`` float64.
        rounding
            ``(n_times,)``.

        Examples
        --------
        >>> from brainalign.dissimilarities.dissimilarity import dissimilarity
        >>> class Two:
        ...     ids, n_times = ("a", "b"), 1
        ...     def means(self, time):
        ...         return np.array([[0.0, 0.0], [3.0, 4.0]])
        >>> dissimilarity("squared_euclidean").of_trials(Two())[0].tolist()
        [[12.5]]
        """
        found = [self.pairs(trials.means(k), trials.ids) for k in range(trials.n_times)]
        return np.stack([values for values, _ in found]), np.array([error for _, error in found])

    def without_trials(self) -> SpecError:
        """Return the error of asking it of patterns that are no trials."""
        name = snake_case(type(self).__name__)
        return SpecError(
            f"Dissimilarity {name!r} needs {self.needs} of trials, which layers and mean patterns do not have; use it "
            "for recordings, and another for layers, such as 'squared_euclidean'."
        )


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

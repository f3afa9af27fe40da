"""Scores of RDMs in each category alone, and their mean: what tells categories apart says nothing."""

from collections.abc import Callable

import numpy as np

from brainalign.condensed import Condensed
from brainalign.resampling.form_pairs import FormPairs
from brainalign.resampling.linear_pairs import LinearPairs
from brainalign.resampling.ranked_pairs import RankedPairs
from brainalign.resampling.sign_pairs import SignPairs

#: What scores the RDMs of one category, see :func:`~brainalign.resampling.left_out.left_out_pairs`.
OnePair = LinearPairs | RankedPairs | FormPairs | SignPairs
Make = Callable[[Condensed, np.ndarray, np.ndarray, Condensed | None], OnePair]


class CategoryPairs:
    """Mean over categories of the score within each, weighted by its number of pairs; also without each unit.

    Each category is centred, ranked or whitened by itself, so that neither its mean nor its spread counts. Weights are
    those of the whole sample also where a unit is left out: categories were chosen, and stimuli are sampled within
    them. A unit that is left out changes the score of its own category alone.

    Parameters
    ----------
    models
        Condensed RDMs ``(n_models, n_pairs)``.
    units
        ``(n_stimuli,)`` unit of each stimulus.
    counted
        ``(n_pairs,)`` pairs that count, of one category or of several.
    categories
        ``(n_stimuli,)`` category of each stimulus, from 0.
    make
        What scores the models of one category, from these, their units, counted pairs and nuisance RDMs.
    nuisance
        RDMs taken out of every model.
    """

    def __init__(
        self,
        models: Condensed,
        units: np.ndarray,
        counted: np.ndarray,
        categories: np.ndarray,
        make: Make,
        nuisance: Condensed | None = None,
    ) -> None:
        self.n_units = int(units.max()) + 1
        self.parts: list[OnePair] = []
        #: Of each category: its pairs, the units that it has, these units of its stimuli by number, its counted pairs.
        self.places: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
        for members, pairs in of_each(categories):
            own, local = np.unique(units[members], return_inverse=True)
            held = None if nuisance is None else nuisance.pairs(pairs)
            self.places.append((pairs, own, local.ravel(), counted[pairs]))
            self.parts.append(make(models.pairs(pairs), local.ravel(), counted[pairs], held))
        sizes = np.array([place[3].sum() for place in self.places], float)
        self.weights = sizes / sizes.sum()

    def scores(self, brains: Condensed, resampled: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Return ``(n_models, n_brains)`` observed and ``(n_units, n_models, n_brains)`` without each unit.

        NaN where a model or a brain is constant within a category.
        """
        brains.finite("brain")
        found = [
            part.scores(brains.pairs(place[0]), resampled) for part, place in zip(self.parts, self.places, strict=True)
        ]
        whole = [np.concatenate([observed[None], without]) for observed, without in found]
        mean = self.mean(whole, resampled)
        return mean[0], mean[1:]

    def ceilings(
        self,
        subjects: Condensed,
        of_part: Callable[[OnePair, Condensed, np.ndarray, np.ndarray, bool], tuple[np.ndarray, np.ndarray]],
        resampled: bool,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean over categories of lower and upper ceilings, ``(n_units + 1, n_subjects)``."""
        both = [
            of_part(part, subjects.pairs(pairs), local, counted, resampled)
            for part, (pairs, _, local, counted) in zip(self.parts, self.places, strict=True)
        ]
        lower, upper = (self.mean([one[side] for one in both], resampled) for side in (0, 1))
        return lower, upper

    def mean(self, values: list[np.ndarray], resampled: bool) -> np.ndarray:
        """Return ``(1 + n_units, ...)`` means of values of each category: observed, then without each of its units."""
        observed = sum(weight * own[0] for weight, own in zip(self.weights, values, strict=True))
        found = np.repeat(np.asarray(observed)[None], 1 + (self.n_units if resampled else 0), axis=0)
        if resampled:
            for weight, own, (_, units, _, _) in zip(self.weights, values, self.places, strict=True):
                found[1 + units] += weight * (own[1:] - own[0])
        return found


def of_each(categories: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the places of the stimuli of each category, and of the pairs of these among all pairs."""
    first, second = np.triu_indices(len(categories), 1)
    return [
        (np.flatnonzero(categories == one), np.flatnonzero((categories[first] == one) & (categories[second] == one)))
        for one in np.unique(categories)
    ]

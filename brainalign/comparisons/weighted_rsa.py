"""RSA with a weight for each direction of a layer, learned on other stimuli."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from brainalign.comparisons.comparison import Comparison
from brainalign.comparisons.description import GEOMETRY, Description
from brainalign.comparisons.encoding_scores import LARGEST_R
from brainalign.comparisons.fitted_patterns import rotated
from brainalign.comparisons.group_folds import coded, group_folds
from brainalign.comparisons.prepared import Prepared
from brainalign.comparisons.prepared_responses import refuse_constant_features
from brainalign.errors import SpecError
from brainalign.patterns import Patterns
from brainalign.randomness import stream_seed
from brainalign.rdms import RDMs
from brainalign.recordings.brain import Brain
from brainalign.resampling.draw_units import draw_stimuli, draw_subjects
from brainalign.resampling.predictions_bootstrap import MIN_FOLD
from brainalign.resampling.samples import Samples
from brainalign.resampling.score_draws import ScoreDraws
from brainalign.specs import ScoringSpec

_KANIUTH = (
    "Kaniuth P, Hebart MN (2022). Feature-reweighted representational similarity analysis: A method for improving the "
    "fit between computational models, brains, and behavior. NeuroImage 257:119294. "
    "doi:10.1016/j.neuroimage.2022.119294"
)
# pairs of fewer stimuli correlate by chance
_FEWEST = 6


@dataclass(frozen=True)
class WeightedRSA(Comparison):
    """Correlation of a brain's RDM with ``sum_k w_k (z_ik - z_jk)^2``, ``w >= 0`` learned on pairs of other stimuli.

    ``z`` are the first principal components of the layer over training stimuli. Weights minimise the squared error of
    the RDM of training stimuli and ``ridge * mean diagonal * |w|^2``, with an intercept, and none below 0; the ridge is
    chosen in inner folds of stimuli. Every component is scaled alike before. Only pairs of two stimuli of the same
    test fold are scored, so that no stimulus of a test pair was fitted on. The score is the mean over folds of Pearson
    r (as Fisher's z).

    A measure with weights is flexible, as an encoding model is: read it beside RSA without weights.

    Parameters
    ----------
    n_components
        Directions of the layer, at most.
    ridges
        On offer.
    n_folds, n_inner_folds
        Folds of stimuli for testing and for choosing.
    seed
        Of the folds.
    """

    name: ClassVar[str] = "weighted_rsa"
    kind: ClassVar[str] = GEOMETRY
    word: ClassVar[str] = "weighted RSA"

    n_components: int = 20
    ridges: tuple[float, ...] = (0.01, 0.1, 1.0, 10.0)
    n_folds: int = 3
    n_inner_folds: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if (
            min(self.n_folds, self.n_inner_folds) < 2
            or self.n_components < 1
            or not self.ridges
            or min(self.ridges) <= 0
        ):
            msg = (
                f"n_components = {self.n_components}, n_folds = {self.n_folds}, n_inner_folds = {self.n_inner_folds}, "
                f"ridges = {self.ridges}; expected at least 1, 2, 2, and numbers above 0."
            )
            raise SpecError(msg)

    def describe(self) -> Description:
        """Return what tables, captions and methods say of the measure with its options."""
        return Description(
            measure=self.name,
            kind=self.kind,
            title="Weighted RSA score (Pearson r, held-out stimuli)",
            axis="Weighted RSA score (Pearson r)",
            unit="Pearson r",
            sentence="Feature-reweighted representational similarity analysis {citation} learned non-negative weights "
            f"of up to {self.n_components} principal components of a layer on some stimuli and correlated the weighted "
            "distances of others with dissimilarities of recordings ({recordings}; "
            f"{self.n_folds} folds of stimuli){self.options}.",
            dissimilarity="squared_euclidean",
            comparator="corr",
            citation=_KANIUTH,
        )

    @classmethod
    def of_study(cls, scoring: ScoringSpec) -> tuple["WeightedRSA", ...]:
        """Return the measure with the options and the seed of a study."""
        return (cls.with_options(scoring, seed=scoring.seed),)

    def score(self, features: Patterns, responses: RDMs) -> np.ndarray:
        """Return the score of a layer's features against every brain RDM, ``(n_brains,)``, joined on ids of the RDMs.

        Raises
        ------
        SpecError
            If there are too few stimuli for the folds.
        StimulusMismatchError
            If a stimulus of the RDMs has no features.
        DataError
            If the features are constant.
        """
        x = rotated(features.rows(responses.stimulus_ids))
        refuse_constant_features(x)
        units = np.arange(len(x))
        folds = self.folds(units)
        return np.array(
            [
                _mean_r(self.predicted(x, one, folds, units), one, folds, np.ones((1, len(x))))[0]
                for one in responses.matrices()
            ]
        )

    def folds(self, units: np.ndarray) -> np.ndarray:
        """Return the test fold of each stimulus; a fold of fewer than 6 stimuli raises :class:`SpecError`."""
        n_units = len(np.unique(units))
        if n_units >= self.n_folds * max(_FEWEST, MIN_FOLD):
            return group_folds(units, self.n_folds, stream_seed(self.seed, "weighted rsa", "outer"))
        msg = (
            f"Weighted RSA got {n_units} stimuli for n_folds = {self.n_folds}, expected at least {_FEWEST} in each; "
            "use RSA without weights."
        )
        raise SpecError(msg)

    def layer(self, features: Patterns) -> Patterns:
        """Return the layer, turned so that it has no more features than stimuli; nothing is lost by that."""
        refuse_constant_features(features.values)
        return Patterns(rotated(features.values), features.stimulus_ids, features.name)

    def prepare(self, brain: Brain, roi: str, controls: Mapping[str, Patterns]) -> tuple[Prepared, ...]:
        """Return the RDMs of subjects at every time."""
        del controls
        return tuple(
            Prepared.of_movie(movie, brain.groups_of(movie.stimulus_ids), movie) for movie in brain.movies(roi)
        )

    def draws(self, layers: Sequence[Any], prepared: Prepared, samples: Samples) -> Iterator[ScoreDraws]:
        """Yield the scores of layers at each time, with those of samples of the stimuli; nothing is fitted again."""
        samples, movie, ids = samples.at(len(prepared.times)), prepared.content, prepared.stimulus_ids
        units = coded(ids if prepared.groups is None else prepared.groups)
        folds, n_units = self.folds(units), int(units.max()) + 1
        counts = np.ones((1, len(ids)))
        if samples.kind == "bootstrap":
            counts = np.concatenate([counts, draw_stimuli(len(ids), samples.n_draws, samples.seed, units, folds)[0]])
        elif samples.kind == "leave_one_out":
            counts = np.concatenate([counts, np.arange(n_units)[:, None] != units[None]])
        rows = [one.rows(ids) for one in layers]
        n_subjects = len(movie.subjects)
        for k in range(len(movie.times)):
            brains = RDMs(movie.values[:, k], ids, movie.measure).matrices()
            found = np.empty((len(counts), len(rows), n_subjects))
            for m, x in enumerate(rows):
                for s, brain in enumerate(brains):
                    predicted = self.predicted(x, brain, folds, units)
                    found[:, m, s] = _mean_r(predicted, brain, folds, counts, units)
            if samples.kind != "bootstrap":
                yield ScoreDraws.without_each(found[0], found[1:], units, self.n_folds)
                continue
            subjects = draw_subjects(n_subjects, samples.n_draws, samples.seed)
            yield ScoreDraws(
                observed=found[0],
                draws=found[1:],
                stimulus_counts=counts[1:].astype(np.int64),
                subject_resamples=subjects,
                n_units=n_units,
                n_strata=self.n_folds,
            )

    def predicted(self, x: np.ndarray, brain: np.ndarray, folds: np.ndarray, units: np.ndarray) -> np.ndarray:
        """Return predicted dissimilarities ``(n, n)``; 0 for pairs of stimuli of different folds.

        Parameters
        ----------
        x
            ``(n_stimuli, n_features)``.
        brain
            ``(n_stimuli, n_stimuli)`` dissimilarities.
        folds, units
            ``(n_stimuli,)`` test fold, and which stimuli are one.
        """
        found = np.zeros(brain.shape)
        for fold in range(self.n_folds):
            train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            seed = stream_seed(self.seed, "weighted rsa", "inner", fold)
            inner = group_folds(units[train], self.n_inner_folds, seed)
            errors = np.zeros(len(self.ridges))
            for part in range(self.n_inner_folds):
                own, left = train[inner != part], train[inner == part]
                truth = brain[np.ix_(left, left)]
                upper = np.triu_indices(len(left), 1)
                for k, ridge in enumerate(self.ridges):
                    predicted = self._fitted(x, brain, own, left, ridge)
                    errors[k] += ((predicted - truth)[upper] ** 2).sum()
            best = self.ridges[int(errors.argmin())]
            found[np.ix_(test, test)] = self._fitted(x, brain, train, test, best)
        return found

    def _fitted(
        self, x: np.ndarray, brain: np.ndarray, train: np.ndarray, test: np.ndarray, ridge: float
    ) -> np.ndarray:
        """Return the dissimilarities of test stimuli with weights learned on pairs of training stimuli."""
        from scipy.optimize import nnls

        mean = x[train].mean(axis=0)
        _, sizes, axes = np.linalg.svd(x[train] - mean, full_matrices=False)
        axes = axes[: self.n_components][sizes[: self.n_components] > 1e-10 * sizes[0]]
        first, second = np.triu_indices(len(train), 1)
        z = (x[train] - mean) @ axes.T
        design = (z[first] - z[second]) ** 2
        # each direction of equal size, so that the ridge treats small ones alike
        scale = design.std(axis=0)
        axes, design = axes / np.sqrt(scale)[:, None], design / scale
        target = brain[np.ix_(train, train)][first, second]
        centre, level = design.mean(axis=0), target.mean()
        gram, cross = (design - centre).T @ (design - centre), (design - centre).T @ (target - level)
        gram += ridge * np.trace(gram) / len(gram) * np.eye(len(gram))
        # nonnegative least squares on the normal equations: as many rows as weights
        root = np.linalg.cholesky(gram)
        weights = nnls(root.T, np.linalg.solve(root, cross))[0]
        new = (x[test] - mean) @ axes.T * np.sqrt(weights)
        squares = (new**2).sum(axis=1)
        found = squares[:, None] + squares[None] - 2 * new @ new.T + level - centre @ weights
        np.fill_diagonal(found, 0.0)
        return found


def _mean_r(
    predicted: np.ndarray, brain: np.ndarray, folds: np.ndarray, counts: np.ndarray, units: np.ndarray | None = None
) -> np.ndarray:
    """Return the mean over folds of r over pairs within a fold, ``(n_counts,)``; counts weigh pairs by products."""
    z = np.zeros(len(counts))
    labels = np.unique(folds)
    for fold in labels:
        own = np.flatnonzero(folds == fold)
        first, second = (own[side] for side in np.triu_indices(len(own), 1))
        if units is not None:
            kept = units[first] != units[second]
            first, second = first[kept], second[kept]
        a, b = predicted[first, second], brain[first, second]
        a, b = (side - side.mean() for side in (a, b))
        w = counts[:, first].astype(np.float64) * counts[:, second]
        total = w.sum(axis=1)
        total = np.where(total > 0, total, np.nan)
        means = w @ a / total, w @ b / total
        cross = w @ (a * b) / total - means[0] * means[1]
        sizes = (w @ a**2 / total - means[0] ** 2) * (w @ b**2 / total - means[1] ** 2)
        varies = sizes > 1e-20 * max((a**2).mean() * (b**2).mean(), 1e-300)
        r = np.where(varies, cross / np.sqrt(np.where(varies, sizes, 1)), 0.0)
        z += np.arctanh(np.clip(r, -LARGEST_R, LARGEST_R))
    return np.tanh(z / len(labels))

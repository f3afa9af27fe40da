"""Ridge regression from several feature spaces, each with a penalty of its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brainalign.comparisons.banded_fold import BandedFold
from brainalign.comparisons.banded_scores import BandedScores
from brainalign.comparisons.beside_controls import BesideControls, check_controls, in_words
from brainalign.comparisons.description import PREDICTION, Description
from brainalign.comparisons.encoding_scores import fold_correlations
from brainalign.comparisons.held_out_scores import training_means
from brainalign.comparisons.nested_folds import NestedFolds, groups_of
from brainalign.comparisons.prepared_responses import refuse_constant_features, refuse_constant_targets
from brainalign.comparisons.ridge import HIMALAYA, himalaya_here
from brainalign.comparisons.threads import few_threads
from brainalign.computing import get
from brainalign.dissimilarities.gram import gram
from brainalign.errors import DataError, SpecError
from brainalign.patterns import Patterns
from brainalign.randomness import stream_seed
from brainalign.specs import ScoringSpec

_METRICS = {
    "share": "share of R² that is the layer's (product measure)",
    "r2": "R² of layer and controls together",
}


@dataclass(frozen=True)
class BandedRidge(BesideControls):
    """``min_w |y - sum_g X_g w_g|^2 + sum_g alpha_g |w_g|^2`` with one penalty for each feature space and target.

    Penalties are sought in inner folds of the training stimuli, by random search over how they are shared between the
    spaces and a grid of their size (Dupre la Tour et al. 2022, NeuroImage 264:119728). Each space is centred with
    training means and divided by its mean squared distance from them. Folds are those of
    :class:`~brainalign.comparisons.encoding.Encoding` with the same seed.

    As a measure of a study it fits a layer together with low-level features, and scores what R squared owes to the
    layer: ``sum p (2 y - p_all) / sum y^2`` of its part ``p`` of the predictions. Parts of all spaces sum to R squared
    of the whole, and negative ones stay. ``unique_encoding`` says what is lost without the layer. :meth:`score` takes
    any feature spaces.

    Parameters
    ----------
    n_folds, n_inner_folds
        Folds for testing and for choosing penalties.
    n_iter
        Shares of the spaces that are tried; more is better and slower.
    alphas
        Sizes of the penalties on offer.
    seed
        Of folds and shares.
    controls
        Low-level features beside the layer in a study, of ``"pixels"``, ``"luminance"`` and ``"gabor"``.
    metric
        In a study: ``"share"``, what of R squared is the layer's, or ``"r2"``, that of all spaces together.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> ids = tuple(map(str, range(60)))
    >>> a, b = Patterns(rng.normal(size=(60, 5)), ids), Patterns(rng.normal(size=(60, 5)), ids)
    >>> y = Patterns(a.values @ rng.normal(size=(5, 3)) + 0.5 * rng.normal(size=(60, 3)), ids)
    >>> found = BandedRidge(n_iter=5).score({"a": a, "b": b}, y)
    >>> bool(found.by_space["a"].mean() > 0.6 > 0.1 > found.by_space["b"].mean())
    True
    """

    name: ClassVar[str] = "banded_ridge"
    kind: ClassVar[str] = PREDICTION
    word: ClassVar[str] = "banded ridge"
    against_controls: ClassVar[bool] = False

    n_folds: int = 5
    n_inner_folds: int = 5
    n_iter: int = 20
    alphas: tuple[float, ...] = tuple(float(c) for c in np.logspace(-4, 4, 17))
    seed: int = 0
    controls: tuple[str, ...] = ("pixels", "gabor")
    metric: str = "share"

    def __post_init__(self) -> None:
        if min(self.n_folds, self.n_inner_folds) < 2 or self.n_iter < 1 or not self.alphas or min(self.alphas) <= 0:
            msg = (
                f"n_folds = {self.n_folds}, n_inner_folds = {self.n_inner_folds}, n_iter = {self.n_iter}, alphas from "
                f"{min(self.alphas, default=0):g}; expected at least 2, 2 and 1, and alphas above 0."
            )
            raise SpecError(msg)
        check_controls(self.controls)
        if self.metric not in _METRICS:
            msg = f"metric = {self.metric!r}, expected one of: {', '.join(_METRICS)}."
            raise SpecError(msg)

    @property
    def ridge(self) -> "BandedRidge":
        """The regression: itself."""
        return self

    def describe(self) -> Description:
        """Return what tables, captions and methods say of the measure with its options."""
        beside, share = in_words(self.controls), self.metric == "share"
        return Description(
            measure=f"{self.name} {'beside' if share else 'with'} {', '.join(self.controls)}",
            kind=self.kind,
            title=f"Banded ridge {'beside' if share else 'with'} {beside} ({'share of R²' if share else 'R²'})",
            axis=f"Banded ridge ({'share of R²' if share else 'R²'})",
            unit="R²",
            sentence=f"Banded ridge models {{citation}} predicted responses to held-out stimuli from the layer and "
            f"{beside}, each with a penalty of its own, and were scored by the {_METRICS[self.metric]} "
            f"({self.n_folds} folds of stimuli){self.options}.",
            held=self.controls if share else (),
            citation=HIMALAYA,
        )

    @classmethod
    def of_study(cls, scoring: ScoringSpec) -> tuple["BandedRidge", ...]:
        """Return the measure with the options and the seed of a study."""
        found = cls.with_options(scoring, seed=scoring.seed)
        if not (found.describe().held or scoring.low_level or scoring.partial):
            msg = "Measure 'banded_ridge' needs low-level features; set low_level = true in [scoring]."
            raise SpecError(msg)
        return (found,)

    def terms(self, parts: np.ndarray, centred: np.ndarray, alone: np.ndarray | None) -> np.ndarray:
        """Return what each stimulus adds to R squared by the layer, or by all spaces."""
        del alone
        whole = parts.sum(axis=0)
        part = parts[0] if self.metric == "share" else whole
        return part * (2 * centred - whole)

    def score(
        self,
        spaces: Mapping[str, Patterns],
        responses: Patterns,
        groups: Mapping[str, str | int] | None = None,
        unique: bool = False,
    ) -> BandedScores:
        """Fit and test; all are joined on the ids of ``responses``, one row for each stimulus.

        Parameters
        ----------
        spaces
            Features by name, such as layers of a network, pixels, or a network with a trained readout only.
        responses
            ``(n_stimuli, n_targets)``.
        groups
            Stimulus id to label: stimuli with one label never stand on both sides of a split.
        unique
            Whether the model is fitted without each space, too: what it then lacks is the unique variance of the space.

        Raises
        ------
        SpecError
            If there is no space, or there are too few stimuli for the folds.
        StimulusMismatchError
            If a space lacks a stimulus.
        DataError
            If a space or a target is constant.
        """
        if not spaces:
            msg = "Banded ridge got no feature space, expected one or more; give features by name."
            raise SpecError(msg)
        ids, y = responses.stimulus_ids, np.asarray(responses.rows(responses.stimulus_ids), dtype=np.float64)
        refuse_constant_targets(y)
        kernels = []
        for features in spaces.values():
            x = features.rows(ids)
            refuse_constant_features(x)
            kernels.append(gram(x, columns=True))
        labels = groups_of(ids, groups)
        folds = self.folds.checked(labels)
        whole = self.predictions(kernels, y, folds, labels)
        alone = {}
        if unique and len(spaces) > 1:
            for k, name in enumerate(spaces):
                rest = [one for j, one in enumerate(kernels) if j != k]
                alone[name] = self.predictions(rest, y, folds, labels).sum(axis=0)
        return _scored(list(spaces), whole, y, folds, alone)

    @property
    def folds(self) -> NestedFolds:
        """Return the folds of stimuli, those of encoding models with the same seed."""
        return NestedFolds(self.n_folds, self.n_inner_folds, self.seed)

    def predictions(
        self, kernels: Sequence[np.ndarray], y: np.ndarray, folds: np.ndarray, labels: np.ndarray
    ) -> np.ndarray:
        """Return what each space adds to predictions, less the training mean, ``(n_spaces, n_stimuli, n_targets)``.

        Parameters
        ----------
        kernels
            ``(n_stimuli, n_stimuli)`` inner products of each space.
        y
            ``(n_stimuli, n_targets)``.
        folds, labels
            ``(n_stimuli,)`` test fold and group.
        """
        found = np.empty((len(kernels), *y.shape))
        for one in self.fits(kernels, y, folds, labels):
            found[:, ~one.train] = one.parts()
        return found

    def fits(
        self, kernels: Sequence[np.ndarray], y: np.ndarray, folds: np.ndarray, labels: np.ndarray
    ) -> Iterator[BandedFold]:
        """Yield the model of each test fold; parameters are those of :meth:`predictions`."""
        from himalaya.kernel_ridge import MultipleKernelRidgeCV
        from sklearn.model_selection import PredefinedSplit

        with himalaya_here(), few_threads(len(y), y.shape[1]):
            for fold in range(self.n_folds):
                train = folds != fold
                ours, theirs = zip(*(_centred(one, train) for one in kernels), strict=True)
                mean, deviation = y[train].mean(axis=0), y[train].std(axis=0)
                deviation = np.where(deviation > 0, deviation, 1)
                inner = self.folds.inner(labels[train], fold)
                ridge = MultipleKernelRidgeCV(
                    kernels="precomputed",
                    solver="random_search",
                    solver_params={"n_iter": self.n_iter, "alphas": np.sort(self.alphas), "progress_bar": False},
                    fit_intercept=True,
                    random_state=stream_seed(self.seed, "banded", fold) % 2**32,
                    cv=PredefinedSplit(inner),
                )
                own, targets = np.stack(ours), (y[train] - mean) / deviation
                ridge.fit(own, targets)
                # himalaya splits no predictions with an intercept, which is 0 here: all is centred on training stimuli
                shares, dual = np.exp(get(ridge.deltas_)), get(ridge.dual_coef_)
                yield BandedFold(
                    train=train,
                    ours=own,
                    theirs=np.stack(theirs),
                    targets=targets,
                    deviation=deviation,
                    shares=shares,
                    dual=dual,
                )


def _centred(kernel: np.ndarray, train: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return train x train and test x train kernels centred on the training mean, of mean diagonal 1."""
    ours, theirs = kernel[np.ix_(train, train)], kernel[np.ix_(~train, train)]
    column = ours.mean(axis=0)
    new = theirs - column - theirs.mean(axis=1)[:, None] + column.mean()
    own = ours - column - column[:, None] + column.mean()
    scale = np.trace(own) / len(own)
    if not scale > 0:
        msg = "A feature space is constant over the training stimuli, expected features that vary; leave it out."
        raise DataError(msg)
    return own / scale, new / scale


def _scored(
    names: Sequence[str], parts: np.ndarray, y: np.ndarray, folds: np.ndarray, without: Mapping[str, np.ndarray]
) -> BandedScores:
    centred = y - training_means(y, folds)
    spread = (centred**2).sum(axis=0)
    whole = parts.sum(axis=0)
    r2 = 1 - ((centred - whole) ** 2).sum(axis=0) / spread
    by_space = {
        name: (part * (2 * centred - whole)).sum(axis=0) / spread for name, part in zip(names, parts, strict=True)
    }
    unique = {name: r2 - (1 - ((centred - rest) ** 2).sum(axis=0) / spread) for name, rest in without.items()}
    return BandedScores(
        predictions=whole + y - centred,
        folds=folds,
        r=fold_correlations(whole, y, folds),
        r2=r2,
        by_space=by_space,
        unique=unique,
    )

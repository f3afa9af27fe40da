"""Ridge regression from several feature spaces, each with a penalty of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from brainalign.comparisons.banded_scores import BandedScores
from brainalign.comparisons.encoding import FOLDS, Encoding, groups_of, himalaya_on_numpy
from brainalign.comparisons.encoding_scores import fold_correlations
from brainalign.comparisons.group_folds import group_folds
from brainalign.comparisons.held_out_scores import training_means
from brainalign.comparisons.prepared_responses import refuse_constant_features, refuse_constant_targets
from brainalign.comparisons.threads import few_threads
from brainalign.dissimilarities.gram import gram
from brainalign.errors import DataError, SpecError
from brainalign.patterns import Patterns
from brainalign.randomness import stream_seed


@dataclass(frozen=True)
class BandedRidge:
    """``min_w |y - sum_g X_g w_g|^2 + sum_g alpha_g |w_g|^2`` with one penalty for each feature space and target.

    Penalties are sought in inner folds of the training stimuli, by random search over how they are shared between the
    spaces and a grid of their size (Dupre la Tour et al. 2022, NeuroImage 264:119728). Each space is centred with
    training means and divided by its mean squared distance from them. Folds are those of
    :class:`~brainalign.comparisons.encoding.Encoding` with the same seed.

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

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> ids = tuple(map(str, range(60)))
    >>> a, b = Patterns(rng.normal(size=(60, 5)), ids), Patterns(rng.normal(size=(60, 5)), ids)
    >>> y = Patterns(a.values @ rng.normal(size=(5, 3)) + 0.5 * rng.normal(size=(60, 3)), ids)
    >>> found = BandedRidge(n_iter=5).score({"a": a, "b": b}, y)
    >>> bool(found.by_space["a"].mean() > 0.6 > 0.1 > found.by_space["b"].mean())
    True
    """

    n_folds: int = 5
    n_inner_folds: int = 5
    n_iter: int = 20
    alphas: tuple[float, ...] = tuple(float(c) for c in np.logspace(-4, 4, 17))
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.n_folds, self.n_inner_folds) < 2 or self.n_iter < 1 or not self.alphas or min(self.alphas) <= 0:
            msg = (
                f"n_folds = {self.n_folds}, n_inner_folds = {self.n_inner_folds}, n_iter = {self.n_iter}, alphas from "
                f"{min(self.alphas, default=0):g}; expected at least 2, 2 and 1, and alphas above 0."
            )
            raise SpecError(msg)

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
        folds = Encoding(n_folds=self.n_folds, n_inner_folds=self.n_inner_folds, seed=self.seed).checked_folds(labels)
        whole = self.predictions(kernels, y, folds, labels)
        alone = {}
        if unique and len(spaces) > 1:
            for k, name in enumerate(spaces):
                rest = [one for j, one in enumerate(kernels) if j != k]
                alone[name] = self.predictions(rest, y, folds, labels).sum(axis=0)
        return _scored(list(spaces), whole, y, folds, alone)

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
        from himalaya.kernel_ridge import MultipleKernelRidgeCV
        from sklearn.model_selection import PredefinedSplit

        found = np.empty((len(kernels), *y.shape))
        with himalaya_on_numpy(), few_threads(len(y), y.shape[1]):
            for fold in range(self.n_folds):
                train, test = folds != fold, folds == fold
                ours, theirs = zip(*(_centred(one, train) for one in kernels), strict=True)
                mean, deviation = y[train].mean(axis=0), y[train].std(axis=0)
                deviation = np.where(deviation > 0, deviation, 1)
                inner = group_folds(labels[train], self.n_inner_folds, stream_seed(self.seed, FOLDS, "inner", fold))
                ridge = MultipleKernelRidgeCV(
                    kernels="precomputed",
                    solver="random_search",
                    solver_params={"n_iter": self.n_iter, "alphas": np.sort(self.alphas), "progress_bar": False},
                    fit_intercept=True,
                    random_state=stream_seed(self.seed, "banded", fold) % 2**32,
                    cv=PredefinedSplit(inner),
                )
                ridge.fit(np.stack(ours), (y[train] - mean) / deviation)
                # himalaya splits no predictions with an intercept, which is 0 here: all is centred on training stimuli
                shares = np.exp(ridge.deltas_)[:, None]
                found[:, test] = shares * (np.stack(theirs) @ ridge.dual_coef_) * deviation
        return found


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
    return BandedScores(whole + y - centred, folds, fold_correlations(whole, y, folds), r2, by_space, unique)

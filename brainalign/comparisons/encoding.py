"""Encoding models: how well a layer's features predict responses to stimuli held out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from brainalign.comparisons.comparison import Comparison
from brainalign.comparisons.description import PREDICTION, Description
from brainalign.comparisons.encoding_scores import LARGEST_R, EncodingScores, fold_correlations
from brainalign.comparisons.held_out_scores import METRICS, held_out_scores
from brainalign.comparisons.nested_folds import NestedFolds, groups_of
from brainalign.comparisons.prepared import Prepared
from brainalign.comparisons.prepared_responses import (
    prepared_responses,
    refuse_constant_features,
    refuse_constant_targets,
    without_ceiling,
)
from brainalign.comparisons.ridge import HIMALAYA, Ridge, himalaya_here
from brainalign.comparisons.target_scores import TargetScores
from brainalign.comparisons.threads import few_threads
from brainalign.dissimilarities.gram import gram
from brainalign.errors import SpecError
from brainalign.patterns import Patterns
from brainalign.recordings.brain import Brain
from brainalign.recordings.recording import Recording
from brainalign.resampling.samples import Samples
from brainalign.resampling.score_draws import ScoreDraws
from brainalign.resampling.training_left_out import training_changes
from brainalign.specs import ScoringSpec

# predictions that all layers hold at once for some times
_TIMES = 2**24


@dataclass(frozen=True)
class Encoding(Comparison):
    """Ridge regression from features to responses, nested cross-validation over stimuli, one penalty per target.

    ``min_w |y - X w|^2 + alpha |w|^2`` with ``alpha = c trace(K_train) / n_train``, ``K = X X'``, and ``c`` chosen per
    target by the squared error in inner folds of the training stimuli. Features and responses are centred with
    training statistics. Kernels are solved by himalaya (Dupre la Tour et al. 2022, NeuroImage 264:119728); where
    features are fewer than a third of the stimuli a solver of our own gives its numbers in less memory.

    Parameters
    ----------
    n_folds, n_inner_folds
        Folds for testing and, within training stimuli, for choosing the penalty.
    alphas
        The values of ``c`` on offer.
    solver
        ``"kernel"`` (cost grows with stimuli), ``"primal"`` (with features) or ``"auto"``, the cheaper of the two.
    standardize
        Divide each feature by its training standard deviation; default is one scalar for all, which keeps the
        geometry of the layer. Features that are constant in training are then left out.
    seed
        Of the folds.
    dtype
        ``"float64"`` or ``"float32"``, of the solver.
    metric
        What is made of predictions: ``"r"``, ``"r2"`` (against the mean of the training responses; can be negative) or
        ``"identification"``: how often, of two held-out stimuli of a fold, the response to the right one correlates
        more with the prediction (over targets; chance is .5).

    Raises
    ------
    SpecError
        If an option is out of range.

    Examples
    --------
    >>> import brainalign as ba, numpy as np
    >>> rng, ids = np.random.default_rng(0), [f"stimulus {k}" for k in range(40)]
    >>> layer = ba.Patterns(rng.standard_normal((40, 5)), ids, "layer")
    >>> voxels = ba.Patterns(layer.values @ rng.standard_normal((5, 3)) + rng.standard_normal((40, 3)), ids, "voxels")
    >>> measure = ba.Encoding(n_folds=4)
    >>> found = measure.score(layer, voxels)
    >>> found.r.shape, bool(found.r.mean() > 0.5)
    ((3,), True)
    >>> many = ba.Recording.from_array(voxels.values, ids)
    >>> np.allclose(measure.target_scores(layer, many).r, found.r)
    True
    >>> measure.form(n=40, p=5), np.bincount(measure.folds(ids)).tolist()
    ('primal', [10, 10, 10, 10])
    >>> measure.options
    ' (n_folds = 4)'
    """

    name: ClassVar[str] = "encoding"
    kind: ClassVar[str] = PREDICTION
    word: ClassVar[str] = "encoding"
    of_trials: ClassVar[bool] = True

    n_folds: int = 5
    n_inner_folds: int = 5
    alphas: tuple[float, ...] = tuple(float(c) for c in np.logspace(-4, 4, 20))
    solver: str = "auto"
    standardize: bool = False
    seed: int = 0
    dtype: str = "float64"
    metric: str = "r"

    def __post_init__(self) -> None:
        for option, number in (("n_folds", self.n_folds), ("n_inner_folds", self.n_inner_folds)):
            if number < 2:
                msg = f"{option} = {number}, expected at least 2; use 5."
                raise SpecError(msg)
        for option, value, known in (
            ("solver", self.solver, ("auto", "kernel", "primal")),
            ("dtype", self.dtype, ("float64", "float32")),
            ("metric", self.metric, tuple(METRICS)),
        ):
            if value not in known:
                msg = f"{option} = {value!r}, expected one of: {', '.join(known)}."
                raise SpecError(msg)
        if not self.alphas or min(self.alphas) <= 0:
            msg = f"alphas = {self.alphas}, expected positive numbers; leave the default, 20 values from 1e-4 to 1e4."
            raise SpecError(msg)

    def describe(self) -> Description:
        """Return what tables, captions and methods say of the measure with its options."""
        scaled = ", standardized" if self.standardize else ""
        metric = METRICS[self.metric]
        return Description(
            measure=f"{self.name} ridge{scaled}{metric.suffix}",
            kind=self.kind,
            title=f"Encoding score ({metric.unit})",
            axis=f"Encoding score ({metric.unit})",
            unit=metric.unit,
            sentence=f"Encoding models (ridge{scaled}) predicted responses to held-out stimuli from layers by "
            f"regression as in himalaya {{citation}}, scored by {metric.words}{self.options}.",
            ceiling="noise ceiling, the largest mean score that the reliability of the responses admits."
            if metric.ceiling
            else "",
            citation=HIMALAYA,
        )

    @property
    def conditional(self) -> bool:
        """Whether errors leave out the training stimuli: where the score is no correlation.

        Examples
        --------
        >>> import brainalign as ba
        >>> ba.Encoding(metric="r2").conditional
        True
        """
        return self.metric != "r"

    def form(self, n: int, p: int) -> str:
        """Return ``"kernel"`` or ``"primal"`` for ``n`` stimuli and ``p`` features."""
        if self.solver != "auto":
            return self.solver
        # measured: the eigendecomposition of K costs as much as the SVD of X where X has n / 3 columns
        return "kernel" if 3 * p > n else "primal"

    def folds(self, groups: Sequence[str | int] | np.ndarray) -> np.ndarray:
        """Return the test fold of each stimulus, ``(n_stimuli,)``; it depends on groups and seed, never on features."""
        return self._folds.outer(groups)

    def score(
        self, features: Patterns, responses: Patterns, groups: Mapping[str, str | int] | None = None
    ) -> EncodingScores:
        """Fit and test; the two are joined on stimulus ids.

        Parameters
        ----------
        features
            ``(n_stimuli, n_features)`` of one layer, one row per stimulus, in any order; stimuli without a response are
            left out.
        responses
            ``(n_rows, n_targets)``; targets are voxels, or channels by times. Rows of one stimulus (trials) never stand
            on both sides of a split.
        groups
            Stimulus id to label: stimuli with one label never stand on both sides of a split, either. Default: each
            stimulus for itself.

        Raises
        ------
        SpecError
            If there are too few stimuli or groups for the folds.
        StimulusMismatchError
            If a response has no features, features have several rows for a stimulus, or a stimulus has no group.
        DataError
            If features, or a target, are constant but for rounding.
        """
        ids = responses.stimulus_ids
        x, y = features.rows(ids), np.asarray(responses.values, dtype=np.float64)
        refuse_constant_features(x)
        refuse_constant_targets(y)
        labels = groups_of(ids, groups)
        folds = self._folds.checked(labels)
        form = self.form(*x.shape)
        kernel = gram(x, columns=True) if form == "kernel" and not self.standardize else None
        ridge = self._ridge(form)
        predictions, alphas = np.empty_like(y), np.empty((self.n_folds, y.shape[1]))
        residual, spread = np.zeros(y.shape[1]), np.zeros(y.shape[1])
        with himalaya_here(), few_threads(len(x), y.shape[1], x.shape[1] if form == "primal" else 0):
            for fold in range(self.n_folds):
                train, test = folds != fold, folds == fold
                model = ridge.prepared(x, kernel, train)
                inner = self._folds.inner(labels[train], fold)
                predictions[test], alphas[fold] = ridge.fitted(model, y[train], inner)
                residual += ((y[test] - predictions[test]) ** 2).sum(axis=0)
                spread += ((y[test] - y[train].mean(axis=0)) ** 2).sum(axis=0)
        edges = np.isin(alphas, (min(self.alphas), max(self.alphas)))
        r2 = 1 - residual / spread
        r = fold_correlations(predictions, y, folds)
        return EncodingScores(
            predictions=predictions,
            folds=folds,
            r=r,
            r2=r2,
            alphas=alphas,
            at_boundary=float(edges.mean()),
            form=form,
            stimulus_ids=ids,
        )

    def target_scores(
        self,
        features: Patterns,
        recording: Recording,
        roi: str | None = None,
        groups: Mapping[str, str | int] | None = None,
        progress: Callable[[str], None] = lambda text: None,
    ) -> TargetScores:
        """Fit and test as :meth:`score` does, some channels after others; predictions are not kept.

        For recordings of more channels than memory holds, memory-mapped or not. Features are decomposed again for each
        block of channels, which costs little where features are fewer than stimuli.

        Parameters
        ----------
        features, groups
            As in :meth:`score`.
        recording
            Trials, of which the mean response to each stimulus is predicted.
        roi
            Channels; all unless given.
        progress
            Called with a short text after each block.

        Raises
        ------
        SpecError, StimulusMismatchError, DataError
            As :meth:`score` does.
        """
        ids = tuple(dict.fromkeys(recording.stimulus_ids))
        n_channels = len(recording.channels) if roi is None else recording.n_channels(roi)
        parts, channels = [], list[str]()
        for names, means in recording.mean_blocks(ids, roi):
            brain = Patterns(means.reshape(len(ids), -1), ids, f"Responses of {recording.dataset}/{recording.subject}")
            fitted = self.score(features, brain, groups)
            parts.append((fitted.r, fitted.r2, fitted.alphas))
            channels += names
            progress(f"{recording.name}: {len(channels)} of {n_channels} channels predicted")
        r, r2, alphas = (np.concatenate([part[k] for part in parts], axis=-1) for k in range(3))
        return TargetScores(
            r=r, r2=r2, alphas=alphas, folds=fitted.folds, form=fitted.form, stimulus_ids=ids, channels=tuple(channels)
        )

    # -- stages of a study ----------------------------------------------------------------------------------------

    @classmethod
    def of_study(cls, scoring: ScoringSpec) -> tuple["Encoding", ...]:
        """Return ridge regression with the seed of a study."""
        return (cls.with_options(scoring, seed=scoring.seed),)

    def layer(self, features: Patterns) -> Patterns:
        """Return the features of a layer."""
        refuse_constant_features(features.values)
        return features

    def prepare(self, brain: Brain, roi: str, controls: Mapping[str, Patterns]) -> tuple[Prepared, ...]:
        """Return the mean responses of subjects, with the ceilings that their repeats allow.

        Raises
        ------
        DataError
            If a response is constant.
        """
        del controls
        found = prepared_responses(brain, roi, predicted=True)
        return found if METRICS[self.metric].ceiling else tuple(without_ceiling(one) for one in found)

    def draws(self, layers: Sequence[Patterns], prepared: Prepared, samples: Samples) -> Iterator[ScoreDraws]:
        """Yield the mean score over the targets of each subject, for each layer at each time.

        All targets of several times are predicted in one fit per layer, as many times as memory allows.
        """
        samples = samples.at(len(prepared.times))
        ids = prepared.stimulus_ids
        by_id = None if prepared.groups is None else dict(zip(ids, prepared.groups, strict=True))
        units = np.arange(len(ids)) if prepared.groups is None else np.asarray(prepared.groups)
        n_targets = sum(one.shape[1] for one in prepared.content)
        width = max(1, _TIMES // (len(ids) * n_targets * max(1, len(layers))))
        for start in range(0, len(prepared.times), width):
            times = [one[:, :, start : start + width] for one in prepared.content]
            yield from self._at_times(layers, prepared, samples, times, (by_id, units))

    def _at_times(
        self,
        layers: Sequence[Patterns],
        prepared: Prepared,
        samples: Samples,
        responses: Sequence[np.ndarray],
        grouped: tuple[Mapping[str, str | int] | None, np.ndarray],
    ) -> Iterator[ScoreDraws]:
        """Yield draws at some times, of responses ``(n_stimuli, n_channels, n_times)`` of each subject.

        Targets are fitted one by one with folds that all share, so that the times of a block go through one
        decomposition of each layer.
        """
        by_id, units = grouped
        ids, n_times = prepared.stimulus_ids, responses[0].shape[2]
        flat = np.concatenate([one.transpose(0, 2, 1) for one in responses], axis=2)
        brain = Patterns(flat.reshape(len(ids), -1), ids, "Responses")
        fits = [self.score(layer, brain, by_id) for layer in layers]
        of_training = samples.kind == "leave_one_out" and self.metric == "r"
        changes = [
            self._without_in_training(layer, brain, fitted, units) if of_training else None
            for layer, fitted in zip(layers, fits, strict=True)
        ]
        owner = np.repeat(np.arange(len(responses)), [one.shape[1] for one in responses])
        for k in range(n_times):
            here = slice(k * len(owner), (k + 1) * len(owner))
            rows = []
            for fitted, change in zip(fits, changes, strict=True):
                own = [
                    held_out_scores(
                        fitted.predictions[:, here][:, owner == s],
                        one[:, :, k],
                        fitted.folds,
                        units,
                        samples,
                        prepared.groups,
                        self.metric,
                    )
                    for s, one in enumerate(responses)
                ]
                if change is not None:
                    own = [
                        replace(one, training=one.observed + change[:, here][:, owner == s].mean(axis=1)[:, None, None])
                        for s, one in enumerate(own)
                    ]
                rows.append(own)
            subjects = [ScoreDraws.stack_models([row[s] for row in rows]) for s in range(len(responses))]
            yield subjects[0] if len(subjects) == 1 else ScoreDraws.stack_subjects(subjects, samples.seed)

    def _without_in_training(
        self, layer: Patterns, brain: Patterns, fitted: EncodingScores, units: np.ndarray
    ) -> np.ndarray:
        """Return how the score of each target changes without each unit in training, ``(n_units, n_targets)``."""
        change = sum(self._training_changes(layer, brain, fitted, units))
        z = np.arctanh(np.clip(fitted.r, -LARGEST_R, LARGEST_R))
        return np.tanh(z + change / self.n_folds) - np.tanh(z)

    def _training_changes(
        self, layer: Patterns, brain: Patterns, fitted: EncodingScores, units: np.ndarray
    ) -> list[np.ndarray]:
        """Return how Fisher's z of each test fold changes without each unit in training, ``(n_units, n_targets)`` each.

        0 where training stimuli outnumber features: the variance of the test stimuli is then enough in simulations.
        """
        x, y, folds = layer.rows(brain.stimulus_ids), np.asarray(brain.values, np.float64), fitted.folds
        labels = np.unique(units, return_inverse=True)[1].ravel()
        n_units = int(labels.max()) + 1
        if x.shape[1] < int((folds != 0).sum()):
            return [np.zeros((n_units, y.shape[1]))] * self.n_folds
        kernel = gram(x, columns=True) if not self.standardize else None
        found = []
        for fold in range(self.n_folds):
            train, test = folds != fold, folds == fold
            ours, theirs = self._ridge("kernel").prepared(x, kernel, train)
            found.append(
                training_changes(ours, theirs, (y[train], y[test]), fitted.alphas[fold], labels[train], n_units)
            )
        return found

    @property
    def _folds(self) -> NestedFolds:
        return NestedFolds(self.n_folds, self.n_inner_folds, self.seed)

    def _ridge(self, form: str) -> Ridge:
        """Return the regression that the measure fits, in its ``"kernel"`` or ``"primal"`` form."""
        return Ridge(form, self.alphas, self.standardize, self.dtype)

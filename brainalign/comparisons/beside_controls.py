"""Measures of a layer beside low-level features of the stimuli, by banded ridge models on held-out stimuli."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Protocol

import numpy as np

from brainalign.comparisons.comparison import Comparison
from brainalign.comparisons.group_folds import coded
from brainalign.comparisons.held_out_scores import drawn_scores, sample_counts, training_means
from brainalign.comparisons.nested_folds import NestedFolds
from brainalign.comparisons.prepared import Prepared
from brainalign.comparisons.prepared_responses import prepared_responses, refuse_constant_features, without_ceiling
from brainalign.dissimilarities.gram import gram
from brainalign.errors import SpecError
from brainalign.patterns import Patterns
from brainalign.recordings.brain import Brain
from brainalign.resampling.samples import Samples
from brainalign.resampling.score_draws import ScoreDraws

#: Low-level features that can stand beside a layer, and their names in sentences.
CONTROLS = {"gabor": "Gabor energy", "pixels": "pixels", "luminance": "luminance"}


class _Ridge(Protocol):
    """What fits: :class:`~brainalign.comparisons.banded_ridge.BandedRidge`."""

    @property
    def folds(self) -> NestedFolds: ...

    def predictions(
        self, kernels: Sequence[np.ndarray], y: np.ndarray, folds: np.ndarray, labels: np.ndarray
    ) -> np.ndarray: ...


class BesideControls(Comparison):
    """A measure that fits a layer and low-level features together; samples of stimuli are scored without fitting again.

    Subclasses have a field ``controls``. ``against_controls`` says whether the model of the controls alone is fitted,
    too.
    """

    of_trials: ClassVar[bool] = True
    against_controls: ClassVar[bool]

    controls: tuple[str, ...]

    @property
    @abstractmethod
    def ridge(self) -> _Ridge:
        """The regression."""

    @property
    def conditional(self) -> bool:
        """Whether errors leave out what the training stimuli add: they do."""
        return True

    @abstractmethod
    def sampled(
        self,
        parts: np.ndarray,
        centred: np.ndarray,
        alone: np.ndarray | None,
        counts: np.ndarray,
    ) -> np.ndarray:
        """Return the score of the layer in every sample of stimuli, ``(n_samples,)``.

        Parameters
        ----------
        parts
            ``(1 + n_controls, n_stimuli, n_targets)`` what the layer, then each control, adds to predictions.
        centred
            ``(n_stimuli, n_targets)`` responses less their training means.
        alone
            ``(n_stimuli, n_targets)`` predictions of the controls alone less training means; ``None`` unless asked for.
        counts
            ``(n_samples, n_stimuli)`` how often each stimulus is in each sample.
        """

    def layer(self, features: Patterns) -> Patterns:
        """Return the inner products of a layer, under its ids."""
        refuse_constant_features(features.values)
        return Patterns(gram(features.values, columns=True), features.stimulus_ids, features.name)

    def prepare(self, brain: Brain, roi: str, controls: Mapping[str, Patterns]) -> tuple[Prepared, ...]:
        """Return the mean responses of subjects, with the inner products of the controls."""
        missing = [name for name in self.controls if name not in controls]
        if missing:
            msg = f"Measure {self.name!r} lacks the low-level features {missing}; set low_level = true in [scoring]."
            raise SpecError(msg)
        found = []
        for one in prepared_responses(brain, roi, predicted=True):
            kernels = [gram(controls[name].rows(one.stimulus_ids), columns=True) for name in self.controls]
            found.append(replace(without_ceiling(one), content=(one.content, kernels)))
        return tuple(found)

    def draws(self, layers: Sequence[Any], prepared: Prepared, samples: Samples) -> Iterator[ScoreDraws]:
        """Yield the scores of layers at each time, with those of samples of the stimuli; nothing is fitted again."""
        samples, ids = samples.at(len(prepared.times)), prepared.stimulus_ids
        units = labels = coded(ids if prepared.groups is None else prepared.groups)
        ridge = self.ridge
        folds = ridge.folds.checked(labels)
        counts, sizes = sample_counts(folds, units, samples, tuple(map(int, units)))
        responses, controls = prepared.content
        kernels = [_kernel(one, ids) for one in layers]
        for k in range(len(prepared.times)):
            each = [one[:, :, k] for one in responses]
            y = np.concatenate(each, axis=1)
            owner = np.repeat(np.arange(len(each)), [one.shape[1] for one in each])
            centred, alone = y - training_means(y, folds), None
            if self.against_controls:
                alone = ridge.predictions(controls, y, folds, labels).sum(axis=0)
            rows = []
            for kernel in kernels:
                parts = ridge.predictions([kernel, *controls], y, folds, labels)
                scores = [
                    self.sampled(
                        parts[:, :, owner == s],
                        centred[:, owner == s],
                        None if alone is None else alone[:, owner == s],
                        counts,
                    )
                    for s in range(len(each))
                ]
                rows.append([drawn_scores(one, counts, units, samples, sizes) for one in scores])
            subjects = [ScoreDraws.stack_models([row[s] for row in rows]) for s in range(len(each))]
            yield subjects[0] if len(subjects) == 1 else ScoreDraws.stack_subjects(subjects, samples.seed)


def check_controls(controls: Sequence[str]) -> None:
    """Raise :class:`SpecError` unless there are controls, each of them known."""
    unknown = [name for name in controls if name not in CONTROLS]
    if unknown or not controls:
        msg = f"controls = {list(controls)}, expected some of: {', '.join(CONTROLS)}."
        raise SpecError(msg)


def in_words(controls: Sequence[str]) -> str:
    """Return the controls as sentences name them."""
    return " and ".join(CONTROLS[name] for name in controls)


def weighted_share(part: np.ndarray, centred: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the mean over targets of ``sum part / sum centred^2`` in every sample, ``(n_samples,)``."""
    weights = counts.astype(np.float64)
    spread = weights @ centred**2
    return (weights @ part / np.where(spread > 0, spread, np.nan)).mean(axis=1)


def _kernel(layer: Patterns, ids: Sequence[str]) -> np.ndarray:
    """Return the inner products of the rows ``ids``."""
    place = {one: k for k, one in enumerate(layer.stimulus_ids)}
    rows = [place[one] for one in ids]
    return layer.values[np.ix_(rows, rows)]

"""Measures of a layer beside low-level features of the stimuli, by banded ridge models on held-out stimuli."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Protocol

import numpy as np

from brainalign.comparisons.banded_fold import BandedFold
from brainalign.comparisons.comparison import Comparison
from brainalign.comparisons.group_folds import coded
from brainalign.comparisons.held_out_scores import drawn_scores, sample_counts, training_means
from brainalign.comparisons.nested_folds import NestedFolds
from brainalign.comparisons.prepared import Prepared
from brainalign.comparisons.prepared_responses import prepared_responses, refuse_constant_features, without_ceiling
from brainalign.comparisons.training_groups import training_groups, training_of_units
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
    def seed(self) -> int: ...
    @property
    def folds(self) -> NestedFolds: ...

    def fits(
        self, kernels: Sequence[np.ndarray], y: np.ndarray, folds: np.ndarray, labels: np.ndarray
    ) -> Iterator[BandedFold]: ...


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

    @abstractmethod
    def terms(self, parts: np.ndarray, centred: np.ndarray, alone: np.ndarray | None) -> np.ndarray:
        """Return what each stimulus adds to the score of the layer, ``(n_stimuli, n_targets)``.

        The score is the mean over targets of the sum of these over that of ``centred ** 2``.

        Parameters
        ----------
        parts
            ``(1 + n_controls, n_stimuli, n_targets)`` what the layer, then each control, adds to predictions.
        centred
            ``(n_stimuli, n_targets)`` responses less their training means.
        alone
            ``(n_stimuli, n_targets)`` predictions of the controls alone less training means; ``None`` unless asked for.
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
        """Yield the scores of layers at each time, with those of samples of the stimuli; nothing is fitted again.

        Without each stimulus the variance of the training stimuli is there, too, from fits without groups of them
        whose penalties are kept. Without that, unique variance told equal rules apart in .11 of simulated data sets of
        30 stimuli.
        """
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
            centred = y - training_means(y, folds)
            alone = list(ridge.fits(controls, y, folds, labels)) if self.against_controls else []
            rows = []
            for kernel in kernels:
                fits = list(ridge.fits([kernel, *controls], y, folds, labels))
                terms = np.empty_like(centred)
                for f, one in enumerate(fits):
                    beside = alone[f].parts().sum(axis=0) if alone else None
                    terms[~one.train] = self.terms(one.parts(), centred[~one.train], beside)
                found = [
                    drawn_scores(
                        weighted_share(terms[:, owner == s], centred[:, owner == s], counts),
                        counts,
                        units,
                        samples,
                        sizes,
                    )
                    for s in range(len(each))
                ]
                if samples.kind == "leave_one_out":
                    group = training_groups(int(units.max()) + 1, ridge.seed)
                    changes = self._changes(fits, alone, centred, terms, group[units])
                    found = [_with_training(one, changes[:, owner == s], group) for s, one in enumerate(found)]
                rows.append(found)
            subjects = [ScoreDraws.stack_models([row[s] for row in rows]) for s in range(len(each))]
            yield subjects[0] if len(subjects) == 1 else ScoreDraws.stack_subjects(subjects, samples.seed)

    def _changes(
        self,
        fits: Sequence[BandedFold],
        alone: Sequence[BandedFold],
        centred: np.ndarray,
        terms: np.ndarray,
        group: np.ndarray,
    ) -> np.ndarray:
        """Return how the score of each target changes without each group in training, ``(n_groups, n_targets)``."""
        spread = (centred**2).sum(axis=0)
        found = np.zeros((int(group.max()) + 1, centred.shape[1]))
        for f, one in enumerate(fits):
            test = ~one.train
            for g in range(len(found)):
                left_out = group == g
                beside = alone[f].parts_without(left_out).sum(axis=0) if alone else None
                own = self.terms(one.parts_without(left_out), centred[test], beside)
                found[g] += (own - terms[test]).sum(axis=0)
        return found / np.where(spread > 0, spread, np.nan)


def _with_training(found: ScoreDraws, changes: np.ndarray, group: np.ndarray) -> ScoreDraws:
    """Return draws of one model and subject with what each unit does in training, from changes by group and target."""
    tested = found.draws[:, 0, 0] - found.observed[0, 0]
    training = training_of_units(changes.mean(axis=1), tested, group)
    return replace(found, training=found.observed + training[:, None, None])


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

"""What measures share that are fitted on some stimuli and scored on others, subject by subject."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from brainalign.comparisons.comparison import Comparison
from brainalign.comparisons.group_folds import coded
from brainalign.comparisons.nested_folds import outer_folds
from brainalign.comparisons.prepared import Prepared
from brainalign.comparisons.prepared_responses import (
    prepared_responses,
    refuse_constant_features,
    refuse_constant_targets,
)
from brainalign.comparisons.training_groups import training_groups, training_of_units
from brainalign.dissimilarities.gram import gram
from brainalign.errors import SpecError
from brainalign.patterns import Patterns
from brainalign.recordings.brain import Brain
from brainalign.resampling.draw_units import labels_of
from brainalign.resampling.predictions_bootstrap import MIN_FOLD
from brainalign.resampling.samples import Samples
from brainalign.resampling.score_draws import ScoreDraws


@dataclass(frozen=True)
class FittedPatterns(Comparison):
    """A measure of patterns that is fitted within folds; samples of stimuli are scored without fitting again.

    What the training stimuli add to the variance comes from fits without some of them (up to 20 groups of stimuli in
    turn, what was chosen in inner folds kept): a rotation of many dimensions, say, depends on which stimuli it was
    fitted to. Without that, Procrustes told equal rules apart in .17 of simulated data sets with 150 features and 60
    stimuli.

    Parameters
    ----------
    n_folds
        Folds for testing.
    seed
        Of the folds.

    Raises
    ------
    SpecError
        If there are fewer than two folds.
    """

    of_trials: ClassVar[bool] = True

    n_folds: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_folds < 2:
            msg = f"n_folds = {self.n_folds}, expected at least 2; use 5."
            raise SpecError(msg)

    @abstractmethod
    def sampled(
        self, x: np.ndarray, y: np.ndarray, folds: np.ndarray, units: np.ndarray, samples: Samples
    ) -> ScoreDraws:
        """Return the score of one layer for one subject, with those of samples of the stimuli.

        Parameters
        ----------
        x, y
            ``(n_stimuli, n_features)`` and ``(n_stimuli, n_targets)``.
        folds, units
            ``(n_stimuli,)`` test fold, and which stimuli are one; a unit lies in one fold.
        samples
            Which.
        """

    def chosen(self, x: np.ndarray, y: np.ndarray, folds: np.ndarray, units: np.ndarray) -> Any:
        """Return what is chosen in inner folds of the training stimuli of each fold; nothing unless overridden."""
        del x, y, folds, units

    @abstractmethod
    def scored_without(
        self, x: np.ndarray, y: np.ndarray, folds: np.ndarray, trained: np.ndarray, chosen: Any
    ) -> float:
        """Return the score of all stimuli by fits to those that are ``trained`` ``(n_stimuli,)`` of the other folds."""

    def training(
        self, x: np.ndarray, y: np.ndarray, folds: np.ndarray, units: np.ndarray, tested: np.ndarray
    ) -> np.ndarray:
        """Return how the score changes without each unit among the training stimuli, ``(n_units,)``.

        See :func:`~brainalign.comparisons.training_groups.training_of_units`.

        Parameters
        ----------
        x, y, folds, units
            As of :meth:`sampled`.
        tested
            ``(n_units,)`` changes of the score without each unit as a test stimulus.
        """
        chosen, group = self.chosen(x, y, folds, units), training_groups(int(units.max()) + 1, self.seed)
        whole = self.scored_without(x, y, folds, np.ones(len(x), bool), chosen)
        changes = np.array([
            self.scored_without(x, y, folds, group[units] != one, chosen) - whole for one in range(int(group.max()) + 1)
        ])  # fmt: skip
        return training_of_units(changes, tested, group)

    def brain_side(self, responses: np.ndarray) -> np.ndarray:
        """Return responses as they are compared; turned as layers are, where single channels mean nothing."""
        return rotated(responses)

    def score(self, features: Patterns, responses: Patterns, groups: Mapping[str, str | int] | None = None) -> float:
        """Return the score; the two are joined on stimulus ids.

        Parameters
        ----------
        features, responses
            One row per stimulus, in any order; stimuli without a response are left out.
        groups
            Stimulus id to label: stimuli with one label never stand on both sides of a split.

        Raises
        ------
        SpecError
            If stimuli are too few for the folds.
        StimulusMismatchError
            If a response has no features.
        DataError
            If features, or a target, are constant but for rounding.
        """
        ids = responses.stimulus_ids
        x, y = rotated(features.rows(ids)), self.brain_side(responses.rows(ids))
        refuse_constant_features(x)
        refuse_constant_targets(responses.rows(ids))
        units = coded(ids if groups is None else labels_of(groups, ids))
        return float(self.sampled(x, y, self.folds(units), units, Samples("none")).observed[0, 0])

    def folds(self, units: np.ndarray) -> np.ndarray:
        """Return the test fold of each stimulus: those of encoding models with the same seed.

        Raises
        ------
        SpecError
            If a fold holds fewer than 4 stimuli.
        """
        n_units = len(np.unique(units))
        if n_units >= self.n_folds:
            folds = outer_folds(units, self.n_folds, self.seed)
            if np.bincount(folds, minlength=self.n_folds).min() >= MIN_FOLD:
                return folds
        msg = (
            f"{self.word} got {len(units)} stimuli ({n_units} different ones) for n_folds = {self.n_folds}, expected "
            f"at least {MIN_FOLD} in each; use fewer folds or a measure without them."
        )
        raise SpecError(msg)

    def layer(self, features: Patterns) -> Patterns:
        """Return the layer, turned so that it has no more features than stimuli; nothing is lost by that."""
        refuse_constant_features(features.values)
        return Patterns(rotated(features.values), features.stimulus_ids, features.name)

    def prepare(self, brain: Brain, roi: str, controls: Mapping[str, Patterns]) -> tuple[Prepared, ...]:
        """Return the mean responses of subjects."""
        del controls
        return prepared_responses(brain, roi, predicted=False)

    def draws(self, layers: Sequence[Patterns], prepared: Prepared, samples: Samples) -> Iterator[ScoreDraws]:
        """Yield the scores of layers at each time, with those of samples of the stimuli."""
        samples = samples.at(len(prepared.times))
        ids = prepared.stimulus_ids
        units = coded(ids if prepared.groups is None else prepared.groups)
        folds, rows = self.folds(units), [one.rows(ids) for one in layers]
        for k in range(len(prepared.times)):
            subjects = []
            for responses in prepared.content:
                y = self.brain_side(responses[:, :, k])
                subjects.append(ScoreDraws.stack_models([self._drawn(x, y, folds, units, samples) for x in rows]))
            yield subjects[0] if len(subjects) == 1 else ScoreDraws.stack_subjects(subjects, samples.seed)

    def _drawn(
        self, x: np.ndarray, y: np.ndarray, folds: np.ndarray, units: np.ndarray, samples: Samples
    ) -> ScoreDraws:
        found = self.sampled(x, y, folds, units, samples)
        if samples.kind != "leave_one_out":
            return found
        tested = found.draws[:, 0, 0] - found.observed[0, 0]
        return replace(found, training=found.observed + self.training(x, y, folds, units, tested)[:, None, None])


def rotated(values: np.ndarray) -> np.ndarray:
    """Return patterns with the same inner products in no more dimensions than there are patterns, float64.

    Measures that do not change with a rotation of the features give the same for them, at a fraction of the cost.
    """
    if values.shape[1] <= len(values):
        return np.asarray(values, dtype=np.float64)
    sizes, axes = np.linalg.eigh(gram(values))
    kept = sizes > 1e-14 * sizes[-1]
    return axes[:, kept] * np.sqrt(sizes[kept])

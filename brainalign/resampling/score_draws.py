"""Scores of many models against every subject, as observed and for bootstrap samples of stimuli."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from brainalign.errors import SpecError, StimulusMismatchError
from brainalign.resampling.draw_units import draw_subjects


@dataclass(frozen=True, eq=False)
class ScoreDraws:
    """Scores of ``n_models`` models against ``n_subjects`` subjects, and of samples of their stimuli.

    A row is one model (one seed of one rule at one layer). Every draw uses the same stimuli for all models
    and subjects, so differences between rows are paired. Draws are bootstrap samples, or the sample without each
    stimulus (``left_out``): these are not a sample of scores, and have a variance formula of their own. Subjects are
    resampled by indexing the last axis with ``subject_resamples``; nothing is scored again.

    Parameters
    ----------
    observed
        ``(n_models, n_subjects)`` scores of the sample as it is; higher is better.
    draws
        ``(n_draws, n_models, n_subjects)`` scores of the bootstrap samples of stimuli, all subjects kept.
    stimulus_counts
        ``(n_draws, n_stimuli)`` how often each stimulus is in each draw.
    subject_resamples
        ``(n_draws, n_subjects)`` indices of subjects drawn with replacement.
    n_units
        Independent stimulus units that were resampled: stimuli, or clusters of them.
    n_strata
        Strata within which units were resampled (cross-validation folds of an encoding model), otherwise 1.
    ceiling_lower, ceiling_upper
        ``(n_draws, n_subjects)`` noise ceiling of each draw, ``None`` where it cannot be estimated.
    ceiling_lower_observed, ceiling_upper_observed
        ``(n_subjects,)`` noise ceiling of the sample as it is, or ``None``.
    left_out
        Whether draw k is the sample without unit k, instead of a bootstrap sample.
    training
        ``(n_units, n_models, n_subjects)`` scores without each unit as a training stimulus of an encoding model,
        ``None`` where nothing is fitted: the variance that the training set adds.
    repeats
        ``(n_repeats, n_models, n_subjects)`` scores without each repeat of a measurement, ``None`` where there are no
        repeats; they say how noisy a measurement is where neither subjects nor stimuli are random.
    """

    observed: np.ndarray
    draws: np.ndarray
    stimulus_counts: np.ndarray
    subject_resamples: np.ndarray
    n_units: int
    n_strata: int = 1
    ceiling_lower: np.ndarray | None = None
    ceiling_upper: np.ndarray | None = None
    ceiling_lower_observed: np.ndarray | None = None
    ceiling_upper_observed: np.ndarray | None = None
    left_out: bool = False
    repeats: np.ndarray | None = None
    training: np.ndarray | None = None

    @property
    def n_draws(self) -> int:
        """Number of bootstrap samples of stimuli."""
        return self.draws.shape[0]

    @property
    def n_models(self) -> int:
        """Number of rows."""
        return self.observed.shape[0]

    @property
    def n_subjects(self) -> int:
        """Number of subjects."""
        return self.observed.shape[1]

    @property
    def n_stimuli(self) -> int:
        """Number of stimuli."""
        return self.stimulus_counts.shape[1]

    @classmethod
    def without_each(
        cls,
        observed: np.ndarray,
        without: np.ndarray,
        units: np.ndarray,
        n_strata: int = 1,
        ceilings: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> "ScoreDraws":
        """Return the scores ``(n_models, n_subjects)`` and those without each unit ``(n_units, n_models, n_subjects)``.

        ``units`` ``(n_stimuli,)`` says which unit a stimulus belongs to; ``ceilings`` are lower and upper ones
        ``(n_units + 1, n_subjects)``, of all stimuli first.
        """
        kept = (np.arange(len(without))[:, None] != units[None]).astype(np.int64)
        found = cls(
            observed=observed,
            draws=without,
            stimulus_counts=kept,
            subject_resamples=np.empty((0, observed.shape[1]), np.int64),
            n_units=len(without),
            n_strata=n_strata,
        )
        if ceilings is not None:
            lower, upper = ceilings
            found = replace(
                found,
                ceiling_lower=lower[1:],
                ceiling_upper=upper[1:],
                ceiling_lower_observed=lower[0],
                ceiling_upper_observed=upper[0],
            )
        return replace(found, left_out=True)

    def rows(self, kept: Sequence[int]) -> "ScoreDraws":
        """Return the draws of some models."""
        if list(kept) == list(range(self.n_models)):
            return self
        own = list(kept)
        repeats, training = (None if one is None else one[:, own] for one in (self.repeats, self.training))
        return replace(self, observed=self.observed[own], draws=self.draws[:, own], repeats=repeats, training=training)

    @staticmethod
    def mean(parts: Sequence["ScoreDraws"]) -> "ScoreDraws":
        """Return the mean of draws of the same models, subjects and stimuli at several times; without ceilings."""
        first = parts[0]
        own = {
            name: np.mean([getattr(one, name) for one in parts], axis=0)
            for name in ("observed", "draws", "repeats", "training")
            if all(getattr(one, name) is not None for one in parts)
        }
        gone = dict.fromkeys(
            (
                "ceiling_lower",
                "ceiling_upper",
                "ceiling_lower_observed",
                "ceiling_upper_observed",
                "repeats",
                "training",
            )
        )
        return replace(first, **{**gone, **own})

    @staticmethod
    def side_by_side(parts: Sequence["ScoreDraws"], seed: int) -> "ScoreDraws":
        """Join subjects that were scored each on stimuli of its own.

        Their draws are of different stimuli, so that no variance over stimuli can be had from them: they are left out,
        and stimuli must be held fixed. There is no noise ceiling over subjects.
        """
        fewest = min(parts, key=lambda part: part.n_units)
        observed = np.concatenate([part.observed for part in parts], axis=1)
        return replace(
            fewest,
            observed=observed,
            draws=np.empty((0, *observed.shape)),
            training=None,
            repeats=_joined([part.repeats for part in parts], 2),
            subject_resamples=draw_subjects(observed.shape[1], fewest.n_draws, seed),
            ceiling_lower=None,
            ceiling_upper=None,
            ceiling_lower_observed=None,
            ceiling_upper_observed=None,
        )

    @staticmethod
    def stack_models(parts: Sequence["ScoreDraws"]) -> "ScoreDraws":
        """Join draws made for some models at a time, of the same stimuli and subjects; ceilings are those of the first.

        Raises
        ------
        StimulusMismatchError
            If the parts did not draw the same stimuli.
        """
        first = parts[0]
        _require_same_stimuli(parts)
        return replace(
            first,
            observed=np.concatenate([part.observed for part in parts]),
            draws=np.concatenate([part.draws for part in parts], axis=1),
            repeats=_joined([part.repeats for part in parts], 1),
            training=_joined([part.training for part in parts], 1),
        )

    @staticmethod
    def stack_subjects(parts: Sequence["ScoreDraws"], seed: int) -> "ScoreDraws":
        """Join draws made for one subject at a time into one object over all subjects.

        Parameters
        ----------
        parts
            Draws of the same models, made with the same seed, stimuli and folds.
        seed
            Seed of the new subject resamples.

        Raises
        ------
        StimulusMismatchError
            If the parts did not draw the same stimuli: their scores could not be paired.
        SpecError
            If there is no part or the numbers of models differ.
        """
        if not parts or len({part.n_models for part in parts}) > 1:
            msg = (
                f"Cannot stack draws of {[part.n_models for part in parts]} models: pass one part per subject, same"
                " models."
            )
            raise SpecError(msg)
        first = parts[0]
        _require_same_stimuli(parts)
        n_subjects = sum(part.n_subjects for part in parts)
        return replace(
            first,
            observed=np.concatenate([part.observed for part in parts], axis=1),
            draws=np.concatenate([part.draws for part in parts], axis=2),
            repeats=_joined([part.repeats for part in parts], 2),
            training=_joined([part.training for part in parts], 2),
            subject_resamples=draw_subjects(n_subjects, first.n_draws, seed),
            ceiling_lower=None,
            ceiling_upper=None,
            ceiling_lower_observed=None,
            ceiling_upper_observed=None,
        )


def _joined(repeats: Sequence[np.ndarray | None], axis: int) -> np.ndarray | None:
    """Return the scores without each repeat of all parts; none where a part has none, or another number of repeats."""
    known = [one for one in repeats if one is not None]
    same = len(known) == len(repeats) and len({len(one) for one in known}) == 1
    return np.concatenate(known, axis=axis) if same else None


def _require_same_stimuli(parts: Sequence[ScoreDraws]) -> None:
    for number, part in enumerate(parts):
        if not np.array_equal(part.stimulus_counts, parts[0].stimulus_counts):
            msg = f"Part {number} drew other stimuli than part 0. Use the same seed, stimuli and folds for every part."
            raise StimulusMismatchError(msg)

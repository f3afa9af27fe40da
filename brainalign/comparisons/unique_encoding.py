"""What a layer predicts of responses beyond low-level features of the stimuli."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from brainalign.comparisons.banded_ridge import BandedRidge
from brainalign.comparisons.comparison import Comparison
from brainalign.comparisons.description import PREDICTION, Description
from brainalign.comparisons.encoding import Encoding
from brainalign.comparisons.group_folds import coded
from brainalign.comparisons.held_out_scores import drawn_scores, r_squared, sample_counts, training_means
from brainalign.comparisons.prepared import Prepared
from brainalign.comparisons.prepared_responses import (
    prepared_responses,
    refuse_constant_features,
    without_ceiling,
)
from brainalign.dissimilarities.gram import gram
from brainalign.errors import SpecError
from brainalign.patterns import Patterns
from brainalign.recordings.brain import Brain
from brainalign.resampling.samples import Samples
from brainalign.resampling.score_draws import ScoreDraws
from brainalign.specs import ScoringSpec

_NAMES = {"gabor": "Gabor energy", "pixels": "pixels", "luminance": "luminance"}
_CITATION = (
    "Dupré la Tour T, Eickenberg M, Nunez-Elizalde AO, Gallant JL (2022). Feature-space selection with banded ridge "
    "regression. NeuroImage 264:119728. doi:10.1016/j.neuroimage.2022.119728"
)


@dataclass(frozen=True)
class UniqueEncoding(Comparison):
    """``R2(layer and controls) - R2(controls)`` of banded ridge models on held-out stimuli, mean over targets.

    Negative values are kept: clipping them would find unique variance in noise.

    Parameters
    ----------
    controls
        Low-level features, of ``"pixels"``, ``"luminance"`` and ``"gabor"``.
    n_folds, n_inner_folds, n_iter, seed
        See :class:`~brainalign.comparisons.banded_ridge.BandedRidge`.
    """

    name: ClassVar[str] = "unique_encoding"
    kind: ClassVar[str] = PREDICTION
    word: ClassVar[str] = "unique variance"
    of_trials: ClassVar[bool] = True

    controls: tuple[str, ...] = ("pixels", "gabor")
    n_folds: int = 5
    n_inner_folds: int = 5
    n_iter: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        self._ridge()
        unknown = [name for name in self.controls if name not in _NAMES]
        if unknown or not self.controls:
            msg = f"controls = {list(self.controls)}, expected some of: {', '.join(_NAMES)}."
            raise SpecError(msg)

    def describe(self) -> Description:
        """Return what tables, captions and methods say of the measure with its options."""
        held = " and ".join(_NAMES[name] for name in self.controls)
        return Description(
            measure=f"{self.name} beyond {', '.join(self.controls)}",
            kind=self.kind,
            title=f"Unique variance beyond {held} (R²)",
            axis="Unique variance (R²)",
            unit="R²",
            sentence="The unique variance of a layer was R² on held-out stimuli of banded ridge models {citation} from "
            f"the layer and {held} less that of {held} alone ({self.n_folds} folds of stimuli){self.options}.",
            citation=_CITATION,
        )

    @classmethod
    def of_study(cls, scoring: ScoringSpec) -> tuple["UniqueEncoding", ...]:
        """Return the measure with the options and the seed of a study."""
        if not (scoring.low_level or scoring.partial):
            msg = "Measure 'unique_encoding' needs low-level features; set low_level = true in [scoring]."
            raise SpecError(msg)
        return (cls.with_options(scoring, seed=scoring.seed),)

    def score(
        self,
        features: Patterns,
        responses: Patterns,
        controls: Mapping[str, Patterns] | None = None,
        groups: Mapping[str, str | int] | None = None,
    ) -> np.ndarray:
        """Return the unique variance of ``features`` over controls, ``(n_targets,)``; joined on ids of ``responses``.

        ``controls`` are features by name: pixels, or the same layer of a network of which only the readout was trained.
        None raise :class:`SpecError`.
        """
        if not controls:
            msg = "Unique variance got no controls, expected features by name to be beyond of; use Encoding without."
            raise SpecError(msg)
        name = "the features that are scored"
        return self._ridge().score({name: features, **controls}, responses, groups, unique=True).unique[name]

    def layer(self, features: Patterns) -> Patterns:
        """Return the inner products of a layer, under its ids."""
        refuse_constant_features(features.values)
        return Patterns(gram(features.values, columns=True), features.stimulus_ids, features.name)

    def prepare(self, brain: Brain, roi: str, controls: Mapping[str, Patterns]) -> tuple[Prepared, ...]:
        """Return the mean responses of subjects, with the inner products of the controls."""
        missing = [name for name in self.controls if name not in controls]
        if missing:
            msg = (
                f"Measure 'unique_encoding' lacks the low-level features {missing}; set low_level = true in [scoring]."
            )
            raise SpecError(msg)
        found = []
        for one in prepared_responses(brain, roi, predicted=True):
            kernels = [gram(controls[name].rows(one.stimulus_ids), columns=True) for name in self.controls]
            plain = without_ceiling(one)
            found.append(
                Prepared(
                    plain.subjects,
                    plain.times,
                    plain.stimulus_ids,
                    plain.n_targets,
                    plain.ceiling,
                    plain.groups,
                    (plain.content, kernels),
                )
            )
        return tuple(found)

    def draws(self, layers: Sequence[Any], prepared: Prepared, samples: Samples) -> Iterator[ScoreDraws]:
        """Yield the scores of layers at each time, with those of samples of the stimuli; nothing is fitted again."""
        samples, ids = samples.at(len(prepared.times)), prepared.stimulus_ids
        units = labels = coded(ids if prepared.groups is None else prepared.groups)
        ridge = self._ridge()
        folds = Encoding(n_folds=self.n_folds, n_inner_folds=self.n_inner_folds, seed=self.seed).checked_folds(labels)
        counts, sizes = sample_counts(folds, units, samples, tuple(map(int, units)))
        responses, controls = prepared.content
        kernels = [_kernel(one, ids) for one in layers]
        for k in range(len(prepared.times)):
            each = [one[:, :, k] for one in responses]
            y = np.concatenate(each, axis=1)
            owner = np.repeat(np.arange(len(each)), [one.shape[1] for one in each])
            mean = training_means(y, folds)
            alone = ridge.predictions(controls, y, folds, labels).sum(axis=0) + mean
            base = [r_squared(alone[:, owner == s], one, folds, counts, units) for s, one in enumerate(each)]
            rows = []
            for kernel in kernels:
                joint = ridge.predictions([kernel, *controls], y, folds, labels).sum(axis=0) + mean
                scores = [r_squared(joint[:, owner == s], one, folds, counts, units) for s, one in enumerate(each)]
                rows.append(
                    [
                        drawn_scores(own - other, counts, units, samples, sizes)
                        for own, other in zip(scores, base, strict=True)
                    ]
                )
            subjects = [ScoreDraws.stack_models([row[s] for row in rows]) for s in range(len(each))]
            yield subjects[0] if len(subjects) == 1 else ScoreDraws.stack_subjects(subjects, samples.seed)

    def _ridge(self) -> BandedRidge:
        return BandedRidge(self.n_folds, self.n_inner_folds, self.n_iter, seed=self.seed)


def _kernel(layer: Patterns, ids: Sequence[str]) -> np.ndarray:
    """Return the inner products of the rows ``ids``."""
    place = {one: k for k, one in enumerate(layer.stimulus_ids)}
    rows = [place[one] for one in ids]
    return layer.values[np.ix_(rows, rows)]

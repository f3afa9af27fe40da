"""What a layer predicts of responses beyond low-level features of the stimuli."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brainalign.comparisons.banded_ridge import BandedRidge
from brainalign.comparisons.beside_controls import BesideControls, check_controls, in_words
from brainalign.comparisons.description import PREDICTION, Description
from brainalign.errors import SpecError
from brainalign.patterns import Patterns
from brainalign.specs import ScoringSpec

_CITATION = (
    "Dupré la Tour T, Eickenberg M, Nunez-Elizalde AO, Gallant JL (2022). Feature-space selection with banded ridge "
    "regression. NeuroImage 264:119728. doi:10.1016/j.neuroimage.2022.119728"
)


@dataclass(frozen=True)
class UniqueEncoding(BesideControls):
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
    against_controls: ClassVar[bool] = True

    controls: tuple[str, ...] = ("pixels", "gabor")
    n_folds: int = 5
    n_inner_folds: int = 5
    n_iter: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        check_controls(self.controls)
        _ = self.ridge  # refuses what it cannot do

    @property
    def ridge(self) -> BandedRidge:
        """The regression."""
        return BandedRidge(self.n_folds, self.n_inner_folds, self.n_iter, seed=self.seed)

    def describe(self) -> Description:
        """Return what tables, captions and methods say of the measure with its options."""
        held = in_words(self.controls)
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
        return self.ridge.score({name: features, **controls}, responses, groups, unique=True).unique[name]

    def terms(self, parts: np.ndarray, centred: np.ndarray, alone: np.ndarray | None) -> np.ndarray:
        """Return what each stimulus adds to R squared of the whole model less that of the controls alone."""
        assert alone is not None
        return (centred - alone) ** 2 - (centred - parts.sum(axis=0)) ** 2

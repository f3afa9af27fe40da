"""Canonical correlations of a layer and a brain on stimuli that they were not fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from brainalign.comparisons.description import PREDICTION, Description
from brainalign.comparisons.encoding_scores import fold_correlations
from brainalign.comparisons.fitted_patterns import FittedPatterns
from brainalign.comparisons.group_folds import group_folds
from brainalign.comparisons.held_out_scores import held_out_scores
from brainalign.errors import SpecError
from brainalign.randomness import stream_seed
from brainalign.resampling.samples import Samples
from brainalign.resampling.score_draws import ScoreDraws
from brainalign.specs import ScoringSpec

_RAGHU = (
    "Raghu M, Gilmer J, Yosinski J, Sohl-Dickstein J (2017). SVCCA: Singular vector canonical correlation analysis for "
    "deep learning dynamics and interpretability. Advances in Neural Information Processing Systems 30:6076-6085. "
    "arXiv:1706.05806"
)


@dataclass(frozen=True)
class CCA(FittedPatterns):
    """Mean held-out correlation of the first canonical variates, with a ridge on both covariances.

    Variates ``X a``, ``Y b`` maximise ``a' Cxy b`` with ``a' (Cxx + l tr(Cxx) / p I) a = 1`` and likewise ``b``; ``l``
    is chosen in inner folds of the training stimuli. Fitted and tested on the same stimuli, canonical correlations are
    near 1 whatever the data where there are more features than stimuli; held out, those of independent patterns are 0
    on average.

    Parameters
    ----------
    n_components
        Canonical variates that are averaged.
    ridges
        Values of ``l`` on offer.
    n_inner_folds
        Folds for choosing.
    """

    name: ClassVar[str] = "cca"
    kind: ClassVar[str] = PREDICTION
    word: ClassVar[str] = "canonical correlation"

    n_components: int = 5
    ridges: tuple[float, ...] = (0.01, 0.1, 1.0, 10.0, 100.0)
    n_inner_folds: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_components < 1 or self.n_inner_folds < 2 or not self.ridges or min(self.ridges) <= 0:
            msg = (
                f"n_components = {self.n_components}, n_inner_folds = {self.n_inner_folds}, ridges = {self.ridges}; "
                "expected at least 1, at least 2, and numbers above 0."
            )
            raise SpecError(msg)

    def describe(self) -> Description:
        """Return what tables, captions and methods say of the measure with its options."""
        return Description(
            measure=f"{self.name} {self.n_components}",
            kind=self.kind,
            title=f"Canonical correlation (mean of {self.n_components}, held-out stimuli)",
            axis="Canonical correlation (Pearson r)",
            unit="Pearson r",
            sentence=f"Canonical correlations {{citation}} were the mean held-out Pearson r of the first "
            f"{self.n_components} canonical variates of layers and responses ({self.n_folds} folds of stimuli; the "
            f"ridge on both covariances was chosen within training stimuli){self.options}.",
            citation=_RAGHU,
        )

    @classmethod
    def of_study(cls, scoring: ScoringSpec) -> tuple["CCA", ...]:
        """Return the measure with the seed of a study."""
        return (cls.with_options(scoring, seed=scoring.seed),)

    def sampled(
        self, x: np.ndarray, y: np.ndarray, folds: np.ndarray, units: np.ndarray, samples: Samples
    ) -> ScoreDraws:
        """Return the score of one layer for one subject, with those of samples of the stimuli."""
        ours, theirs = self.held_out(x, y, folds, units)
        return held_out_scores(ours, theirs, folds, units, samples, tuple(map(int, units)))

    def scored_without(
        self, x: np.ndarray, y: np.ndarray, folds: np.ndarray, trained: np.ndarray, chosen: Any
    ) -> float:
        """Return the score by variates fitted to some stimuli, with the ridges that were chosen."""
        ours, theirs = self._variates_of(x, y, folds, trained, chosen)
        return float(fold_correlations(ours, theirs, folds).mean())

    def held_out(
        self, x: np.ndarray, y: np.ndarray, folds: np.ndarray, units: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the canonical variates of each stimulus by the fit without its fold, ``(n_stimuli, n_components)``."""
        return self._variates_of(x, y, folds, np.ones(len(x), bool), self.chosen(x, y, folds, units))

    def chosen(self, x: np.ndarray, y: np.ndarray, folds: np.ndarray, units: np.ndarray) -> tuple[float, ...]:
        """Return the ridge of each fold, chosen in inner folds of its training stimuli."""
        n, found = min(self.n_components, x.shape[1], y.shape[1]), []
        for fold in range(int(folds.max()) + 1):
            train = folds != fold
            seed = stream_seed(self.seed, "cca", "inner", fold)
            inner = group_folds(units[train], min(self.n_inner_folds, len(np.unique(units[train]))), seed)
            scores = []
            for ridge in self.ridges:
                u, v = np.empty((int(train.sum()), n)), np.empty((int(train.sum()), n))
                for part in range(int(inner.max()) + 1):
                    own, left = inner != part, inner == part
                    u[left], v[left] = _variates(x[train][own], y[train][own], x[train][left], y[train][left], n, ridge)
                scores.append(fold_correlations(u, v, inner).mean())
            found.append(self.ridges[int(np.argmax(scores))])
        return tuple(found)

    def _variates_of(
        self, x: np.ndarray, y: np.ndarray, folds: np.ndarray, trained: np.ndarray, ridges: Sequence[float]
    ) -> tuple[np.ndarray, np.ndarray]:
        n = min(self.n_components, x.shape[1], y.shape[1])
        ours, theirs = np.empty((len(x), n)), np.empty((len(x), n))
        for fold, ridge in enumerate(ridges):
            train, test = (folds != fold) & trained, folds == fold
            ours[test], theirs[test] = _variates(x[train], y[train], x[test], y[test], n, ridge)
        return ours, theirs


def _variates(
    x: np.ndarray, y: np.ndarray, x_new: np.ndarray, y_new: np.ndarray, n: int, ridge: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first ``n`` canonical variates of new rows, by the fit on ``x`` and ``y``."""
    sides = []
    for own, new in ((x, x_new), (y, y_new)):
        centred = own - own.mean(axis=0)
        covariance = centred.T @ centred / len(own)
        size = np.trace(covariance) / len(covariance)
        values, axes = np.linalg.eigh(covariance + ridge * (size if size > 0 else 1.0) * np.eye(len(covariance)))
        root = (axes / np.sqrt(values)) @ axes.T
        sides.append((centred @ root, (new - own.mean(axis=0)) @ root))
    left, _, right = np.linalg.svd(sides[0][0].T @ sides[1][0], full_matrices=False)
    return sides[0][1] @ left[:, :n], sides[1][1] @ right[:n].T

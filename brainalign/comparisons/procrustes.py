"""Shape similarity: how well one rotation, fitted on other stimuli, lays a layer over a brain."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from brainalign.comparisons.description import GEOMETRY, Description
from brainalign.comparisons.fitted_patterns import FittedPatterns
from brainalign.resampling.draw_units import draw_stimuli, draw_subjects
from brainalign.resampling.samples import Samples
from brainalign.resampling.score_draws import ScoreDraws
from brainalign.specs import ScoringSpec

_WILLIAMS = (
    "Williams AH, Kunz E, Kornblith S, Linderman SW (2021). Generalized shape metrics on neural representations. "
    "Advances in Neural Information Processing Systems 34:4738-4750. arXiv:2110.14739"
)


@dataclass(frozen=True)
class Procrustes(FittedPatterns):
    """``sum <x_i Q, y_i> / sqrt(sum |x_i|^2 sum |y_i|^2)`` over held-out stimuli: the cosine of an angle of shapes.

    ``Q`` is the rotation (between spaces of different size: the partial isometry) that is best for the training
    stimuli, ``Q = U V'`` of the singular value decomposition of ``X' Y``; both sides are centred with training means.
    Fitted and tested on the same stimuli the angle is that of Williams et al. 2021, which is far too large with few
    stimuli; across stimuli, independent patterns score 0 on average. A rotation of more dimensions than there are
    training stimuli cannot be learned, so that even equal patterns then score less than 1.
    """

    name: ClassVar[str] = "procrustes"
    kind: ClassVar[str] = GEOMETRY
    word: ClassVar[str] = "Procrustes similarity"

    def describe(self) -> Description:
        """Return what tables, captions and methods say of the measure."""
        return Description(
            measure=self.name,
            kind=self.kind,
            title="Procrustes similarity (cosine, held-out stimuli)",
            axis="Procrustes similarity (cosine)",
            unit="cosine",
            sentence="Procrustes similarity {citation} was the cosine between responses and layers after the best "
            f"rotation, fitted on other stimuli ({self.n_folds} folds).",
            citation=_WILLIAMS,
        )

    @classmethod
    def of_study(cls, scoring: ScoringSpec) -> tuple["Procrustes", ...]:
        """Return the measure with the seed of a study."""
        return (cls.with_options(scoring, seed=scoring.seed),)

    def sampled(
        self, x: np.ndarray, y: np.ndarray, folds: np.ndarray, units: np.ndarray, samples: Samples
    ) -> ScoreDraws:
        """Return the score of one layer for one subject, with those of samples of the stimuli."""
        parts = self.held_out(x, y, folds)
        n_units = int(units.max()) + 1
        of_units = np.zeros((n_units, 3))
        np.add.at(of_units, units, parts)
        total = of_units.sum(axis=0)
        observed = _ratio(total[None])
        if samples.kind != "bootstrap":
            without = _ratio(total - of_units) if samples.kind == "leave_one_out" else np.empty(0)
            return ScoreDraws.without_each(observed[:, None], without[:, None, None], units)
        counts, _, _ = draw_stimuli(len(x), samples.n_draws, samples.seed, units)
        draws = _ratio(counts.astype(np.float64) @ parts)
        subjects = draw_subjects(1, samples.n_draws, samples.seed)
        return ScoreDraws(
            observed=observed[:, None],
            draws=draws[:, None, None],
            stimulus_counts=counts,
            subject_resamples=subjects,
            n_units=n_units,
        )

    def scored_without(
        self, x: np.ndarray, y: np.ndarray, folds: np.ndarray, trained: np.ndarray, chosen: Any
    ) -> float:
        """Return the score by rotations fitted to some stimuli."""
        del chosen
        return float(_ratio(self.held_out(x, y, folds, trained).sum(axis=0)[None])[0])

    def held_out(
        self, x: np.ndarray, y: np.ndarray, folds: np.ndarray, trained: np.ndarray | None = None
    ) -> np.ndarray:
        """Return ``<x_i Q, y_i>``, ``|x_i|^2`` and ``|y_i|^2`` of each stimulus, ``(n_stimuli, 3)``.

        ``trained`` says which stimuli rotations and means are fitted to, all unless given.
        """
        found = np.empty((len(x), 3))
        for fold in range(int(folds.max()) + 1):
            train, test = folds != fold, folds == fold
            train = train if trained is None else train & trained
            ours, theirs = x[train] - x[train].mean(axis=0), y[train] - y[train].mean(axis=0)
            left, sizes, right = np.linalg.svd(ours.T @ theirs, full_matrices=False)
            kept = sizes > 1e-12 * sizes[0] if sizes[0] > 0 else np.zeros(len(sizes), bool)
            a, b = x[test] - x[train].mean(axis=0), y[test] - y[train].mean(axis=0)
            turned = (a @ left[:, kept]) * (b @ right[kept].T)
            found[test] = np.stack([turned.sum(axis=1), (a**2).sum(axis=1), (b**2).sum(axis=1)], axis=1)
        return found


def _ratio(sums: np.ndarray) -> np.ndarray:
    size = sums[:, 1] * sums[:, 2]
    return sums[:, 0] / np.sqrt(np.where(size > 0, size, np.nan))

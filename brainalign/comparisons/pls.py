"""Partial least squares: responses predicted from few directions of a layer that covary with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from brainalign.comparisons.description import PREDICTION, Description
from brainalign.comparisons.encoding_scores import fold_correlations
from brainalign.comparisons.fitted_patterns import FittedPatterns
from brainalign.comparisons.group_folds import group_folds
from brainalign.comparisons.held_out_scores import held_out_scores
from brainalign.comparisons.prepared import Prepared
from brainalign.comparisons.prepared_responses import prepared_responses
from brainalign.errors import SpecError
from brainalign.patterns import Patterns
from brainalign.randomness import stream_seed
from brainalign.recordings.brain import Brain
from brainalign.resampling.samples import Samples
from brainalign.resampling.score_draws import ScoreDraws
from brainalign.specs import ScoringSpec

_SCHRIMPF = (
    "Schrimpf M, Kubilius J, Hong H, et al. (2018). Brain-Score: Which artificial neural network for object "
    "recognition is most brain-like? bioRxiv 407007. doi:10.1101/407007"
)


# products of features and targets, as a part of the largest they could be, that are rounding alone
_USED_UP = 1e-13


@dataclass(frozen=True)
class PLS(FittedPatterns):
    """Regression on partial least squares components, scored by Pearson r within held-out folds.

    The number of components is chosen by squared error in inner folds of the training stimuli, the same for all targets
    of a subject. Nothing is scaled. Each direction is the first singular vector of the products of features and
    targets, to which the iterations of scikit-learn's ``PLSRegression`` converge; no order of targets matters.

    Parameters
    ----------
    components
        Numbers of components on offer; one alone is not chosen (25 is that of Brain-Score).
    n_inner_folds
        Folds for choosing.
    """

    name: ClassVar[str] = "pls"
    kind: ClassVar[str] = PREDICTION
    word: ClassVar[str] = "partial least squares"

    components: tuple[int, ...] = (1, 2, 3, 5, 10, 25)
    n_inner_folds: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.components or min(self.components) < 1 or self.n_inner_folds < 2:
            msg = (
                f"components = {self.components}, n_inner_folds = {self.n_inner_folds}; expected numbers from 1, and "
                "at least 2."
            )
            raise SpecError(msg)

    def describe(self) -> Description:
        """Return what tables, captions and methods say of the measure with its options."""
        how = f"{self.components[0]} components"
        if len(self.components) > 1:
            how = f"up to {max(self.components)} components, as many as predicted best within training stimuli"
        return Description(
            measure=f"{self.name}{f' {self.components[0]}' if len(self.components) == 1 else ''}",
            kind=self.kind,
            title="Partial least squares (Pearson r)",
            axis="Partial least squares (Pearson r)",
            unit="Pearson r",
            sentence=f"Partial least squares regression ({how}) predicted responses to held-out stimuli from layers "
            f"{{citation}}, scored by Pearson r ({self.n_folds} folds){self.options}.",
            ceiling="noise ceiling, the largest mean score that the reliability of the responses admits.",
            citation=_SCHRIMPF,
        )

    @classmethod
    def of_study(cls, scoring: ScoringSpec) -> tuple["PLS", ...]:
        """Return the measure with the seed of a study."""
        return (cls.with_options(scoring, seed=scoring.seed),)

    def prepare(self, brain: Brain, roi: str, controls: Mapping[str, Patterns]) -> tuple[Prepared, ...]:
        """Return the mean responses of subjects, with the ceilings that their repeats allow."""
        del controls
        return prepared_responses(brain, roi, predicted=True)

    def brain_side(self, responses: np.ndarray) -> np.ndarray:
        """Return responses as they are: each channel has a score of its own."""
        return np.asarray(responses, dtype=np.float64)

    def sampled(
        self, x: np.ndarray, y: np.ndarray, folds: np.ndarray, units: np.ndarray, samples: Samples
    ) -> ScoreDraws:
        """Return the score of one layer for one subject, with those of samples of the stimuli."""
        return held_out_scores(self.predictions(x, y, folds, units), y, folds, units, samples, tuple(map(int, units)))

    def scored_without(
        self, x: np.ndarray, y: np.ndarray, folds: np.ndarray, trained: np.ndarray, chosen: Any
    ) -> float:
        """Return the score by regressions fitted to some stimuli, with the numbers of components that were chosen."""
        return float(fold_correlations(self._predictions(x, y, folds, trained, chosen), y, folds).mean())

    def predictions(self, x: np.ndarray, y: np.ndarray, folds: np.ndarray, units: np.ndarray) -> np.ndarray:
        """Return predictions for each stimulus by the fit without its fold, ``(n_stimuli, n_targets)``."""
        return self._predictions(x, y, folds, np.ones(len(x), bool), self.chosen(x, y, folds, units))

    def chosen(self, x: np.ndarray, y: np.ndarray, folds: np.ndarray, units: np.ndarray) -> tuple[int, ...]:
        """Return the number of components of each fold, chosen in inner folds of its training stimuli."""
        n_folds = int(folds.max()) + 1
        if len(self.components) == 1:
            return self.components * n_folds
        trains = [folds != fold for fold in range(n_folds)]
        return tuple(self._chosen(x[own], y[own], units[own], fold) for fold, own in enumerate(trains))

    def _predictions(
        self, x: np.ndarray, y: np.ndarray, folds: np.ndarray, trained: np.ndarray, chosen: Sequence[int]
    ) -> np.ndarray:
        found = np.empty_like(y)
        for fold, best in enumerate(chosen):
            train, test = (folds != fold) & trained, folds == fold
            found[test] = _predicted(x[train], y[train], x[test], (best,))[0]
        return found

    def _chosen(self, x: np.ndarray, y: np.ndarray, units: np.ndarray, fold: int) -> int:
        seed = stream_seed(self.seed, "pls", "inner", fold)
        inner = group_folds(units, min(self.n_inner_folds, len(np.unique(units))), seed)
        errors = np.zeros(len(self.components))
        for part in range(int(inner.max()) + 1):
            own, left = inner != part, inner == part
            for k, predicted in enumerate(_predicted(x[own], y[own], x[left], self.components)):
                errors[k] += ((y[left] - predicted) ** 2).sum()
        return self.components[int(errors.argmin())]


def _predicted(x: np.ndarray, y: np.ndarray, new: np.ndarray, components: tuple[int, ...]) -> list[np.ndarray]:
    """Return predictions for new rows with each number of components, from one fit with the largest."""
    most = min(max(components), x.shape[1], len(x) - 1)
    rotations, loadings = _fitted(x - x.mean(axis=0), y - y.mean(axis=0), most)
    centred = new - x.mean(axis=0)
    return [y.mean(axis=0) + centred @ rotations[:, :n] @ loadings[:n] for n in components]


def _fitted(x: np.ndarray, y: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what turns centred rows into scores ``(n_features, n)``, and loadings of targets ``(n, n_targets)``.

    Fewer than ``most`` components where features or targets are used up.
    """
    scale, left = np.linalg.norm(x) * np.linalg.norm(y), x.copy()
    weights, shares, loadings = [], [], []
    for _ in range(most):
        products = left.T @ y
        if np.linalg.norm(products) <= _USED_UP * scale:
            break
        weight = _first_left_singular(products)
        score = left @ weight
        size = score @ score
        share = score @ left / size
        left -= np.outer(score, share)
        weights.append(weight)
        shares.append(share)
        loadings.append(score @ y / size)
    if not weights:
        return np.zeros((x.shape[1], 0)), np.zeros((0, y.shape[1]))
    columns = np.stack(weights, axis=1)
    return columns @ np.linalg.pinv(np.stack(shares) @ columns), np.stack(loadings)


def _first_left_singular(products: np.ndarray) -> np.ndarray:
    """Return the first left singular vector of ``(n_features, n_targets)``, from the smaller of its Gram matrices."""
    from scipy.linalg import eigh

    few_targets = products.shape[1] < products.shape[0]
    small = products.T @ products if few_targets else products @ products.T
    vector = eigh(small, subset_by_index=[len(small) - 1] * 2)[1][:, 0]
    if few_targets:
        vector = products @ vector
    return vector / np.linalg.norm(vector)

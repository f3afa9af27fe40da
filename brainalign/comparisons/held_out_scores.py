"""Scores of predictions for stimuli that were held out, with those of samples of the stimuli."""

from dataclasses import dataclass

import numpy as np

from brainalign.errors import SpecError
from brainalign.resampling.draw_units import draw_stimuli, draw_subjects
from brainalign.resampling.predictions_bootstrap import bootstrap_predictions
from brainalign.resampling.predictions_left_out import predictions_left_out
from brainalign.resampling.samples import Samples
from brainalign.resampling.score_draws import ScoreDraws

# values of one block of targets
_BLOCK = 2**22


@dataclass(frozen=True)
class _Metric:
    suffix: str
    unit: str
    words: str
    ceiling: bool


#: What can be made of predictions.
METRICS = {
    "r": _Metric("", "Pearson r", "Pearson r", True),
    "r2": _Metric(", R2", "R²", "R² against the mean of the training responses", False),
    "identification": _Metric(
        ", identification",
        "share of pairs",
        "two-way identification (the share of pairs of held-out stimuli whose responses the prediction tells apart; "
        "chance is .5)",
        False,
    ),
}


def held_out_scores(
    predictions: np.ndarray,
    targets: np.ndarray,
    folds: np.ndarray,
    units: np.ndarray,
    samples: Samples,
    groups: tuple[int, ...] | None = None,
    metric: str = "r",
) -> ScoreDraws:
    """Return the score of predictions, as one model and one subject.

    Parameters
    ----------
    predictions, targets
        ``(n_stimuli, n_targets)``.
    folds, units
        ``(n_stimuli,)`` test fold, and unit from 0; a unit lies in one fold.
    samples
        Which samples of the stimuli.
    groups
        ``(n_stimuli,)`` what bootstrap samples draw, each stimulus for itself unless given.
    metric
        ``"r"``: the mean over targets of the correlation within folds, ``"r2"`` or ``"identification"``.

    Raises
    ------
    SpecError
        If one target is to identify stimuli.
    """
    if metric != "r":
        counts, seeds = sample_counts(folds, units, samples, groups)
        score = r_squared if metric == "r2" else identification
        return drawn_scores(score(predictions, targets, folds, counts, units), counts, units, samples, seeds)
    if samples.kind == "bootstrap":
        return bootstrap_predictions(predictions[None], targets, folds, samples.n_draws, samples.seed, groups)
    observed, without = predictions_left_out(predictions, targets, folds, units)
    without = without if samples.kind == "leave_one_out" else without[:0]
    n_folds = len(np.unique(folds))
    return ScoreDraws.without_each(np.array([[observed]]), without[:, None, None], units, n_folds)


def sample_counts(
    folds: np.ndarray, units: np.ndarray, samples: Samples, groups: tuple[int, ...] | None
) -> tuple[np.ndarray, tuple[int, int]]:
    """Return how often each stimulus is in each sample, the sample as it is first; and how many units and strata."""
    n = len(folds)
    whole = np.ones((1, n), dtype=np.int64)
    n_folds = len(np.unique(folds))
    if samples.kind == "bootstrap":
        counts, n_units, n_strata = draw_stimuli(n, samples.n_draws, samples.seed, groups, folds)
        return np.concatenate([whole, counts]), (n_units, n_strata)
    n_units = int(units.max()) + 1
    if samples.kind == "none":
        return whole, (n_units, n_folds)
    return np.concatenate([whole, (np.arange(n_units)[:, None] != units[None]).astype(np.int64)]), (n_units, n_folds)


def drawn_scores(
    scores: np.ndarray, counts: np.ndarray, units: np.ndarray, samples: Samples, sizes: tuple[int, int]
) -> ScoreDraws:
    """Return scores ``(1 + n_draws,)`` of the sample as it is and of others as draws of one model and one subject."""
    observed, draws = scores[:1, None], scores[1:, None, None]
    if samples.kind != "bootstrap":
        return ScoreDraws.without_each(observed, draws, units, sizes[1])
    n_units, n_strata = sizes
    return ScoreDraws(
        observed=observed,
        draws=draws,
        stimulus_counts=counts[1:],
        subject_resamples=draw_subjects(1, samples.n_draws, samples.seed),
        n_units=n_units,
        n_strata=n_strata,
    )


def r_squared(
    predictions: np.ndarray, targets: np.ndarray, folds: np.ndarray, counts: np.ndarray, units: np.ndarray
) -> np.ndarray:
    """Return the mean over targets of R squared against training means, in every sample, ``(n_samples,)``."""
    del units
    weights, total = counts.astype(np.float64), np.zeros(len(counts))
    baseline = training_means(targets, folds)
    width = max(1, _BLOCK // len(counts))
    for start in range(0, targets.shape[1], width):
        part = slice(start, start + width)
        errors = weights @ (targets[:, part] - predictions[:, part]) ** 2
        spread = weights @ (targets[:, part] - baseline[:, part]) ** 2
        total += (1 - errors / np.where(spread > 0, spread, np.nan)).sum(axis=1)
    return total / targets.shape[1]


def identification(
    predictions: np.ndarray, targets: np.ndarray, folds: np.ndarray, counts: np.ndarray, units: np.ndarray
) -> np.ndarray:
    """Return how often predictions tell the right one of two stimuli of a fold, ``(n_samples,)``.

    Of stimuli i and j the prediction for i is right if it correlates more with the response to i than with that to j,
    over targets less their training means; equal ones count half. Pairs weigh with the product of their counts.
    """
    if targets.shape[1] < 3:
        msg = (
            f"Identification got {targets.shape[1]} targets, expected at least 3 over which patterns correlate; use "
            "metric = 'r'."
        )
        raise SpecError(msg)
    baseline = training_means(targets, folds)
    sides = []
    for side in (predictions - baseline, targets - baseline):
        centred = side - side.mean(axis=1, keepdims=True)
        norms = np.linalg.norm(centred, axis=1, keepdims=True)
        sides.append(centred / np.where(norms > 0, norms, 1))
    alike = sides[0] @ sides[1].T
    right = (np.sign(np.diagonal(alike)[:, None] - alike) + 1) / 2
    compared = (folds[:, None] == folds[None]) & (units[:, None] != units[None])
    weights = counts.astype(np.float64)
    found = np.einsum("ci,ij,cj->c", weights, np.where(compared, right, 0.0), weights, optimize=True)
    pairs = np.einsum("ci,ij,cj->c", weights, compared.astype(np.float64), weights, optimize=True)
    return found / np.where(pairs > 0, pairs, np.nan)


def training_means(targets: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Return for each stimulus the mean response to the stimuli of other folds, ``(n_stimuli, n_targets)``."""
    found = np.empty_like(targets, dtype=np.float64)
    for fold in np.unique(folds):
        found[folds == fold] = targets[folds != fold].mean(axis=0)
    return found

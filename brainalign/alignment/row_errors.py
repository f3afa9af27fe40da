"""Standard error of single scores over stimuli."""

import numpy as np

from brainalign.resampling.score_draws import ScoreDraws


def row_errors(draws: ScoreDraws) -> np.ndarray:
    """Return the standard error of each score that comes from the sample of stimuli, ``(n_models, n_subjects)``.

    Model and subject stay as they are. Of bootstrap samples it is ``sqrt(K / (K - S) var_draws)``, with K units of
    stimuli in S strata; without each stimulus ``sqrt((K - 1) / K sum_k (x_k - mean x)^2)`` (jackknife). NaN where fewer
    than half of the bootstrap samples, or not all scores without a stimulus, are finite, and where nothing was drawn.
    """
    scores, n_units = draws.draws, draws.n_units
    if not len(scores):
        return np.full(draws.observed.shape, np.nan)
    finite = np.isfinite(scores)
    n_finite = finite.sum(axis=0)
    enough = n_finite == len(scores) if draws.left_out else 2 * n_finite >= len(scores)
    enough &= n_finite > 1
    count = np.maximum(n_finite, 2)
    mean = np.where(finite, scores, 0.0).sum(axis=0) / count
    squares = (np.where(finite, scores - mean, 0.0) ** 2).sum(axis=0)
    variance = (
        (n_units - 1) / n_units * squares
        if draws.left_out
        else n_units / (n_units - draws.n_strata) * squares / (count - 1)
    )
    return np.where(enough & np.isfinite(draws.observed), np.sqrt(variance), np.nan)

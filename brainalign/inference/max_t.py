"""p values that hold for all times and layers at once, without resampling: multipliers on influences."""

from collections.abc import Sequence

import numpy as np

from brainalign.errors import SpecError
from brainalign.inference.contrast import contrast
from brainalign.inference.scope import Scope
from brainalign.randomness import numpy_stream
from brainalign.resampling.score_draws import ScoreDraws


def max_t(
    cells: Sequence[ScoreDraws],
    rows_a: Sequence[int] | np.ndarray,
    rows_b: Sequence[int] | np.ndarray,
    scope: Scope,
    n_draws: int = 5000,
    seed: int = 0,
) -> np.ndarray:
    """Return p of the difference of two rules in every cell, adjusted for all cells by the largest t.

    Normal multipliers on what each stimulus, subject and seed does to the difference (its influence), the same for all
    cells, give the joint distribution of the differences; ``sqrt(nu / chi2_nu)``, one for all cells of a draw, makes it
    that of t, with ``nu`` the median degrees of freedom. Cells that rise and fall together, as neighbouring times do,
    cost less than by Holm's method.

    Parameters
    ----------
    cells
        Scores without each stimulus, of the same models, subjects and stimuli: one for each time or layer.
    rows_a, rows_b
        Rows of the paired seeds of each rule.
    scope
        What is random; subjects or stimuli at least.
    n_draws, seed
        Draws of multipliers.

    Returns
    -------
    numpy.ndarray
        ``(n_cells,)``; NaN where a cell has no test.

    Raises
    ------
    SpecError
        If scores are bootstrap draws, cells differ in their subjects or stimuli, or nothing but seeds is random.
    """
    sizes = {(one.draws.shape[0], one.n_subjects) for one in cells}
    if not cells or len(sizes) > 1 or not all(one.left_out for one in cells) or scope.brains_fixed:
        msg = (
            f"{len(cells)} cells of {len(sizes)} sizes under {scope.sentence!r}: expected scores without each stimulus"
            " of the same subjects and stimuli, and subjects or stimuli that are random."
        )
        raise SpecError(msg)
    a, b = np.asarray(rows_a, int), np.asarray(rows_b, int)
    found = [contrast(one, a, b, scope) for one in cells]
    tested = np.array([np.isfinite(one.p) for one in found])
    if not tested.any():
        return np.full(len(found), np.nan)
    influence = np.stack([_influence(one, a, b, scope) for one in cells], axis=1)[:, tested]
    se = np.array([one.se for one in found])[tested]
    t = np.abs(np.array([one.delta for one in found])[tested]) / se
    nu = float(np.median(np.array([one.dof for one in found])[tested]))
    rng = numpy_stream(seed, "multipliers")
    draws = rng.standard_normal((n_draws, len(influence))) @ influence
    draws /= np.maximum(se, np.sqrt((influence**2).sum(axis=0)))
    draws *= np.sqrt(nu / rng.chisquare(nu, n_draws))[:, None]
    largest = np.abs(draws).max(axis=1, keepdims=True)
    p = np.full(len(found), np.nan)
    p[tested] = (1 + (largest >= t).sum(axis=0)) / (n_draws + 1)
    return p


def _influence(draws: ScoreDraws, a: np.ndarray, b: np.ndarray, scope: Scope) -> np.ndarray:
    """Return what each level of each random factor does to the difference; squares add up to the factor's variance."""
    difference = draws.observed[a] - draws.observed[b]
    parts = []
    if scope.stimuli == "random":
        without = (draws.draws[:, a] - draws.draws[:, b]).mean(axis=(1, 2))
        parts.append((without - without.mean()) * np.sqrt((len(without) - 1) / len(without)))
    for axis, value in ((0, scope.subjects), (1, scope.seeds)):
        means = difference.mean(axis=axis)
        if value == "random" and len(means) > 1:
            parts.append((means - means.mean()) / np.sqrt(len(means) * (len(means) - 1)))
    return np.concatenate(parts)

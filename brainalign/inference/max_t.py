"""p values that hold for all rules, times and layers at once, without resampling: multipliers on influences."""

from collections.abc import Hashable, Sequence

import numpy as np

from brainalign.errors import SpecError
from brainalign.inference.contrast import Contrast, contrast
from brainalign.inference.influence import Influence
from brainalign.inference.scope import Scope
from brainalign.randomness import numpy_stream
from brainalign.resampling.score_draws import ScoreDraws

# numbers of one block of draws
_BLOCK = 2**22


def max_t(
    cells: Sequence[ScoreDraws],
    rows_a: Sequence[int] | np.ndarray,
    rows_b: Sequence[int] | np.ndarray,
    scope: Scope,
    n_draws: int = 5000,
    seed: int = 0,
) -> np.ndarray:
    """Return p of the difference of two rules in every cell, adjusted for all cells by the largest t.

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
    found = [contrast(one, rows_a, rows_b, scope) for one in cells]
    influences = [Influence.of(one, rows_a, rows_b, scope) for one in cells]
    return adjusted_by_max_t(found, influences, n_draws, seed)


def adjusted_by_max_t(
    contrasts: Sequence[Contrast], influences: Sequence[Influence], n_draws: int = 10_000, seed: int = 0
) -> np.ndarray:
    """Return p of several contrasts, of several pairs of rules in one or more cells, adjusted by the largest t.

    Normal multipliers on the influences, the same for all tests that share a stimulus, subject or seed, give the joint
    distribution of the differences. ``sqrt(nu / chi2_nu)``, one for all tests of a draw, makes it that of t, with
    ``nu`` the median degrees of freedom; a contrast of other degrees of freedom enters with the t of ``nu`` that has
    its p. So tests that rise and fall together, as rules against one control do, cost less than by Holm's method. An
    adjusted p is never below the contrast's own, and of one test alone it is that.

    Parameters
    ----------
    contrasts
        The tests.
    influences
        Of each test.
    n_draws, seed
        Draws of multipliers.

    Returns
    -------
    numpy.ndarray
        ``(n_tests,)``; NaN where a contrast has no p.
    """
    from scipy.special import stdtrit

    own = np.array([one.p for one in contrasts], float)
    # a rule compared with itself has p = 1 and no error
    tested = np.isfinite(own) & np.array([one.se > 0 for one in contrasts], bool)
    adjusted = own.copy()
    if int(tested.sum()) < 2:
        return adjusted
    kept = [int(k) for k in np.flatnonzero(tested)]
    weights = _joined([influences[k] for k in kept])
    nu = float(np.median([contrasts[k].dof for k in kept]))
    t = np.abs(stdtrit(nu, own[kept] / 2))
    rng = numpy_stream(seed, "multipliers")
    reached = np.zeros(len(kept))
    width = max(1, _BLOCK // max(weights.shape))
    for start in range(0, n_draws, width):
        n = min(width, n_draws - start)
        drawn = np.abs(rng.standard_normal((n, len(weights))) @ weights).max(axis=1)
        drawn = np.sort(drawn * np.sqrt(nu / rng.chisquare(nu, n)))
        reached += n - np.searchsorted(drawn, t, side="left")
    adjusted[kept] = np.maximum(own[kept], (1 + reached) / (n_draws + 1))
    return adjusted


def _joined(influences: Sequence[Influence]) -> np.ndarray:
    """Return ``(n_levels, n_tests)`` influences under the names of their levels, each test scaled to variance 1."""
    place: dict[Hashable, int] = {}
    rows: dict[tuple[Hashable, ...], np.ndarray] = {}
    for one in influences:
        if one.levels not in rows:
            rows[one.levels] = np.array([place.setdefault(level, len(place)) for level in one.levels], int)
    weights = np.zeros((len(place), len(influences)))
    for k, one in enumerate(influences):
        size = one.size
        weights[rows[one.levels], k] = one.values / size if size > 0 else 0.0
    return weights

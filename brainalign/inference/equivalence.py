"""Two one-sided tests of whether a difference is smaller than a margin that was declared beforehand."""

import math
from dataclasses import dataclass

from brainalign.errors import SpecError
from brainalign.inference.contrast import Contrast
from brainalign.inference.student import t_interval


@dataclass(frozen=True)
class Equivalence:
    """Whether a difference lies within a margin.

    Parameters
    ----------
    margin
        Largest difference that counts as none.
    p
        The larger p of the two one-sided tests; NaN where the contrast has none.
    low, high
        The ``1 - 2 alpha`` interval, which lies within the margin where ``p < alpha``.
    verdict
        ``"different"``, ``"equivalent"``, ``"different, by less than the margin"``, ``"inconclusive"`` or ``"no
        inference possible"``.
    """

    margin: float
    p: float
    low: float
    high: float
    verdict: str


def equivalence(contrast: Contrast, margin: float) -> Equivalence:
    """Test whether a difference of two rules lies within ``margin`` of 0, at the level of the contrast.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from brainalign.inference.scope import Scope
    >>> one = Contrast(0.001, 0.002, 0, 0, 0, 20, -0.003, 0.005, 0.6, 0.006, Scope(), 9, 40, 5, True, 0.05, "")
    >>> equivalence(one, 0.01).verdict
    'equivalent'
    >>> equivalence(replace(one, se=0.02), 0.01).verdict
    'inconclusive'

    Raises
    ------
    SpecError
        If the margin is not positive.
    """
    from scipy.special import stdtr

    if not (math.isfinite(margin) and margin > 0):
        msg = f"margin = {margin}, expected a positive difference, declared beforehand: a tenth of ceiling minus floor."
        raise SpecError(msg)
    low, high = t_interval(contrast.delta, contrast.se, contrast.dof, 2 * contrast.alpha)
    if math.isnan(low):
        return Equivalence(margin=margin, p=math.nan, low=low, high=high, verdict="no inference possible")
    p = float(stdtr(contrast.dof, -(margin - abs(contrast.delta)) / contrast.se))
    within, apart = p < contrast.alpha, contrast.p < contrast.alpha
    verdict = "equivalent" if within else "inconclusive"
    if apart:
        verdict = "different, by less than the margin" if within else "different"
    return Equivalence(margin=margin, p=p, low=low, high=high, verdict=verdict)

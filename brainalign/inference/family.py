"""Adjusting the p values of a declared family of tests."""

from collections.abc import Sequence

import numpy as np

from brainalign.errors import SpecError

CORRECTIONS = ("holm", "bh", "by", "none")


def adjust(p_values: Sequence[float] | np.ndarray, correction: str = "holm") -> np.ndarray:
    """Return adjusted p values in the given order.

    NaN stands for a test that could not be made: it stays NaN and does not count in the family.

    Parameters
    ----------
    p_values
        Any shape.
    correction
        ``"holm"`` (family-wise error; Holm 1979), ``"bh"`` (false discovery rate; Benjamini & Hochberg 1995),
        ``"by"`` (the same under any dependence; Benjamini & Yekutieli 2001) or ``"none"``.

    Raises
    ------
    SpecError
        If the correction is unknown or a p value lies outside [0, 1].
    """
    values = np.asarray(p_values, np.float64)
    if correction not in CORRECTIONS:
        msg = f"Unknown correction {correction!r}. Choose one of: {', '.join(CORRECTIONS)}."
        raise SpecError(msg)
    made = np.isfinite(values)
    if ((values[made] < 0) | (values[made] > 1)).any():
        msg = f"p values range over [{values[made].min()}, {values[made].max()}], expected within [0, 1]."
        raise SpecError(msg)
    adjusted = np.full(values.shape, np.nan)
    if made.any():
        adjusted[made] = _adjust(values[made], correction)
    return adjusted


def _adjust(values: np.ndarray, correction: str) -> np.ndarray:
    if correction == "none":
        return values
    if correction in ("bh", "by"):
        from scipy.stats import false_discovery_control

        return np.asarray(false_discovery_control(values, method=correction))
    order = np.argsort(values)
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted

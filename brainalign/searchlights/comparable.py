"""RDMs as rows whose products are scores."""

import numpy as np

from brainalign.condensed import Condensed
from brainalign.errors import SpecError
from brainalign.rounding import STORED, mid_ranks

#: Comparators whose scores are products of rows.
LINEAR = ("corr", "cosine", "spearman")
COMPARATORS = (*LINEAR, "tau-a")


def check_comparator(name: str) -> None:
    """Raise :class:`SpecError` unless searchlights have a comparator."""
    if name not in COMPARATORS:
        msg = f"comparator = {name!r}; expected one of {', '.join(COMPARATORS)}."
        raise SpecError(msg)


def comparable(rdms: Condensed, comparator: str) -> np.ndarray:
    """Return rows ``(n_rdms, n_pairs)``, float64, whose products are scores by a comparator of :data:`LINEAR`.

    A row is NaN where its RDM orders nothing: constant but for rounding, for ``"cosine"`` zero, or NaN itself.
    """
    values = rdms.values
    if comparator == "cosine":
        spread = np.abs(values).max(axis=1)
    else:
        spread = values.max(axis=1) - values.min(axis=1)
    if comparator == "spearman":
        values = mid_ranks(values, rdms.rounding) - (values.shape[1] + 1) / 2
    elif comparator == "corr":
        values = values - values.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        size = np.where(spread > rdms.rounding, np.linalg.norm(values, axis=1), np.nan)
    return values / size[:, None]


def ceilings(rows: np.ndarray, comparator: str, rdms: list[Condensed]) -> np.ndarray:
    """Return the lower and upper noise ceiling of each patch, ``(2, n_patches)``.

    They are those of :func:`brainalign.comparisons.noise_ceiling.noise_ceiling`, for many patches at once.

    Parameters
    ----------
    rows
        ``(n_subjects, n_patches, n_pairs)``, see :func:`comparable`.
    comparator
        One of :data:`LINEAR`.
    rdms
        Of each subject ``(n_patches, n_pairs)``; ranks are pooled as they are.
    """
    n = len(rows)
    scaled = rows if comparator != "spearman" else np.stack([mid_ranks(one.values, one.rounding) for one in rdms])
    total = scaled.sum(axis=0)
    whole = _pooled(total / n, comparator)
    upper = np.mean([(own * whole).sum(axis=1) for own in rows], axis=0)
    lower = np.mean(
        [
            (own * _pooled((total - mine) / (n - 1), comparator)).sum(axis=1)
            for own, mine in zip(rows, scaled, strict=True)
        ],
        axis=0,
    )
    return np.stack([lower, upper])


def _pooled(values: np.ndarray, comparator: str) -> np.ndarray:
    rounding = STORED * np.abs(np.nan_to_num(values)).max(axis=1)
    return comparable(Condensed(values, rounding), comparator)

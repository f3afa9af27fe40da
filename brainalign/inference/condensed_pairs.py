"""Checks of condensed RDMs and the bootstrap weight of each pair of stimuli."""

import math
from dataclasses import dataclass

import numpy as np

from brainalign.errors import DataError, SpecError
from brainalign.rdms import RDMs
from brainalign.rounding import STORED

METHODS = ("corr", "cosine", "spearman", "rho-a")


def check_method(method: str, has_nuisance: bool = False) -> None:
    """Raise :class:`SpecError` unless ``method`` can be bootstrapped, with nuisance RDMs if asked."""
    if method == "tau-a":
        msg = "'tau-a' is not bootstrapped (quadratic in pairs). Use 'rho-a', which treats ties alike, or 'spearman'."
        raise SpecError(msg)
    if method not in METHODS:
        msg = f"Unknown method {method!r}. Choose one of: {', '.join(METHODS)}."
        raise SpecError(msg)
    if has_nuisance and method not in ("corr", "spearman"):
        msg = f"Nuisance RDMs cannot be partialled out of {method!r}. Use 'corr' or 'spearman', or pass no nuisance."
        raise SpecError(msg)


@dataclass(frozen=True, eq=False)
class RoundedPairs:
    """Condensed RDMs ``(n_rdms, n_pairs)`` and the rounding error of each, ``(n_rdms,)``."""

    values: np.ndarray
    rounding: np.ndarray

    @classmethod
    def of(cls, rdms: "RDMs | RoundedPairs | np.ndarray") -> "RoundedPairs":
        """Return RDMs without their ids; bare arrays are taken to have the rounding error of stored numbers."""
        if isinstance(rdms, RoundedPairs):
            return rdms
        if isinstance(rdms, RDMs):
            return cls(rdms.dissimilarities, rdms.rounding)
        values = np.atleast_2d(np.asarray(rdms, np.float64))
        return cls(values, STORED * np.nan_to_num(np.abs(values)).max(axis=1, initial=0.0))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def constant(self) -> np.ndarray:
        """``(n_rdms,)`` whether an RDM varies by no more than its rounding error."""
        return np.ptp(self.values, axis=1) <= self.rounding

    def rows(self, chosen: slice) -> "RoundedPairs":
        """Return some of the RDMs."""
        return RoundedPairs(self.values[chosen], self.rounding[chosen])

    def joined(self, others: "RoundedPairs") -> "RoundedPairs":
        """Return these RDMs, then the others."""
        return RoundedPairs(
            np.concatenate([self.values, others.values]), np.concatenate([self.rounding, others.rounding])
        )


def align_pairs(*rdms: RoundedPairs) -> tuple[list[RoundedPairs], np.ndarray, np.ndarray, int]:
    """Check condensed RDMs over the same stimuli and drop the pairs that are NaN in all of them.

    Parameters
    ----------
    rdms
        RDMs ``(n_rdms, n_pairs)`` in the order of :func:`scipy.spatial.distance.squareform`.

    Returns
    -------
    rdms
        The same without masked pairs.
    first, second
        ``(n_kept_pairs,)`` indices of the two stimuli of each pair.
    n_stimuli
        Number of stimuli.

    Raises
    ------
    SpecError
        If shapes do not fit.
    DataError
        If a pair is NaN in some RDMs only, or a value is infinite.
    """
    arrays = [rdm.values for rdm in rdms]
    sizes = {array.shape[1] for array in arrays}
    n_pairs = max(sizes)
    n_stimuli = (1 + math.isqrt(1 + 8 * n_pairs)) // 2
    if len(sizes) > 1 or n_stimuli * (n_stimuli - 1) // 2 != n_pairs or n_stimuli < 4:
        msg = f"RDMs have {sorted(sizes)} pairs, expected one length n(n-1)/2 with n >= 4 stimuli. Pass condensed RDMs."
        raise SpecError(msg)
    missing = np.isnan(np.concatenate(arrays))
    masked = missing.all(axis=0)
    if (missing != masked).any():
        msg = (
            f"{int((missing != masked).any(axis=0).sum())} pairs are NaN in some RDMs only. Mask the same pairs in"
            " all RDMs."
        )
        raise DataError(msg)
    first, second = np.triu_indices(n_stimuli, 1)
    arrays = [array[:, ~masked] for array in arrays]
    if not all(np.isfinite(array).all() for array in arrays):
        msg = "RDMs hold infinite values, expected finite dissimilarities. Check the estimator."
        raise DataError(msg)
    kept = [RoundedPairs(array, rdm.rounding) for array, rdm in zip(arrays, rdms, strict=True)]
    return kept, first[~masked], second[~masked], n_stimuli


def pair_weights(counts: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return ``(..., n_pairs)`` weights ``c_i c_j``, ``i != j``, of counts ``(..., n_stimuli)``.

    A stimulus drawn twice would give a pair with itself, whose distance of zero is no observation: such pairs
    have no entry among the condensed pairs and so are dropped.
    """
    return counts[..., first].astype(np.float64) * counts[..., second]

"""Checks of condensed RDMs and the bootstrap weight of each pair of stimuli."""

import math

import numpy as np

from brainalign.condensed import Condensed
from brainalign.errors import DataError, SpecError

METHODS = ("corr", "cosine", "spearman", "rho-a", "tau-a", "corr_cov", "cosine_cov")
#: Those whose RDMs can be cleared of others first.
PARTIAL = ("corr", "spearman", "corr_cov")
#: Those that whiten dissimilarities by the covariance of their errors.
WHITENED = ("corr_cov", "cosine_cov")
#: Those that compare dissimilarities from 0, not from their mean.
KEEP_MEAN = ("cosine", "cosine_cov")


def check_method(method: str, has_nuisance: bool = False) -> None:
    """Raise :class:`SpecError` unless ``method`` can be bootstrapped, with nuisance RDMs if asked."""
    if method not in METHODS:
        msg = f"Unknown method {method!r}. Choose one of: {', '.join(METHODS)}."
        raise SpecError(msg)
    if has_nuisance and method not in PARTIAL:
        msg = f"Nuisance RDMs cannot be partialled out of {method!r}. Use one of {', '.join(PARTIAL)}, or none."
        raise SpecError(msg)


_ONE = "but some stimuli are one (equal pictures, or one label of group_labels) and their pairs do not count"


def check_each_pair(method: str, all_count: bool, why: str = _ONE) -> None:
    """Raise :class:`SpecError` if a form needs all pairs of stimuli and some do not count."""
    if not all_count:
        msg = f"{method!r} needs every pair of stimuli, {why}; use 'corr', 'cosine' or a rank comparator."
        raise SpecError(msg)


def n_stimuli_of(n_pairs: int) -> int:
    """Return the number of stimuli with so many pairs; no such number raises :class:`SpecError`."""
    n_stimuli = (1 + math.isqrt(1 + 8 * n_pairs)) // 2
    if n_stimuli * (n_stimuli - 1) // 2 != n_pairs:
        msg = f"RDMs have {n_pairs} pairs, expected n (n - 1) / 2 for n stimuli; give whole upper triangles."
        raise SpecError(msg)
    return n_stimuli


def align_pairs(*rdms: Condensed) -> tuple[list[Condensed], np.ndarray, np.ndarray, int]:
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
    kept = [Condensed(array, rdm.rounding) for array, rdm in zip(arrays, rdms, strict=True)]
    return kept, first[~masked], second[~masked], n_stimuli


def pair_weights(counts: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return ``(..., n_pairs)`` weights ``c_i c_j``, ``i != j``, of counts ``(..., n_stimuli)``.

    A stimulus drawn twice would give a pair with itself, whose distance of zero is no observation: such pairs
    have no entry among the condensed pairs and so are dropped.
    """
    return counts[..., first].astype(np.float64) * counts[..., second]

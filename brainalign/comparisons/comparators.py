"""How alike two condensed RDMs are, and the pooled RDM that is most like all of a group."""

from collections.abc import Callable
from typing import Any

import numpy as np

from brainalign.condensed import Condensed, unit
from brainalign.errors import SpecError, StimulusMismatchError
from brainalign.rdms import RDMs, match
from brainalign.resampling.condensed_pairs import WHITENED, n_stimuli_of
from brainalign.rounding import mid_ranks
from brainalign.whitening import whitened

# names of the two sides in messages
_A, _B = "first", "second"


def cosine(a: Condensed, b: Condensed) -> np.ndarray:
    """Return ``a'b / (|a| |b|)`` for every row of ``a`` ``(n1, n_pairs)`` and ``b`` ``(n2, n_pairs)``."""
    return unit(a.values, _A) @ unit(b.values, _B).T


def corr(a: Condensed, b: Condensed) -> np.ndarray:
    """Return the Pearson correlation of every row of ``a`` with every row of ``b``, ``(n1, n2)``."""
    return unit(a.centred(_A), _A) @ unit(b.centred(_B), _B).T


def spearman(a: Condensed, b: Condensed) -> np.ndarray:
    """Return the Pearson correlation of ranks, ties at their mean rank, ``(n1, n2)``."""
    return unit(a.centred_ranks(_A), _A) @ unit(b.centred_ranks(_B), _B).T


def rho_a(a: Condensed, b: Condensed) -> np.ndarray:
    """Return ``12 sum (ra - mean)(rb - mean) / (n^3 - n)``, ``(n1, n2)``.

    It is the expected Spearman correlation when ties are broken at random, so that a coarse model with many ties
    is not flattered (Schuett et al. 2023, eLife 12:e82566).
    """
    n = a.values.shape[1]
    return 12 * a.centred_ranks(_A) @ b.centred_ranks(_B).T / (n**3 - n)


def tau_a(a: Condensed, b: Condensed) -> np.ndarray:
    """Return ``(concordant - discordant) / (n (n - 1) / 2)``, ``(n1, n2)``; by far the slowest comparator."""
    from scipy.stats import kendalltau

    # ranks have the order and the ties of the values, and are exact
    first, second = a.centred_ranks(_A), b.centred_ranks(_B)
    untied = [np.array([_untied(row) for row in rows]) for rows in (first, second)]
    # scipy gives tau-b, which divides by the geometric mean of the untied pairs instead of all pairs
    tau_b = np.array([[kendalltau(x, y, method="asymptotic").statistic for y in second] for x in first])
    return tau_b * np.sqrt(np.outer(*untied))


def cosine_cov(a: Condensed, b: Condensed, sigma: np.ndarray | None = None) -> np.ndarray:
    """Return ``a' V^-1 b / sqrt(a' V^-1 a b' V^-1 b)``, ``(n1, n2)``: the whitened unbiased cosine.

    ``V`` is the covariance of dissimilarities of patterns with errors of covariance ``sigma`` over stimuli (default:
    independent and alike), see :func:`brainalign.whitening.whitened`. Its zero is that of the dissimilarities, so it is
    for unbiased ones (Diedrichsen et al. 2021, Neurons Behav Data Anal Theory 5(3)).
    """
    n = n_stimuli_of(a.values.shape[1])
    return unit(whitened(a.values, n, sigma), _A) @ unit(whitened(b.values, n, sigma), _B).T


def corr_cov(a: Condensed, b: Condensed, sigma: np.ndarray | None = None) -> np.ndarray:
    """Return the whitened cosine of RDMs less their means, ``(n1, n2)``: the whitened correlation."""
    n = n_stimuli_of(a.values.shape[1])
    return unit(whitened(a.centred(_A), n, sigma), _A) @ unit(whitened(b.centred(_B), n, sigma), _B).T


#: Comparators by the name rsatoolbox gives them: ``(n1, n_pairs), (n2, n_pairs) -> (n1, n2)``.
COMPARATORS: dict[str, Callable[[Condensed, Condensed], np.ndarray]] = {
    "corr": corr,
    "cosine": cosine,
    "spearman": spearman,
    "rho-a": rho_a,
    "tau-a": tau_a,
    "corr_cov": corr_cov,
    "cosine_cov": cosine_cov,
}


def compare(a: RDMs, b: RDMs, method: str, sigma: np.ndarray | None = None) -> np.ndarray:
    """Return how alike every RDM of ``a`` is to every RDM of ``b``, ``(n1, n2)``, joined on stimulus ids.

    Parameters
    ----------
    a, b
        RDMs over the same stimuli, in any order.
    method
        A name of :data:`COMPARATORS`.
    sigma
        For ``"corr_cov"`` and ``"cosine_cov"``: ``(n_stimuli, n_stimuli)`` covariance of the errors of patterns in the
        order of ``a``, such as ``np.diag(1 / repeats)``.

    Raises
    ------
    SpecError
        If the method is unknown, or is no whitened one and ``sigma`` is given.
    StimulusMismatchError
        If the two do not hold the same stimuli.
    DataError
        If an RDM is constant but for rounding (for ``"cosine"``: zero), so that it orders nothing.
    """
    a, b = match(a, b)
    return compare_vectors(a.dissimilarities, b.dissimilarities, method, (a.rounding, b.rounding), sigma)


def compare_vectors(
    a: Any,
    b: Any,
    method: str,
    rounding: tuple[np.ndarray | None, np.ndarray | None] = (None, None),
    sigma: np.ndarray | None = None,
) -> np.ndarray:
    """Return ``(n1, n2)`` comparisons of condensed RDMs over the same pairs; errors as :func:`compare`.

    Rows carry no ids; :func:`compare` joins RDMs, which do. ``rounding`` are the errors of the rows of ``a`` and of
    ``b``: values of a row that are closer are tied. NaN and infinity raise :class:`DataError`.
    """
    check_comparator(method)
    first = Condensed.of(a, rounding[0]).finite(_A)
    second = Condensed.of(b, rounding[1]).finite(_B)
    n, m = first.values.shape[1], second.values.shape[1]
    if n != m:
        msg = f"RDMs have {n} and {m} pairs, expected as many; compare RDMs over the same stimuli."
        raise StimulusMismatchError(msg)
    if method in WHITENED:
        return {"corr_cov": corr_cov, "cosine_cov": cosine_cov}[method](first, second, sigma)
    if sigma is not None:
        msg = f"Comparator {method!r} takes no sigma; use one of: {', '.join(WHITENED)}, or leave sigma out."
        raise SpecError(msg)
    return COMPARATORS[method](first, second)


def pool(vectors: np.ndarray, method: str, rounding: np.ndarray | None = None) -> np.ndarray:
    """Return the RDM ``(n_pairs,)`` that maximises the mean comparison with the rows of ``vectors``.

    The mean of unit-norm RDMs for ``"cosine"``, of z-scored RDMs for ``"corr"`` and of ranks for the others
    (Nili et al. 2014, PLoS Comput Biol 10:e1003553); norms of whitened comparators are whitened ones. For ``"tau-a"``
    mean ranks are not the best RDM, which nobody can find for many pairs; its upper noise ceiling does not rest on them
    (:func:`brainalign.comparisons.noise_ceiling.noise_ceiling`).
    """
    return standardise(vectors, method, rounding).mean(axis=0)


def standardise(vectors: np.ndarray, method: str, rounding: np.ndarray | None = None) -> np.ndarray:
    """Return the rows ``(n_rdms, n_pairs)`` on the scale on which :func:`pool` averages them."""
    check_comparator(method)
    rows = Condensed.of(vectors, rounding).finite("pooled")
    if method == "cosine":
        return unit(rows.values, "pooled")
    if method == "corr":
        return unit(rows.centred("pooled"), "pooled") * np.sqrt(rows.values.shape[1])
    if method in WHITENED:
        values = rows.centred("pooled") if method == "corr_cov" else rows.values
        norms = np.linalg.norm(whitened(values, n_stimuli_of(values.shape[1])), axis=1, keepdims=True)
        return values / np.where(norms > 0, norms, np.nan)
    return mid_ranks(rows.values, rows.rounding)


def check_comparator(method: str) -> None:
    """Raise :class:`SpecError` unless ``method`` is a comparator."""
    if method not in COMPARATORS:
        msg = f"Unknown comparator {method!r}. Choose one of: {', '.join(COMPARATORS)}."
        raise SpecError(msg)


def _untied(row: np.ndarray) -> float:
    """Return the fraction of pairs of entries that are not tied."""
    counts = np.unique(row, return_counts=True)[1]
    return float(1 - (counts * (counts - 1)).sum() / (row.size * (row.size - 1)))

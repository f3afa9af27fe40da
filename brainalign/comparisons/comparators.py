"""How alike two condensed RDMs are, and the pooled RDM that is most like all of a group."""

from collections.abc import Callable

import numpy as np

from brainalign.errors import DataError, SpecError, StimulusMismatchError
from brainalign.rdms import RDMs, match


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return ``a'b / (|a| |b|)`` for every row of ``a`` ``(n1, n_pairs)`` and ``b`` ``(n2, n_pairs)``."""
    return _unit(a, "first") @ _unit(b, "second").T


def corr(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the Pearson correlation of every row of ``a`` with every row of ``b``, ``(n1, n2)``."""
    return cosine(centred(a, "first"), centred(b, "second"))


def spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the Pearson correlation of ranks, ties at their mean rank, ``(n1, n2)``."""
    return corr(ranks(a), ranks(b))


def rho_a(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return ``12 sum (ra - mean)(rb - mean) / (n^3 - n)``, ``(n1, n2)``.

    It is the expected Spearman correlation when ties are broken at random, so that a coarse model with many ties
    is not flattered (Schuett et al. 2023, eLife 12:e82566).
    """
    n = a.shape[1]
    return 12 * centred(ranks(a), "first") @ centred(ranks(b), "second").T / (n**3 - n)


def tau_a(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return ``(concordant - discordant) / (n (n - 1) / 2)``, ``(n1, n2)``; by far the slowest comparator."""
    from scipy.stats import kendalltau

    centred(a, "first"), centred(b, "second")
    untied = [np.array([_untied(row) for row in rows]) for rows in (a, b)]
    # scipy gives tau-b, which divides by the geometric mean of the untied pairs instead of all pairs
    tau_b = np.array([[kendalltau(x, y, method="asymptotic").statistic for y in b] for x in a])
    return tau_b * np.sqrt(np.outer(*untied))


#: Comparators by the name rsatoolbox gives them: ``(n1, n_pairs), (n2, n_pairs) -> (n1, n2)``.
COMPARATORS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "corr": corr,
    "cosine": cosine,
    "spearman": spearman,
    "rho-a": rho_a,
    "tau-a": tau_a,
}


def compare(a: RDMs, b: RDMs, method: str) -> np.ndarray:
    """Return how alike every RDM of ``a`` is to every RDM of ``b``, ``(n1, n2)``, joined on stimulus ids.

    Raises
    ------
    SpecError
        If the method is unknown.
    StimulusMismatchError
        If the two do not hold the same stimuli.
    DataError
        If an RDM is constant (for ``"cosine"``: zero), so that it orders nothing.
    """
    a, b = match(a, b)
    return compare_vectors(a.dissimilarities, b.dissimilarities, method)


def compare_vectors(a: np.ndarray, b: np.ndarray, method: str) -> np.ndarray:
    """Return ``(n1, n2)`` comparisons of condensed RDMs over the same pairs; errors as :func:`compare`."""
    check_comparator(method)
    a, b = (np.atleast_2d(np.asarray(vectors, dtype=np.float64)) for vectors in (a, b))
    if a.shape[1] != b.shape[1]:
        msg = f"RDMs have {a.shape[1]} and {b.shape[1]} pairs, expected as many; compare RDMs over the same stimuli."
        raise StimulusMismatchError(msg)
    return COMPARATORS[method](a, b)


def pool(vectors: np.ndarray, method: str) -> np.ndarray:
    """Return the RDM ``(n_pairs,)`` that maximises the mean comparison with the rows of ``vectors``.

    The mean of unit-norm RDMs for ``"cosine"``, of z-scored RDMs for ``"corr"`` and of ranks for the others
    (Nili et al. 2014, PLoS Comput Biol 10:e1003553); for ``"tau-a"`` ranks are an approximation.
    """
    return standardise(vectors, method).mean(axis=0)


def standardise(vectors: np.ndarray, method: str) -> np.ndarray:
    """Return the rows ``(n_rdms, n_pairs)`` on the scale on which :func:`pool` averages them."""
    check_comparator(method)
    vectors = np.atleast_2d(np.asarray(vectors, dtype=np.float64))
    if method == "cosine":
        return _unit(vectors, "pooled")
    if method == "corr":
        return _unit(centred(vectors, "pooled"), "pooled") * np.sqrt(vectors.shape[1])
    return ranks(vectors)


def check_comparator(method: str) -> None:
    """Raise :class:`SpecError` unless ``method`` is a comparator."""
    if method not in COMPARATORS:
        msg = f"Unknown comparator {method!r}. Choose one of: {', '.join(COMPARATORS)}."
        raise SpecError(msg)


def ranks(vectors: np.ndarray) -> np.ndarray:
    """Return the ranks within each row, ties at their mean rank."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(vectors, axis=1))


def centred(vectors: np.ndarray, which: str) -> np.ndarray:
    """Return the rows minus their means; a constant row raises :class:`DataError`."""
    constant = vectors.max(axis=1) == vectors.min(axis=1)
    if constant.any():
        msg = (
            f"RDM {int(constant.argmax())} of the {which} RDMs is constant ({vectors[constant.argmax(), 0]:g}), "
            "expected dissimilarities that differ; drop it (a collapsed layer, or stimuli with equal features)."
        )
        raise DataError(msg)
    return vectors - vectors.mean(axis=1, keepdims=True)


def _unit(vectors: np.ndarray, which: str) -> np.ndarray:
    # dividing by the largest entry first keeps squares of tiny or huge values in range
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    if not (np.isfinite(largest) & (largest > 0)).all():
        row = int((~(np.isfinite(largest) & (largest > 0))).argmax())
        msg = f"RDM {row} of the {which} RDMs is zero or not finite, expected finite dissimilarities; drop it."
        raise DataError(msg)
    scaled = vectors / largest
    return scaled / np.linalg.norm(scaled, axis=1, keepdims=True)


def _untied(row: np.ndarray) -> float:
    """Return the fraction of pairs of entries that are not tied."""
    counts = np.unique(row, return_counts=True)[1]
    return float(1 - (counts * (counts - 1)).sum() / (row.size * (row.size - 1)))

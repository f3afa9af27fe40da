"""Permutation of stimulus labels (Mantel test)."""

from collections.abc import Mapping

import numpy as np

from brainalign.errors import SpecError
from brainalign.inference.permutation_result import PermutationResult
from brainalign.randomness import numpy_stream
from brainalign.rdms import RDMs, by_subject, match
from brainalign.resampling.condensed_pairs import check_method
from brainalign.resampling.draw_units import labels_of
from brainalign.resampling.weighted_ranks import rank_rows

_BLOCK_BYTES = 2**27


def permutation_test(
    models: RDMs,
    subjects: RDMs,
    method: str,
    n_permutations: int,
    seed: int,
    alternative: str = "greater",
    strata: Mapping[str, str | int] | None = None,
) -> PermutationResult:
    """Test whether each model RDM is related to the subjects' RDMs.

    Stimulus labels are permuted, rows and columns together and alike for all models and subjects; entries of an
    RDM are never permuted, since they are not independent (false-positive rates near one half). The p value is
    ``(1 + n_as_large) / (B + 1)``. Stimuli and subjects are fixed; the test says nothing about differences
    between models.

    Parameters
    ----------
    models, subjects
        RDMs over the same stimuli, in any order; subject RDMs under one descriptor ``"subject"`` are averaged first.
    method
        ``"corr"``, ``"cosine"``, ``"spearman"`` or ``"rho-a"``; the statistic is the mean score over
        subjects.
    n_permutations
        5000 or more for figures.
    seed
        Seed of the permutations.
    alternative
        ``"greater"`` or ``"two-sided"``.
    strata
        Stimulus id to label; stimuli are permuted within strata only, e.g. within category.

    Raises
    ------
    SpecError
        If an option is unknown.
    StimulusMismatchError
        If stimuli differ, or one has no stratum.
    """
    check_method(method)
    if alternative not in ("greater", "two-sided") or n_permutations < 1:
        msg = (
            f"alternative = {alternative!r}, n_permutations = {n_permutations}: expected 'greater' or 'two-sided',"
            " and 1 or more."
        )
        raise SpecError(msg)
    subjects = by_subject(subjects)
    ids = subjects.stimulus_ids
    left = _prepare(match(subjects, models)[1], method)
    # a mean of scores is the score of the mean of prepared subjects
    target = _prepare(subjects, method).mean(axis=0)
    labels = np.zeros(len(ids), int) if strata is None else np.asarray(labels_of(strata, ids))
    if method == "rho-a":
        n = left.shape[1]
        left = left * (12 / (n**3 - n))
    scores, null = left @ target, _null(left, target, n_permutations, seed, labels)
    if alternative == "two-sided":
        tested, null = np.abs(scores), np.abs(null)
    else:
        tested = scores
    # equal scores computed in another order may differ in the last digits
    threshold = tested - 1e-12 * np.abs(tested)
    largest = null.max(axis=1, keepdims=True)
    return PermutationResult(
        scores=scores,
        p=(1 + (null >= threshold).sum(axis=0)) / (n_permutations + 1),
        p_max=(1 + (largest >= threshold).sum(axis=0)) / (n_permutations + 1),
        n_permutations=n_permutations,
    )


def _prepare(rdms: RDMs, method: str) -> np.ndarray:
    """Return rows whose dot product is the score; permuting stimuli leaves centring, ranks and norm alike."""
    values = rdms.dissimilarities
    if method in ("spearman", "rho-a"):
        values = rank_rows(values, np.ones(values.shape[1]), rdms.rounding)
    elif method == "corr":
        values = values - values.mean(axis=1, keepdims=True)
    if method == "rho-a":
        return values
    size = np.linalg.norm(values, axis=1)
    spread = np.abs(rdms.dissimilarities).max(axis=1) if method == "cosine" else np.ptp(rdms.dissimilarities, axis=1)
    return values / np.where(spread > rdms.rounding, size, np.nan)[:, None]


def _null(left: np.ndarray, target: np.ndarray, n_permutations: int, seed: int, labels: np.ndarray) -> np.ndarray:
    """Return ``(n_permutations, n_models)`` scores, permuting subjects' labels instead of models'."""
    from scipy.spatial.distance import squareform

    matrix = squareform(target, checks=False)
    n_stimuli = len(matrix)
    first, second = np.triu_indices(n_stimuli, 1)
    rng = numpy_stream(seed, "stimulus permutation")
    null = np.empty((n_permutations, len(left)))
    width = max(1, _BLOCK_BYTES // (8 * len(target)))
    for start in range(0, n_permutations, width):
        size = min(width, n_permutations - start)
        permuted = np.stack([permuted_order(rng, labels) for _ in range(size)])
        null[start : start + size] = matrix[permuted[:, first], permuted[:, second]] @ left.T
    return null


def permuted_order(rng: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    """Return a random order of the stimuli that keeps every stimulus in its stratum."""
    order = np.arange(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        order[members] = rng.permutation(members)
    return order

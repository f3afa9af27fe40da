"""Cross-validation folds that keep groups of stimuli together."""

from collections.abc import Sequence

import numpy as np


def group_folds(groups: Sequence[str | int] | np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Return the fold of each row, ``(n,)`` from 0, so that rows of one group share a fold.

    Groups are shuffled and dealt, the largest first, to the fold with the fewest rows. The result depends on the labels
    and their counts, not on the order of rows.

    Parameters
    ----------
    groups
        ``(n,)`` labels, at least ``n_folds`` different ones.
    n_folds
        Number of folds, each non-empty.
    seed
        Of the shuffle.
    """
    _, inverse, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    shuffled = np.random.default_rng(seed).permutation(len(counts))
    fold_of_group, sizes = np.empty(len(counts), dtype=np.int64), np.zeros(n_folds, dtype=np.int64)
    for group in shuffled[np.argsort(-counts[shuffled], kind="stable")]:
        fold = int(sizes.argmin())
        fold_of_group[group] = fold
        sizes[fold] += counts[group]
    return fold_of_group[inverse.ravel()]


def coded(labels: Sequence[str | int]) -> np.ndarray:
    """Return the group of each row as a number from 0, in the order of first mention: folds follow from numbers."""
    code = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    return np.array([code[label] for label in labels])

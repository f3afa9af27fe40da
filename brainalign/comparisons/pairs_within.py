"""Pairs of stimuli of one category, pooled or apart."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from brainalign.errors import SpecError


def pairs_within(categories: Sequence[str]) -> np.ndarray:
    """Return which pairs of stimuli are of one category, ``(n_pairs,)``.

    Raises
    ------
    SpecError
        If a category has one stimulus, which is in no pair.
    """
    sizes = Counter(categories)
    alone = [name for name, size in sizes.items() if size < 2]
    if alone:
        msg = (
            f"Category {alone[0]!r} has one stimulus ({len(alone)} of {len(sizes)} categories have), which is in no "
            "pair within categories; expected two or more in each. Give coarser labels."
        )
        raise SpecError(msg)
    codes = np.unique(np.asarray(categories, dtype=str), return_inverse=True)[1].ravel()
    first, second = np.triu_indices(len(codes), 1)
    return codes[first] == codes[second]


#: Stimuli of a category that is scored alone: without one of four, three pairs are left to be ordered.
FEWEST = 4


def categories_apart(categories: Sequence[str], groups: Sequence[str | int] | None = None) -> np.ndarray:
    """Return the category of each stimulus by number, ``(n_stimuli,)``, for scores of each category alone.

    Parameters
    ----------
    categories
        Of each stimulus.
    groups
        Group of each stimulus: those of one group are one.

    Raises
    ------
    SpecError
        If a category has fewer than four stimuli that are not one, or a group is in two categories.
    """
    codes = np.unique(np.asarray(categories, dtype=str), return_inverse=True)[1].ravel()
    own = np.asarray(range(len(codes)) if groups is None else groups)
    for code in range(int(codes.max()) + 1):
        n = len(set(own[codes == code]))
        if n < FEWEST:
            name = categories[int(np.flatnonzero(codes == code)[0])]
            msg = (
                f"Category {name!r} has {n} different stimuli, expected {FEWEST} or more where each category is scored "
                "alone; give coarser labels, or pool pairs within categories."
            )
            raise SpecError(msg)
    shared = [one for one in dict.fromkeys(own.tolist()) if len(set(codes[own == one])) > 1]
    if shared:
        msg = f"Group {shared[0]!r} has stimuli of several categories, expected one; give labels that groups share."
        raise SpecError(msg)
    return codes

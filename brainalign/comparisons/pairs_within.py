"""Pairs of stimuli of one category."""

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

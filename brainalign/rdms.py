"""Representational dissimilarity matrices, condensed and keyed by stimulus id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from brainalign.errors import DataError, StimulusMismatchError


@dataclass(frozen=True, eq=False)
class RDMs:
    """One or more RDMs over the same stimuli.

    Parameters
    ----------
    dissimilarities
        ``(n_rdms, n_pairs)``, the upper triangles in the order of :func:`scipy.spatial.distance.squareform`.
    stimulus_ids
        Unique ids, length ``n_stimuli``, ``n_pairs = n_stimuli (n_stimuli - 1) / 2``.
    measure
        Name of the dissimilarity, e.g. ``"correlation"``.
    descriptors
        Name to one value per RDM, e.g. ``{"subject": ("s1", "s2")}``.
    """

    dissimilarities: np.ndarray
    stimulus_ids: tuple[str, ...]
    measure: str
    descriptors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

"""RDMs to and from rsatoolbox, an optional dependency."""

from typing import Any

import numpy as np

from brainalign.errors import DataError, StimulusMismatchError
from brainalign.rdms import RDMs

# the same dissimilarity under the name of each package
_TO_RSATOOLBOX = {"squared_euclidean": "squared euclidean"}
_FROM_RSATOOLBOX = {theirs: ours for ours, theirs in _TO_RSATOOLBOX.items()}


def to_rsatoolbox(rdms: RDMs, id_descriptor: str = "stimulus") -> Any:
    """Return ``rsatoolbox.rdm.RDMs``; ids become the pattern descriptor ``id_descriptor``."""
    import rsatoolbox

    return rsatoolbox.rdm.RDMs(
        rdms.dissimilarities.copy(),
        dissimilarity_measure=_TO_RSATOOLBOX.get(rdms.measure, rdms.measure),
        rdm_descriptors={name: list(values) for name, values in rdms.descriptors.items()},
        pattern_descriptors={id_descriptor: list(rdms.stimulus_ids)},
    )


def from_rsatoolbox(rdms: Any, id_descriptor: str = "stimulus") -> RDMs:
    """Return the RDMs of ``rsatoolbox.rdm.RDMs``, keyed by its pattern descriptor ``id_descriptor``.

    Descriptors and ids become strings; the running index that rsatoolbox adds is left out.

    Raises
    ------
    StimulusMismatchError
        If there is no such pattern descriptor, or its values repeat.
    DataError
        If ``rdms`` are not RDMs of rsatoolbox, or a dissimilarity is NaN.
    """
    if not hasattr(rdms, "pattern_descriptors") or not hasattr(rdms, "dissimilarities"):
        kind = type(rdms).__name__
        msg = f"from_rsatoolbox got {kind}, expected rsatoolbox.rdm.RDMs; use RDMs.from_matrices for arrays."
        raise DataError(msg)
    patterns, about = rdms.pattern_descriptors or {}, rdms.rdm_descriptors or {}
    if id_descriptor not in patterns:
        found = ", ".join(patterns) or "none; set pattern_descriptors first"
        msg = (
            f"These rsatoolbox RDMs have no pattern descriptor {id_descriptor!r}; take them by "
            f"from_rsatoolbox(rdms, id_descriptor), one of: {found}."
        )
        raise StimulusMismatchError(msg)
    return RDMs(
        np.array(rdms.dissimilarities, dtype=np.float64),
        tuple(str(value) for value in patterns[id_descriptor]),
        _FROM_RSATOOLBOX.get(rdms.dissimilarity_measure, rdms.dissimilarity_measure or "unknown"),
        {name: tuple(map(str, values)) for name, values in about.items() if name != "index"},
    )

"""Mean RDMs for display."""

from collections.abc import Sequence

import numpy as np

from brainalign.alignment.align import check_rois
from brainalign.alignment.instance import Instance
from brainalign.rdms import RDMs, compute_rdms, concatenate
from brainalign.recordings.brain import Brain
from brainalign.recordings.source import RecordingSource
from brainalign.specs import RecordingSpec


def mean_rdms(
    instances: Sequence[Instance], source: RecordingSource, spec: RecordingSpec, ids: Sequence[str], dissimilarity: str
) -> dict[str, RDMs]:
    """Return mean RDMs over ``ids`` (every subject must have responded to them, see ``Brain.displayed``) for display.

    ``<dataset>|<roi>|brain`` is the mean over subjects, ``<dataset>|<roi>|<rule>|<layer>`` over seeds.
    """
    groups: dict[tuple[str, str], list[np.ndarray]] = {}
    one_network = len({one.network for one in instances}) == 1
    for one in (one for one in instances if one.final):
        for layer, features in one.activations.subset(ids).layers.items():
            name = one.rule if one_network else f"{one.rule} ({one.network})"
            groups.setdefault((name, layer), []).append(features)
    means = {
        key: compute_rdms(np.stack(sets), tuple(ids), dissimilarity, sets=True).mean() for key, sets in groups.items()
    }
    found: dict[str, RDMs] = {}
    brain = Brain(source, spec)
    for roi in check_rois(source, spec):
        subjects = concatenate([rdms.subset(ids) for rdms in brain.rdms(roi)])
        found[f"{source.label}|{roi}|brain"] = subjects.mean()
        found |= {f"{source.label}|{roi}|{rule}|{layer}": rdm for (rule, layer), rdm in means.items()}
    return found

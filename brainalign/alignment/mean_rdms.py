"""Mean RDMs for display."""

from collections.abc import Sequence

import numpy as np

from brainalign.alignment.align import check_rois
from brainalign.alignment.instance import Instance
from brainalign.alignment.mean_rdm import MeanRDM
from brainalign.rdms import RDMs, compute_rdms, concatenate
from brainalign.recordings.brain import Brain
from brainalign.recordings.source import RecordingSource
from brainalign.specs import RecordingSpec


def mean_rdms(
    instances: Sequence[Instance], source: RecordingSource, spec: RecordingSpec, ids: Sequence[str], dissimilarity: str
) -> dict[MeanRDM, RDMs]:
    """Return mean RDMs over ``ids`` (every subject must have responded to them, see ``Brain.displayed``) for display.

    Brains are means over subjects, and over times from onset on where there are several; layers are means over seeds.
    """
    groups: dict[tuple[str, str, str, str], list[np.ndarray]] = {}
    for one in (one for one in instances if one.final):
        for layer, features in one.activations.subset(ids).layers.items():
            groups.setdefault((one.role, one.rule, one.network, layer), []).append(features)
    means = {
        key: compute_rdms(np.stack(sets), tuple(ids), dissimilarity, sets=True).mean() for key, sets in groups.items()
    }
    found: dict[MeanRDM, RDMs] = {}
    brain = Brain(source, spec)
    for roi in check_rois(source, spec):
        subjects = concatenate([movie.rdms().subset(ids) for movie in brain.movies(roi)])
        found[MeanRDM(source.label, roi)] = subjects.mean()
        found |= {MeanRDM(source.label, roi, *key): rdm for key, rdm in means.items()}
    return found

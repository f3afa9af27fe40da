"""Mean RDMs for display."""

from collections.abc import Mapping

from brainalign.alignment.layer_means import Layer
from brainalign.alignment.mean_rdm import MeanRDM
from brainalign.rdms import RDMs, concatenate
from brainalign.recordings.brain import Brain


def mean_rdms(brain: Brain, ids: tuple[str, ...], layers: Mapping[Layer, RDMs]) -> dict[MeanRDM, RDMs]:
    """Return mean RDMs over ``ids`` (every subject must have responded to them, see ``Brain.displayed``) for display.

    Brains are means over subjects, and over times from onset on where there are several; layers are means over seeds
    (:class:`~brainalign.alignment.layer_means.LayerMeans`).
    """
    found: dict[MeanRDM, RDMs] = {}
    for roi in brain.rois:
        subjects = concatenate([movie.rdms().subset(ids) for movie in brain.movies(roi)])
        found[MeanRDM(brain.source.label, roi)] = subjects.mean()
        found |= {
            MeanRDM(dataset=brain.source.label, roi=roi, role=role, rule=rule, network=network, layer=layer): rdm
            for (role, rule, network, layer), rdm in layers.items()
        }
    return found

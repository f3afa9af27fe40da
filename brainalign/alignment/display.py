"""What the figures of a study show of stimuli and geometries: thumbnails and mean RDMs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from brainalign.alignment.failure import Failure
from brainalign.alignment.instance import Instance
from brainalign.alignment.mean_rdm import MeanRDM, write_mean_rdms
from brainalign.alignment.mean_rdms import mean_rdms
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError
from brainalign.randomness import numpy_stream
from brainalign.rdms import RDMs
from brainalign.recordings.source import RecordingSource
from brainalign.specs import RecordingSpec
from brainalign.storage import write_tensors

#: Stimuli shown in RDM and MDS figures; a larger set is sampled.
_DISPLAYED = 120


class Display:
    """Collects what is shown of one recording after another, then writes it.

    Parameters
    ----------
    dissimilarity
        That of layers; a recording brings its own.
    """

    def __init__(self, dissimilarity: str) -> None:
        self.dissimilarity = dissimilarity
        self.failures: list[Failure] = []
        self._rdms: dict[MeanRDM, RDMs] = {}
        self._labels: dict[tuple[str, str], tuple[str, ...]] = {}
        self._images: dict[str, torch.Tensor] = {}
        self._ids: dict[str, list[str]] = {}

    def add(
        self, source: RecordingSource, spec: RecordingSpec, stimuli: Stimuli, instances: Sequence[Instance]
    ) -> None:
        """Add a recording and the networks under its displayed stimuli.

        A population that has no mean RDM over them, since a layer of it has collapsed, is noted in ``failures``.
        """
        self._images[source.label], self._ids[source.label] = _thumbnails(stimuli), list(stimuli.ids)
        own = self._means(source, spec, stimuli, instances)
        self._labels |= {(key.dataset, key.roi): tuple(stimuli.labels or ()) for key in own}
        self._rdms |= own

    def write(self, folder: Path) -> None:
        """Write ``rdms.safetensors`` and ``thumbnails.safetensors``."""
        write_mean_rdms(folder / "rdms.safetensors", self._rdms, self._labels)
        write_tensors(folder / "thumbnails.safetensors", self._images, self._ids)

    def _means(
        self, source: RecordingSource, spec: RecordingSpec, stimuli: Stimuli, instances: Sequence[Instance]
    ) -> dict[MeanRDM, RDMs]:
        def means(some: Sequence[Instance]) -> dict[MeanRDM, RDMs]:
            return mean_rdms(some, source, spec, stimuli.ids, self.dissimilarity)

        try:
            return means(instances)
        except DataError:
            sound: list[Instance] = []
            for rule, network, role in dict.fromkeys((one.rule, one.network, one.role) for one in instances):
                whose = (rule, network, role)
                population = [one for one in instances if (one.rule, one.network, one.role) == whose]
                try:
                    means(population)
                    sound += population
                except DataError as error:
                    self.failures.append(Failure(rule, network, "display", source.label, str(error), role))
            return means(sound)


def displayed(stimuli: Stimuli) -> Stimuli:
    """Return the stimuli to show: all of them, or a fixed sample of many."""
    if len(stimuli) <= _DISPLAYED:
        return stimuli
    rows = np.sort(numpy_stream(0, "displayed").choice(len(stimuli), _DISPLAYED, replace=False))
    return stimuli.subset([stimuli.ids[row] for row in rows])


def _thumbnails(stimuli: Stimuli, side: int = 40) -> torch.Tensor:
    images = torch.from_numpy(stimuli.images).permute(0, 3, 1, 2).float()
    if max(images.shape[-2:]) > side:
        images = F.interpolate(images, size=(side, side), mode="bilinear", antialias=True)
    return images.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()

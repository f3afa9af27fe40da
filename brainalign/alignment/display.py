"""What the figures of a study show of stimuli and geometries: thumbnails and mean RDMs."""

from collections.abc import Mapping

import numpy as np
import torch
from torch.nn import functional as F

from brainalign.alignment.mean_rdm import MeanRDM
from brainalign.datasets.stimuli import Stimuli
from brainalign.randomness import numpy_stream
from brainalign.rdms import RDMs

#: Stimuli shown in RDM and MDS figures; a larger set is sampled.
_DISPLAYED = 120


class Display:
    """Collects what is shown of one recording after another."""

    def __init__(self) -> None:
        self.rdms: dict[MeanRDM, RDMs] = {}
        self.labels: dict[tuple[str, str], tuple[str, ...]] = {}
        self.thumbnails: dict[str, tuple[tuple[str, ...], np.ndarray]] = {}

    def add(self, label: str, stimuli: Stimuli, rdms: Mapping[MeanRDM, RDMs]) -> None:
        """Add the displayed stimuli of a recording and its mean RDMs over them."""
        self.thumbnails[label] = (stimuli.ids, _thumbnails(stimuli))
        self.labels |= {(key.dataset, key.roi): tuple(stimuli.labels or ()) for key in rdms}
        self.rdms |= rdms


def displayed(stimuli: Stimuli) -> Stimuli:
    """Return the stimuli to show: all of them, or a fixed sample of many."""
    if len(stimuli) <= _DISPLAYED:
        return stimuli
    rows = np.sort(numpy_stream(0, "displayed").choice(len(stimuli), _DISPLAYED, replace=False))
    return stimuli.subset([stimuli.ids[row] for row in rows])


def _thumbnails(stimuli: Stimuli, side: int = 40) -> np.ndarray:
    images = torch.from_numpy(stimuli.images).permute(0, 3, 1, 2).float()
    if max(images.shape[-2:]) > side:
        images = F.interpolate(images, size=(side, side), mode="bilinear", antialias=True)
    return images.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()

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
    pixels = stimuli.at(slice(None))
    if isinstance(pixels, list):  # each to its centre, so that all are of one size
        pixels = np.stack([_square(one) for one in pixels])
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
    if max(images.shape[-2:]) > side:
        images = F.interpolate(images, size=(side, side), mode="bilinear", antialias=True)
    return images.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def _square(image: np.ndarray, side: int = 40) -> np.ndarray:
    """Return the centre of a picture, ``(side, side, channels)`` uint8."""
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    height, width = (-(-side * size // min(image.shape[:2])) for size in image.shape[:2])
    tensor = F.interpolate(tensor, size=(height, width), mode="bilinear", antialias=True)
    top, left = (height - side) // 2, (width - side) // 2
    part = tensor[0, :, top : top + side, left : left + side].round().clamp(0, 255)
    return part.to(torch.uint8).permute(1, 2, 0).numpy()

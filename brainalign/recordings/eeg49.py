"""EEG of people who saw 49 faces and objects, as decoding accuracies over time."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brainalign.datasets.manifest import locate
from brainalign.datasets.stimuli import Stimuli
from brainalign.rdms import RDMs
from brainalign.readers.pictures import read_pictures
from brainalign.recordings.source import RecordingSource

_N_STIMULI, _N_FACES = 49, 24
# the smallest picture is 482 pixels wide: none is enlarged
_SIDE = 482


@dataclass(frozen=True)
class Eeg49(RecordingSource):
    """How well pairs of 49 pictures are told apart from EEG, at 218 times from -0.199 to 0.648 s; .5 is chance.

    One group mean: there is no noise ceiling, and nothing generalises over people. No trials were published. Pictures
    of faces (482 or 486 pixels) and objects (1042) were published in different sizes; all are shown at 482 pixels.

    Source: deep_representational_learning, Brainhack School 2020.
    """

    title: ClassVar[str] = "49 images: EEG decoding over time (Brainhack School 2020)"
    modality: ClassVar[str] = "EEG"
    citation: ClassVar[str] = (
        "deep_representational_learning, Brainhack School 2020, "
        "https://github.com/brainhack-school2020/deep_representational_learning"
    )
    rois: ClassVar[tuple[str, ...]] = ("scalp",)
    subjects: ClassVar[tuple[str, ...]] = ("group mean",)

    def stimuli(self) -> Stimuli:
        """Return the 49 pictures, ``(49, 482, 482, 1)``, in the order of the RDMs: 24 faces, then 25 objects."""
        files = [locate("eeg49", f"stimuli/stim_{k:03d}.png", self.data_dir) for k in range(1, _N_STIMULI + 1)]
        labels = ("face",) * _N_FACES + ("object",) * (_N_STIMULI - _N_FACES)
        return Stimuli(self.stimulus_ids(), read_pictures(files, side=_SIDE, grey=True), "49 images", labels)

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return ``"eeg49-01"`` to ``"eeg49-49"``."""
        return tuple(f"eeg49-{k:02d}" for k in range(1, _N_STIMULI + 1))

    def published_rdms(self, roi: str) -> RDMs:
        """Return 218 RDMs of the group mean, one for each time, in seconds from onset."""
        from scipy.io import loadmat

        self._require_roi(roi)
        accuracies = np.load(locate("eeg49", "output_rdms.npy", self.data_dir), allow_pickle=False)
        times = loadmat(locate("eeg49", "time_vector.mat", self.data_dir))["time"].ravel()
        descriptors = {"subject": self.subjects * len(times), "time": tuple(repr(float(time)) for time in times)}
        return RDMs(accuracies.T, self.stimulus_ids(), "decoding_accuracy", descriptors)

"""Early visual and inferior temporal cortex of 15 people for 118 objects, without the pictures."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brainalign.datasets.manifest import locate
from brainalign.rdms import RDMs
from brainalign.recordings.source import RecordingSource

_N_STIMULI = 118


@dataclass(frozen=True)
class Algonauts118(RecordingSource):
    """fMRI RDMs of 15 subjects for 118 objects on natural backgrounds; every RDM is 1 - Pearson correlation.

    No pictures were published with these files: models by label can be compared (:meth:`labels`), networks cannot. No
    trials were published.

    Source: Cichy, Pantazis & Oliva (2016), Cerebral Cortex 26:3563, as released by the Algonauts Project (2019).
    """

    title: ClassVar[str] = "118 objects: human EVC and IT (Cichy 2016, Algonauts 2019)"
    modality: ClassVar[str] = "fMRI"
    citation: ClassVar[str] = (
        "Cichy, Pantazis & Oliva (2016), Cerebral Cortex 26:3563-3579; "
        "released by Cichy et al. (2019), The Algonauts Project, arXiv:1905.05675"
    )
    rois: ClassVar[tuple[str, ...]] = ("EVC", "IT")
    subjects: ClassVar[tuple[str, ...]] = tuple(f"s{k:02d}" for k in range(1, 16))

    def stimuli(self) -> None:
        """Return nothing: there are no pictures."""
        return

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return ``"algonauts118-001"`` to ``"algonauts118-118"``, in the order of the RDMs."""
        return tuple(f"algonauts118-{k:03d}" for k in range(1, _N_STIMULI + 1))

    def labels(self) -> tuple[str, ...]:
        """Return ``"animate"`` or ``"inanimate"`` for each stimulus, in the order of :meth:`stimulus_ids`."""
        found = np.load(locate("algonauts118", "118_animate_labels.npy", self.data_dir), allow_pickle=False)
        return tuple(str(label).lower() for label in found)

    def published_rdms(self, roi: str) -> RDMs:
        """Return the RDMs of 15 subjects in ``"EVC"`` or ``"IT"``."""
        import h5py

        self._require_roi(roi)
        with h5py.File(locate("algonauts118", "target_fmri.mat", self.data_dir), "r") as file:
            matrices = np.asarray(file[f"{roi}_RDMs"], dtype=np.float64)  # (118, 118, 15)
        vectors = matrices[np.triu_indices(len(matrices), 1)].T
        return RDMs(vectors, self.stimulus_ids(), "correlation", {"subject": self.subjects})

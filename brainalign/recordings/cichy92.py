"""Early visual and inferior temporal cortex of 15 people for 92 object photographs."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brainalign.datasets.manifest import locate
from brainalign.datasets.stimuli import Stimuli
from brainalign.rdms import RDMs
from brainalign.recordings.facts import Facts
from brainalign.recordings.kriegeskorte92 import Kriegeskorte92, stimulus_ids
from brainalign.recordings.source import RecordingSource


@dataclass(frozen=True)
class Cichy92(RecordingSource):
    """fMRI RDMs of 15 subjects for the photographs of :class:`Kriegeskorte92`, in the same order under the same ids.

    ROIs: ``"EVC"`` (early visual cortex) and ``"IT"`` (inferior temporal cortex). Every RDM is 1 - Pearson
    correlation. No trials were published. The photographs are read from the files of ``kriegeskorte92``.

    Source: Cichy, Pantazis & Oliva (2014), Nature Neuroscience 17:455, as released by the Algonauts Project (2019).
    """

    title: ClassVar[str] = "92 objects: human EVC and IT (Cichy 2014)"
    modality: ClassVar[str] = "fMRI"
    citation: ClassVar[str] = (
        "Cichy, Pantazis & Oliva (2014), Nature Neuroscience 17:455-462; "
        "released by Cichy et al. (2019), The Algonauts Project, arXiv:1905.05675"
    )
    rois: ClassVar[tuple[str, ...]] = ("EVC", "IT")
    subjects: ClassVar[tuple[str, ...]] = tuple(f"s{k:02d}" for k in range(1, 16))

    def stimuli(self) -> Stimuli:
        """Return the 92 photographs of :class:`Kriegeskorte92`."""
        return Kriegeskorte92(self.data_dir).stimuli()

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the ids of the photographs, without reading them."""
        return stimulus_ids()

    def facts(self, subject: str, roi: str) -> Facts:
        """Return what is known of a subject without reading anything."""
        self._require_roi(roi)
        self._require_subject(subject)
        return Facts(stimulus_ids())

    def published_rdms(self, roi: str) -> RDMs:
        """Return the RDMs of 15 subjects, ``"s01"`` to ``"s15"``, in ``"EVC"`` or ``"IT"``."""
        import h5py

        self._require_roi(roi)
        with h5py.File(locate("cichy92", "target_fmri.mat", self.data_dir), "r") as file:
            matrices = np.asarray(file[f"{roi}_RDMs"], dtype=np.float64)  # (92, 92, 15)
        vectors = matrices[np.triu_indices(len(matrices), 1)].T
        return RDMs(vectors, stimulus_ids(), "correlation", {"subject": self.subjects})

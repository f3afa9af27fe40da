"""Human and monkey IT for 92 object photographs."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from brainalign.datasets.manifest import locate
from brainalign.datasets.stimuli import Stimuli
from brainalign.rdms import RDMs
from brainalign.recordings.facts import Facts
from brainalign.recordings.source import RecordingSource

_N_STIMULI = 92


@dataclass(frozen=True)
class Kriegeskorte92(RecordingSource):
    """RDMs of inferior temporal cortex (IT) for 92 photographs of bodies, faces, natural and artificial objects.

    ROIs: ``"monkeyIT"``, one RDM of 674 neurons pooled over two monkeys, so without a noise ceiling; ``"humanIT"``,
    fMRI of four subjects (BE, KO, SN, TI), each the mean of the RDMs of two sessions. Every RDM is 1 - Pearson
    correlation. No trials were published.

    Source: Kriegeskorte, Mur, Ruff, Kiani, Bodurka, Esteky, Tanaka & Bandettini (2008), Neuron 60:1126.
    """

    title: ClassVar[str] = "92 objects: monkey and human IT (Kriegeskorte 2008)"
    modality: ClassVar[str] = "fMRI, spikes"
    citation: ClassVar[str] = "Kriegeskorte et al. (2008), Neuron 60:1126-1141"
    rois: ClassVar[tuple[str, ...]] = ("monkeyIT", "humanIT")
    subjects: ClassVar[tuple[str, ...]] = ("monkeys", "BE", "KO", "SN", "TI")

    def stimuli(self) -> Stimuli:
        """Return the 92 photographs, ``(92, 175, 175, 3)``, upright, on grey.

        Labels read ``"animate: human face"``: animacy, then the category as published.
        """
        records = self._supplement()["stimuli_92objs"].ravel()
        images = np.stack([record["image"] for record in records])
        labels = tuple(_label(record) for record in records)
        return Stimuli(stimulus_ids(), images, "92 objects", labels)

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the ids of the photographs, without reading them."""
        return stimulus_ids()

    def facts(self, subject: str, roi: str) -> Facts:
        """Return what is known of a subject of a ROI without reading anything."""
        self._require_roi(roi)
        self._require_subject(subject, self.subjects[:1] if roi == "monkeyIT" else self.subjects[1:])
        return Facts(stimulus_ids())

    def published_rdms(self, roi: str) -> RDMs:
        """Return the RDMs of ``"monkeyIT"`` (one) or ``"humanIT"`` (four)."""
        self._require_roi(roi)
        if roi == "humanIT":
            return self._human()
        vector = np.asarray(self._supplement()["RDMs_mIT_hIT_fig1"].ravel()[0]["RDM"], dtype=np.float64)
        return RDMs(vector.reshape(1, -1), stimulus_ids(), "correlation", {"subject": ("monkeys",)})

    def _human(self) -> RDMs:
        from scipy.io import loadmat

        sessions = loadmat(locate("kriegeskorte92", "92_brainRDMs.mat", self.data_dir))["RDMs"][0]
        upper = np.triu_indices(_N_STIMULI, 1)
        vectors = [np.mean([session["RDM"][upper] for session in subject], axis=0) for subject in sessions]
        # Published as "hIT | BE | Session: 1".
        subjects = tuple(str(subject[0]["name"].item()).split(" | ")[1] for subject in sessions)
        return RDMs(np.array(vectors, dtype=np.float64), stimulus_ids(), "correlation", {"subject": subjects})

    def _supplement(self) -> dict[str, Any]:
        from scipy.io import loadmat

        return loadmat(locate("kriegeskorte92", "Kriegeskorte_Neuron2008_supplementalData.mat", self.data_dir))


def stimulus_ids() -> tuple[str, ...]:
    """Return the ids of the 92 photographs, ``"kriegeskorte92-01"`` to ``"-92"``, in published order."""
    return tuple(f"kriegeskorte92-{k:02d}" for k in range(1, _N_STIMULI + 1))


def _label(record: Any) -> str:
    animate = bool(record["animal"].item()) or bool(record["human"].item())
    category = str(record["category"].item()).replace("bodypart", "body part").removesuffix(" inanimate")
    return f"{'animate' if animate else 'inanimate'}: {category}"

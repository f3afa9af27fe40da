"""V1 voxels of one person who saw ten small figures."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from brainalign.datasets.manifest import locate
from brainalign.datasets.stimuli import Stimuli
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource

_SIDE = 10
_ENLARGED = 16


@dataclass(frozen=True)
class MiyawakiV1(RecordingSource):
    """797 voxels of V1 for ten figures of 10 x 10 black and white squares, eight blocks each.

    Each trial is the mean of a block; the run of a block was not published, so that repeats may share a run. One
    person.

    Source: Miyawaki et al. (2008), Neuron 60:915; Fujiwara, Miyawaki & Kamitani (2013), Neural Computation 25:979.
    """

    title: ClassVar[str] = "10 figures: voxels of V1 (Miyawaki 2008)"
    modality: ClassVar[str] = "fMRI"
    citation: ClassVar[str] = (
        "Miyawaki, Uchida, Yamashita, Sato, Morito, Tanabe, Sadato & Kamitani (2008), Neuron 60:915-929; as released "
        "with "
        "Fujiwara, Miyawaki & Kamitani (2013), Neural Computation 25:979-1005"
    )
    rois: ClassVar[tuple[str, ...]] = ("V1",)
    subjects: ClassVar[tuple[str, ...]] = ("s1",)

    def stimuli(self) -> Stimuli:
        """Return the ten figures upright, ``(10, 160, 160, 1)``: every square is 16 pixels wide."""
        figures, _ = self._figures(self._file())
        images = np.kron(figures, np.ones((1, _ENLARGED, _ENLARGED), np.uint8)) * np.uint8(255)
        return Stimuli(self.stimulus_ids(), images[..., None], "10 figures")

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return ``"miyawaki_v1-00"`` to ``"miyawaki_v1-09"``, in the order of first presentation."""
        return tuple(f"miyawaki_v1-{k:02d}" for k in range(_SIDE))

    def recording(self, subject: str) -> Recording:
        """Return the 80 blocks of ``"s1"``, ``(80, 797, 1)``."""
        self._require_subject(subject)
        content = self._file()
        _, figure = self._figures(content)
        responses = np.asarray(content["R2"], dtype=np.float64).T
        ids = self.stimulus_ids()
        return Recording(
            data=responses[:, :, None],
            stimulus_ids=tuple(ids[k] for k in figure),
            channels=tuple(f"voxel-{k:03d}" for k in range(1, responses.shape[1] + 1)),
            times=(0.0,),
            subject=subject,
            dataset="miyawaki_v1",
            modality=self.modality,
            unit="a.u.",
            rois={"V1": np.ones(responses.shape[1], dtype=bool)},
        )

    def _file(self) -> dict[str, Any]:
        from scipy.io import loadmat

        return loadmat(locate("miyawaki_v1", "V1_mean_figure.mat", self.data_dir))

    @staticmethod
    def _figures(content: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Return the different figures ``(10, 10, 10)`` and which of them each block showed ``(80,)``."""
        # a column holds the picture first down, then right
        blocks = content["I2"].T.reshape(-1, _SIDE, _SIDE).transpose(0, 2, 1)
        _, first, which = np.unique(blocks.reshape(len(blocks), -1), axis=0, return_index=True, return_inverse=True)
        order = np.argsort(first)
        return blocks[first[order]], np.argsort(order)[which.ravel()]

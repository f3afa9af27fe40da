"""One slice of ventral cortex of one person who saw blocks of eight categories."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brainalign.datasets.manifest import locate
from brainalign.options import require
from brainalign.readers.maps import read_maps
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource

_SECONDS = 2.5


@dataclass(frozen=True)
class HaxbySlice(RecordingSource):
    """530 voxels, 12 runs, eight categories once a run: the mean of the volumes of each block.

    The ids are categories, not pictures: networks cannot be compared. One person.

    Parameters
    ----------
    data_dir
        Folder that holds ``haxby_slice/<file>``.
    shift
        Volumes of 2.5 s by which labels are moved back. The published labels are 1 to 4.5 s later than the
        onsets of the same runs in ds000105: a delay of the response is in them already.
    standardise
        Take a line out of each voxel and run, and divide by its standard deviation, before means are taken.

    Raises
    ------
    SpecError
        If ``shift`` is not from 0 to 6.

    Source: Haxby, Gobbini, Furey, Ishai, Schouten & Pietrini (2001), Science 293:2425.
    """

    title: ClassVar[str] = "Faces and objects: one slice of ventral cortex (Haxby 2001)"
    modality: ClassVar[str] = "fMRI"
    citation: ClassVar[str] = (
        "Haxby, Gobbini, Furey, Ishai, Schouten & Pietrini (2001), Science 293:2425-2430; one slice of one person as "
        "prepared by PyMVPA"
    )
    rois: ClassVar[tuple[str, ...]] = ("slice",)
    subjects: ClassVar[tuple[str, ...]] = ("sub001",)

    shift: int = 0
    standardise: bool = True

    def __post_init__(self) -> None:
        require(0 <= self.shift <= 6, "shift", self.shift, "0 to 6 volumes")

    def stimuli(self) -> None:
        """Return nothing: blocks showed categories, and which pictures was not published."""
        return

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the eight categories in alphabetical order."""
        return ("bottle", "cat", "chair", "face", "house", "scissors", "scrambledpix", "shoe")

    def recording(self, subject: str) -> Recording:
        """Return the 96 blocks of ``"sub001"``, ``(96, 530, 1)``, runs ``"0"`` to ``"11"``."""
        self._require_subject(subject)
        bold, mask = (locate("haxby_slice", name, self.data_dir) for name in ("bold.nii.gz", "mask.nii.gz"))
        maps = read_maps(bold, mask)
        text = locate("haxby_slice", "attributes_literal.txt", self.data_dir).read_text("utf-8")
        rows = [line.split() for line in text.splitlines() if line.strip()]
        labels, runs = np.array([row[0].strip("'\"") for row in rows]), np.array([int(row[1]) for row in rows])
        data = np.asarray(maps.data, dtype=np.float64)
        blocks, ids, of_run = [], [], []
        for run in np.unique(runs):
            own = _cleaned(data[runs == run]) if self.standardise else data[runs == run]
            shown = np.full(len(own), "rest", dtype=labels.dtype)
            shown[self.shift :] = labels[runs == run][: len(own) - self.shift]
            for category in dict.fromkeys(shown[shown != "rest"].tolist()):
                blocks.append(own[shown == category].mean(axis=0))
                ids.append(category)
                of_run.append(str(run))
        return Recording(
            data=np.stack(blocks)[:, :, None],
            stimulus_ids=tuple(ids),
            channels=maps.places,
            times=(0.0,),
            subject=subject,
            dataset="haxby_slice",
            modality=self.modality,
            unit="z" if self.standardise else "a.u.",
            rois={"slice": np.ones(len(maps.places), dtype=bool)},
            runs=tuple(of_run),
            notes=(f"Responses are means of the volumes of a block, {self.shift * _SECONDS:g} s after its labels.",),
            geometry=maps.geometry,
        )


def _cleaned(volumes: np.ndarray) -> np.ndarray:
    """Return the volumes of a run without each voxel's line over time, in units of its standard deviation."""
    from scipy.signal import detrend

    straight = detrend(volumes, axis=0)
    return straight / straight.std(axis=0)

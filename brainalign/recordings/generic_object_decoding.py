"""FMRI of five people who saw, and imagined, pictures of ImageNet."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError
from brainalign.options import require
from brainalign.readers.bdpy import read_bdpy
from brainalign.readers.id_forms import imagenet_name
from brainalign.readers.pictures import pictures_of
from brainalign.readers.published_folder import published_file, published_folder
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource

_PARTS = {"training": 1, "test": 2}
_ROIS = ("V1", "V2", "V3", "V4", "LOC", "FFA", "PPA", "LVC", "HVC", "VC")


@dataclass(frozen=True)
class GenericObjectDecoding(RecordingSource):
    """Mean responses of 9-second blocks: 1,200 pictures once (training), 50 pictures 35 times (test).

    Ids are stored as numbers, which lose zeros; here they are names such as ``"n01518878_14910"``. The pictures belong
    to ImageNet and come without the data.

    Parameters
    ----------
    data_dir
        Folder that holds ``generic_object_decoding/``, unless ``folder`` is given.
    folder
        Holds ``Subject1.h5`` to ``Subject5.h5``, and the pictures in ``images/`` if networks are to be compared.
    part
        ``"test"`` or ``"training"``; imagery has no pictures.
    side
        Height and width in pixels to which pictures, cut square, are brought.

    Raises
    ------
    SpecError
        If ``part`` is another word.

    Source: Horikawa & Kamitani (2017), Nature Communications 8:15037.
    """

    title: ClassVar[str] = "Generic Object Decoding (Horikawa 2017)"
    modality: ClassVar[str] = "fMRI"
    citation: ClassVar[str] = "Horikawa & Kamitani (2017), Nature Communications 8:15037"
    rois: ClassVar[tuple[str, ...]] = _ROIS

    folder: str = ""
    part: str = "test"
    side: int = 224

    def __post_init__(self) -> None:
        require(self.part in _PARTS, "part", self.part, "'test' or 'training'")

    @property
    def subjects(self) -> tuple[str, ...]:
        """The people whose files are there, ``"Subject1"`` to ``"Subject5"``."""
        found = tuple(sorted(file.stem for file in self._root.glob("Subject*.h5")))
        if not found:
            msg = f"{str(self._root)!r} holds no Subject1.h5 to Subject5.h5; expected one or more. Fetch them."
            raise DataError(msg)
        return found

    def stimuli(self) -> Stimuli | None:
        """Return the pictures if there is a folder of them; ``None`` otherwise."""
        images = self._root / "images"
        if not images.is_dir():
            return None
        ids = self.stimulus_ids()
        return Stimuli(ids, pictures_of(images, ids, self.side), f"Generic Object Decoding, {self.part}")

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the names of the pictures of the first person, sorted: all saw the same."""
        return tuple(sorted(set(self.recording(self.subjects[0]).stimulus_ids)))

    def recording(self, subject: str) -> Recording:
        """Return the blocks of one person; a ROI that a person lacks is left out."""
        self._require_subject(subject)
        content = read_bdpy(published_file(self._root, f"{subject}.h5"))
        label = next((one for one in ("stimulus_id", "Label") if one in content.columns), "Label")
        rows = content.select("DataType")[:, 0] == _PARTS[self.part]
        if not rows.any():
            msg = (
                f"{content.name} has no rows of DataType {_PARTS[self.part]} ({self.part}); expected some. Fetch it "
                "again."
            )
            raise DataError(msg)
        voxels = content.mask("VoxelData") if "VoxelData" in content.columns else content.mask("ROI_VC")
        regions = {roi: content.mask(f"ROI_{roi}")[voxels] for roi in _ROIS if f"ROI_{roi}" in content.columns}
        runs = content.select("Run")[rows, 0] if "Run" in content.columns else None
        return Recording(
            data=content.samples[rows][:, voxels][:, :, None],
            stimulus_ids=tuple(imagenet_name(float(value)) for value in content.select(label)[rows, 0]),
            channels=tuple(f"voxel-{k}" for k in np.flatnonzero(voxels).tolist()),
            times=(0.0,),
            subject=subject,
            dataset="generic_object_decoding",
            modality=self.modality,
            unit="a.u.",
            rois={roi: mask for roi, mask in regions.items() if mask.any()},
            runs=None if runs is None else tuple(str(int(run)) for run in runs),
        )

    @cached_property
    def _root(self) -> Path:
        return published_folder("generic_object_decoding", self.folder, self.data_dir)

"""FMRI of five people who saw, and imagined, pictures of ImageNet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brainalign.errors import DataError
from brainalign.readers.bdpy import read_bdpy
from brainalign.readers.id_forms import imagenet_name
from brainalign.readers.published_folder import published_file
from brainalign.recordings.published_source import PublishedSource
from brainalign.recordings.recording import Recording

_ROIS = ("V1", "V2", "V3", "V4", "LOC", "FFA", "PPA", "LVC", "HVC", "VC")


@dataclass(frozen=True)
class GenericObjectDecoding(PublishedSource):
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
    short: ClassVar[str] = "Generic Object Decoding"
    parts: ClassVar[Mapping[str, int]] = {"test": 2, "training": 1}
    pictures: ClassVar[str] = "images"

    part: str = "test"
    side: int = 224

    @property
    def subjects(self) -> tuple[str, ...]:
        """The people whose files are there, ``"Subject1"`` to ``"Subject5"``."""
        found = sorted(file.stem for file in self._root.glob("Subject*.h5"))
        return self._there(found, "Subject1.h5 to Subject5.h5")

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the names of the pictures of the first person, sorted: all saw the same."""
        return tuple(sorted(set(self.recording(self.subjects[0]).stimulus_ids)))

    def recording(self, subject: str) -> Recording:
        """Return the blocks of one person; a ROI that a person lacks is left out."""
        self._require_subject(subject)
        content = read_bdpy(published_file(self._root, f"{subject}.h5"))
        label = next((one for one in ("stimulus_id", "Label") if one in content.columns), "Label")
        kind = self.parts[self.part]
        rows = content.select("DataType")[:, 0] == kind
        if not rows.any():
            msg = f"{content.name} has no rows of DataType {kind} ({self.part}); expected some. Fetch it again."
            raise DataError(msg)
        voxels = content.mask("VoxelData") if "VoxelData" in content.columns else content.mask("ROI_VC")
        regions = {roi: content.mask(f"ROI_{roi}")[voxels] for roi in _ROIS if f"ROI_{roi}" in content.columns}
        runs = content.select("Run")[rows, 0] if "Run" in content.columns else None
        return self._recording(
            subject,
            data=content.samples[rows][:, voxels][:, :, None],
            stimulus_ids=tuple(imagenet_name(float(value)) for value in content.select(label)[rows, 0]),
            channels=tuple(f"voxel-{k}" for k in np.flatnonzero(voxels).tolist()),
            times=(0.0,),
            unit="a.u.",
            rois={roi: mask for roi, mask in regions.items() if mask.any()},
            runs=None if runs is None else tuple(str(int(run)) for run in runs),
        )

"""FMRI of four people who saw 4,916 pictures of scenes and objects: betas of BOLD5000, release 2."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from brainalign.errors import DataError
from brainalign.readers.damage import require_data
from brainalign.readers.id_forms import file_name
from brainalign.readers.maps import load_image
from brainalign.readers.published_folder import published_file
from brainalign.recordings.published_source import PublishedSource
from brainalign.recordings.recording import Recording

_REGIONS = ("EarlyVis", "LOC", "OPA", "PPA", "RSC")
# some masks were published under other names
_ALSO: Mapping[str, tuple[str, ...]] = {"LHLOC": ("LHLO",), "RHLOC": ("RHLO",), "RHRSC": ("RHRRSC",)}


@dataclass(frozen=True)
class Bold5000(PublishedSource):
    """Single-trial betas in percent signal change, in the voxels of five regions, both sides together.

    Sessions are runs. Most pictures were shown once, some several times. Names of pictures that begin with ``rep_`` are
    repeats of the picture without it. The fourth person saw fewer pictures.

    Parameters
    ----------
    data_dir
        Folder that holds ``bold5000/``, unless ``folder`` is given.
    folder
        Holds ``CSIx_GLMbetas-TYPED-FITHRF-GLMDENOISE-RR_ses-NN.nii.gz`` and ``CSIx_imgnames.txt`` of release 2; the
        masks ``sub-CSIx/sub-CSIx_mask-*.nii.gz`` of OpenNeuro ds001499, ``derivatives/spm``; and the pictures in
        ``Presented_Stimuli/`` if networks are to be compared.
    side
        Height and width in pixels to which pictures are brought.

    Source: Chang, Pyles, Marcus, Gupta, Tarr & Aminoff (2019), Scientific Data 6:49.
    """

    title: ClassVar[str] = "BOLD5000, release 2 (Chang 2019)"
    modality: ClassVar[str] = "fMRI"
    citation: ClassVar[str] = "Chang, Pyles, Marcus, Gupta, Tarr & Aminoff (2019), Scientific Data 6:49"
    rois: ClassVar[tuple[str, ...]] = _REGIONS
    short: ClassVar[str] = "BOLD5000"
    pictures: ClassVar[str] = "Presented_Stimuli"

    side: int = 224

    @property
    def subjects(self) -> tuple[str, ...]:
        """The people whose files are there, ``"CSI1"`` to ``"CSI4"``."""
        return self._people

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the names of the pictures of all people without their suffix, sorted."""
        return tuple(sorted({one for subject in self.subjects for one in self._shown(subject)}))

    def recording(self, subject: str) -> Recording:
        """Return the trials of one person, ``(n_trials, n_voxels, 1)``."""
        self._require_subject(subject)
        masks, ids = self._masks(subject), self._shown(subject)
        kept = np.logical_or.reduce(list(masks.values()))
        parts, runs = [], []
        for session, file in self._sessions(subject):
            image = load_image(require_data(file))
            if len(image.shape) != 4 or image.shape[:3] != kept.shape:
                msg = (
                    f"{str(file)!r} is {image.shape}, masks {kept.shape}; expected (x, y, z, trial) of them. Fetch it."
                )
                raise DataError(msg)
            parts.append(np.asarray(image.dataobj, dtype=np.float32)[kept].T)
            runs += [session] * len(parts[-1])
        data = np.concatenate(parts)
        if len(data) != len(ids):
            msg = (
                f"{subject}_imgnames.txt names {len(ids)} pictures for {len(data)} betas; expected one each. Fetch all."
            )
            raise DataError(msg)
        alive = np.isfinite(data).all(axis=0)
        places = np.argwhere(kept)[alive]
        lost = int((~alive).sum())
        return self._recording(
            subject,
            data=data[:, alive][:, :, None],
            stimulus_ids=ids,
            channels=tuple("-".join(map(str, one)) for one in places.tolist()),
            times=(0.0,),
            unit="% signal change",
            rois={roi: mask[kept][alive] for roi, mask in masks.items() if mask[kept][alive].any()},
            runs=tuple(runs),
            notes=(f"{lost} voxels without a number were left out.",) if lost else (),
        )

    @cached_property
    def _people(self) -> tuple[str, ...]:
        found = sorted(one.name.split("_")[0] for one in self._root.glob("CSI*_imgnames.txt"))
        return self._there(found, "CSI1_imgnames.txt to CSI4_imgnames.txt")

    def _shown(self, subject: str) -> tuple[str, ...]:
        """Return the id of each trial; a repeat has the name of its picture."""
        lines = published_file(self._root, f"{subject}_imgnames.txt").read_text(encoding="utf-8").splitlines()
        return tuple(file_name(line).removeprefix("rep_") for line in lines if line.strip())

    def _sessions(self, subject: str) -> list[tuple[str, Path]]:
        pattern = f"{subject}_GLMbetas-TYPED-FITHRF-GLMDENOISE-RR_ses-*.nii.gz"
        files = {one.name.split("_ses-")[1][:2]: one for one in sorted(self._root.glob(pattern))}
        if list(files) != [f"{k:02d}" for k in range(1, len(files) + 1)] or not files:
            have = ", ".join(files) or "none"
            msg = f"{str(self._root)!r} holds sessions {have} of {pattern}; expected 01 on, none missing. Fetch them."
            raise DataError(msg)
        return list(files.items())

    def _masks(self, subject: str) -> dict[str, np.ndarray]:
        """Return region to voxels of both sides; a side that was not published is missing from it."""
        found = {}
        for roi in _REGIONS:
            files = [self._mask(subject, f"{side}{roi}") for side in ("LH", "RH")]
            parts = [np.asarray(load_image(file).dataobj) > 0 for file in files if file is not None]
            if not parts:
                name = f"sub-{subject}/sub-{subject}_mask-LH{roi}.nii.gz"
                msg = f"{str(self._root)!r} holds no {name}; expected the masks of {roi}. Fetch them from ds001499."
                raise DataError(msg)
            found[roi] = np.logical_or.reduce(parts)
        return found

    def _mask(self, subject: str, name: str) -> Path | None:
        for folder in (f"sub-{subject}", f"derivatives/spm/sub-{subject}"):
            for one in (name, *_ALSO.get(name, ())):
                file = self._root / folder / f"sub-{subject}_mask-{one}.nii.gz"
                if file.exists() or file.is_symlink():
                    return require_data(file)
        return None

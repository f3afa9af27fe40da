"""FMRI of eight people at 7 tesla who saw thousands of natural scenes: betas of the Natural Scenes Dataset."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError, SpecError
from brainalign.options import require
from brainalign.readers.damage import require_data
from brainalign.readers.maps import load_image
from brainalign.readers.matlab import read_matlab, variable
from brainalign.recordings.published_source import PublishedSource
from brainalign.recordings.recording import Recording

_SCALE = np.float32(1 / 300)
_BETAS = "nsddata_betas/ppdata/{person}/func1pt8mm/betas_fithrf_GLMdenoise_RR"


@dataclass(frozen=True)
class Nsd(PublishedSource):
    """Single-trial betas of one person in percent signal change, in the voxels of some regions; sessions are runs.

    Betas are stored as whole numbers, 300 times their value, with the axes of volumes reversed. People saw different
    pictures, so that each is a source of its own. Ids are ``"nsd-00013"``: numbers of pictures from 0.

    Parameters
    ----------
    data_dir
        Folder that holds ``nsd/``, unless ``folder`` is given.
    folder
        Root of the data set, with ``nsddata_betas/``, ``nsddata/experiments/nsd/nsd_expdesign.mat``,
        ``nsddata/ppdata/<person>/func1pt8mm/roi/`` and ``nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5``.
    person
        ``"subj01"`` to ``"subj08"``.
    regions
        ROI to file and labels, ``{V1 = ["prf-visualrois", 1, 2]}``.
    sessions
        How many sessions to read, from the first.
    step
        Every so manieth pixel of the pictures, which are 425 wide.

    Raises
    ------
    SpecError
        If there is no such person, or a region is not a file with labels.

    Source: Allen et al. (2022), Nature Neuroscience 25:116.
    """

    title: ClassVar[str] = "Natural Scenes Dataset (Allen 2022)"
    modality: ClassVar[str] = "fMRI"
    citation: ClassVar[str] = "Allen, St-Yves, Wu et al. (2022), Nature Neuroscience 25:116-126"
    short: ClassVar[str] = "NSD"
    people: ClassVar[tuple[str, ...]] = tuple(f"subj{k:02d}" for k in range(1, 9))

    person: str = "subj01"
    regions: Mapping[str, tuple[Any, ...]] = field(
        default_factory=lambda: {
            "V1": ("prf-visualrois", 1, 2),
            "V2": ("prf-visualrois", 3, 4),
            "V3": ("prf-visualrois", 5, 6),
            "hV4": ("prf-visualrois", 7),
        }
    )
    sessions: int = 40
    step: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        require(1 <= self.sessions <= 40, "sessions", self.sessions, "1 to 40")
        require(1 <= self.step <= 100, "step", self.step, "1 to 100")
        for roi, value in self.regions.items():
            if len(value) < 2 or not isinstance(value[0], str):
                msg = f"Region {roi!r} is {value!r}; expected a file and labels, such as ['prf-visualrois', 1, 2]."
                raise SpecError(msg)

    def __hash__(self) -> int:
        return id(self)

    @property
    def rois(self) -> tuple[str, ...]:  # type: ignore[override]
        """Regions that were asked for."""
        return tuple(self.regions)

    def stimuli(self) -> Stimuli | None:
        """Return the pictures of the sessions if their file is there; ``None`` otherwise."""
        import h5py

        path = self._root / "nsddata_stimuli" / "stimuli" / "nsd" / "nsd_stimuli.hdf5"
        if not path.exists():
            return None
        numbers = sorted(set(self._shown.tolist()))
        with h5py.File(require_data(path), "r") as file:
            bricks = file["imgBrick"]
            images = np.stack([bricks[number][:: self.step, :: self.step] for number in numbers])
        return Stimuli(tuple(f"nsd-{number:05d}" for number in numbers), images, self._shown_name)

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return ids of the pictures that were shown in the sessions, sorted."""
        return tuple(f"nsd-{number:05d}" for number in sorted(set(self._shown.tolist())))

    def recording(self, subject: str) -> Recording:
        """Return the trials of the person, ``(n_trials, n_voxels, 1)``."""
        import h5py

        self._require_subject(subject)
        masks = self._masks()
        kept = np.logical_or.reduce(list(masks.values()))
        parts, runs = [], []
        for session, file in enumerate(self._files, 1):
            with h5py.File(require_data(file), "r") as opened:
                betas = opened["betas"]
                if betas.shape[1:] != kept.shape[::-1]:
                    msg = (
                        f"{str(file)!r}: betas are {betas.shape}, masks {kept.shape}; expected (trial, z, y, x) of "
                        "them."
                    )
                    raise DataError(msg)
                if betas.dtype.kind not in "iu":
                    msg = (
                        f"{str(file)!r} holds {betas.dtype}; expected whole numbers, 300 times the betas. Fetch it "
                        "again."
                    )
                    raise DataError(msg)
                where = kept.transpose(2, 1, 0)
                own = np.stack([betas[k][where] for k in range(len(betas))]) * _SCALE
            parts.append(own)
            runs += [f"{session:02d}"] * len(own)
        order = np.argwhere(kept.transpose(2, 1, 0))[:, ::-1]
        return self._recording(
            subject,
            data=np.concatenate(parts)[:, :, None],
            stimulus_ids=tuple(f"nsd-{number:05d}" for number in self._shown.tolist()),
            channels=tuple("-".join(map(str, one)) for one in order.tolist()),
            times=(0.0,),
            unit="% signal change",
            rois={roi: mask[tuple(order.T)] for roi, mask in masks.items()},
            runs=tuple(runs),
        )

    def _masks(self) -> dict[str, np.ndarray]:
        found = {}
        folder = self._root / "nsddata" / "ppdata" / self.person / "func1pt8mm" / "roi"
        for roi, (name, *labels) in self.regions.items():
            values = np.asanyarray(load_image(require_data(folder / f"{name}.nii.gz")).dataobj)
            mask = np.isin(values, labels)
            if not mask.any():
                msg = (
                    f"{name}.nii.gz has no voxel of labels {labels} for {roi!r}; its labels are "
                    f"{np.unique(values)[:10]}."
                )
                raise DataError(msg)
            found[roi] = mask
        return found

    @cached_property
    def _files(self) -> list[Path]:
        folder = self._root / _BETAS.format(person=self.person)
        found = sorted(folder.glob("betas_session*.hdf5"))[: self.sessions]
        if [file.stem[-2:] for file in found] != [f"{k:02d}" for k in range(1, len(found) + 1)] or not found:
            msg = (
                f"{str(folder)!r} holds {len(found)} sessions; expected betas_session01.hdf5 on, none missing. Fetch "
                "them."
            )
            raise DataError(msg)
        return found

    @cached_property
    def _shown(self) -> np.ndarray:
        """Numbers of pictures from 0 of each trial of the sessions."""
        import h5py

        path = require_data(self._root / "nsddata" / "experiments" / "nsd" / "nsd_expdesign.mat")
        content, name = read_matlab(path, ("masterordering", "subjectim")), repr(str(path))
        ordering = np.ravel(variable(content, "masterordering", name)).astype(int)  # from 1
        pictures = np.asarray(variable(content, "subjectim", name)).astype(int)[int(self.person[-2:]) - 1]  # from 1
        n = 0
        for file in self._files:
            with h5py.File(file, "r") as opened:
                n += len(opened["betas"])
        return pictures[ordering[:n] - 1] - 1

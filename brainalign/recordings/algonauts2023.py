"""FMRI of eight people who saw thousands of natural scenes: the training part of the Algonauts challenge 2023."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError
from brainalign.readers.arrays import read_array
from brainalign.readers.arrays_only import read_pickled
from brainalign.readers.pictures import read_pictures
from brainalign.readers.published_folder import published_file
from brainalign.recordings.published_source import PublishedSource
from brainalign.recordings.recording import Recording

_REGIONS = {
    "V1": ("prf-visualrois", ("V1v", "V1d")),
    "V2": ("prf-visualrois", ("V2v", "V2d")),
    "V3": ("prf-visualrois", ("V3v", "V3d")),
    "hV4": ("prf-visualrois", ("hV4",)),
    "EBA": ("floc-bodies", ("EBA",)),
    "FFA": ("floc-faces", ("FFA-1", "FFA-2")),
    "PPA": ("floc-places", ("PPA",)),
}


@dataclass(frozen=True)
class Algonauts2023(PublishedSource):
    """Responses of cortical vertices of one person, standardised in sessions, repeats averaged: one trial a picture.

    People saw different pictures of the Natural Scenes Dataset, so that each is a source of its own.

    Parameters
    ----------
    data_dir
        Folder that holds ``algonauts2023/``, unless ``folder`` is given.
    folder
        Holds ``subj01/`` to ``subj08/`` with ``training_split/`` and ``roi_masks/``.
    person
        ``"subj01"`` to ``"subj08"``.
    side
        Height and width in pixels to which pictures are brought.

    Raises
    ------
    SpecError
        If there is no such person.

    Source: Gifford et al. (2023), arXiv:2301.03198; Allen et al. (2022), Nature Neuroscience 25:116.
    """

    title: ClassVar[str] = "Algonauts 2023: natural scenes (NSD)"
    modality: ClassVar[str] = "fMRI"
    citation: ClassVar[str] = (
        "Gifford et al. (2023), arXiv:2301.03198; Allen et al. (2022), Nature Neuroscience 25:116-126"
    )
    rois: ClassVar[tuple[str, ...]] = (*_REGIONS, "challenge")
    short: ClassVar[str] = "Algonauts 2023"
    people: ClassVar[tuple[str, ...]] = tuple(f"subj{k:02d}" for k in range(1, 9))

    person: str = "subj01"
    side: int = 224

    def stimuli(self) -> Stimuli:
        """Return the training pictures of the person."""
        return Stimuli(self.stimulus_ids(), read_pictures(self._files, self.side), self._shown_name)

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return ``"nsd-00013"`` and so on: numbers of the Natural Scenes Dataset, from 0."""
        return tuple(f"nsd-{_number(file, 'nsd'):05d}" for file in self._files)

    def recording(self, subject: str) -> Recording:
        """Return one trial for each picture, ``(n_pictures, n_vertices, 1)``."""
        self._require_subject(subject)
        folder = self._root / "training_split" / "training_fmri"
        sides = {side: read_array(published_file(folder, f"{side}_training_fmri.npy")) for side in ("lh", "rh")}
        n = len(self._files)
        for side, data in sides.items():
            if data.ndim != 2 or len(data) != n:
                msg = f"{side}_training_fmri.npy has shape {data.shape} for {n} pictures; expected ({n}, vertices)."
                raise DataError(msg)
        sizes = {side: data.shape[1] for side, data in sides.items()}
        channels = tuple(f"{side}-{k}" for side, size in sizes.items() for k in range(size))
        return self._recording(
            subject,
            data=np.concatenate([np.asarray(data) for data in sides.values()], axis=1)[:, :, None],
            stimulus_ids=self.stimulus_ids(),
            channels=channels,
            times=(0.0,),
            unit="z",
            rois=self._regions(sizes),
        )

    def _regions(self, sizes: dict[str, int]) -> dict[str, np.ndarray]:
        found = {"challenge": np.ones(sum(sizes.values()), dtype=bool)}
        for roi, (kind, names) in _REGIONS.items():
            mapping = read_pickled(published_file(self._root / "roi_masks", f"mapping_{kind}.npy"))
            wanted = [number for number, name in mapping.items() if name in names]
            parts = []
            for side, size in sizes.items():
                mask = read_array(published_file(self._root / "roi_masks", f"{side}.{kind}_challenge_space.npy"))
                if len(mask) != size:
                    msg = (
                        f"{side}.{kind}_challenge_space.npy has {len(mask)} vertices, the data {size}; expected the "
                        "same."
                    )
                    raise DataError(msg)
                parts.append(np.isin(mask, wanted))
            whole = np.concatenate(parts)
            if whole.any():
                found[roi] = whole
        return found

    @cached_property
    def _root(self) -> Path:
        return super()._root / self.person

    @cached_property
    def _files(self) -> list[Path]:
        """Pictures in the order of the rows of the data: by their training number."""
        folder = self._root / "training_split" / "training_images"
        found = sorted(folder.glob("train-*_nsd-*.png"), key=lambda file: _number(file, "train"))
        numbers = [_number(file, "train") for file in found]
        if not found or numbers != list(range(1, len(found) + 1)):
            msg = (
                f"{str(folder)!r} holds {len(found)} pictures train-NNNN_nsd-NNNNN.png; expected 1 to n, none missing."
            )
            raise DataError(msg)
        return found


def _number(file: Path, word: str) -> int:
    found = re.search(rf"{word}-(\d+)", file.name)
    assert found is not None
    return int(found[1])

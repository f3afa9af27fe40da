"""FMRI of three people who saw 8,740 pictures of objects: single-trial responses of THINGS-fMRI in table form."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import pandas as pd

from brainalign.errors import DataError
from brainalign.readers.events import read_table
from brainalign.readers.id_forms import file_name
from brainalign.readers.pandas_frame import read_frame
from brainalign.readers.published_folder import published_file
from brainalign.recordings.recording import Recording
from brainalign.recordings.things_source import ThingsSource

_REGIONS: Mapping[str, tuple[str, ...]] = {
    **{one: (one,) for one in ("V1", "V2", "V3", "hV4")},
    **{one: (f"l{one}", f"r{one}") for one in ("LOC", "EBA", "FFA", "OFA", "PPA", "RSC", "TOS", "STS")},
    "IT": ("IT",),
}


@dataclass(frozen=True)
class ThingsFmri(ThingsSource):
    """Single-trial responses in the voxels of 13 regions, both sides together; a run of a session is a run.

    Rows of the responses are voxels, columns trials; both are joined by their numbers. Ids are names of files of
    THINGS, which THINGS-EEG1, THINGS-EEG2 and THINGS-MEG share. Catch trials are not in these tables.

    Parameters
    ----------
    data_dir
        Folder that holds ``things_fmri/``, unless ``folder`` is given.
    folder
        Holds ``betas_csv/`` with ``sub-0X_ResponseData.h5``, ``sub-0X_StimulusMetadata.csv``,
        ``sub-0X_VoxelMetadata.csv``; and the pictures of THINGS in ``object_images/`` if networks are to be compared.
    part
        ``"test"`` (100 pictures, 12 repeats) or ``"training"`` (8,640 pictures, once).
    side
        Height and width in pixels to which pictures are brought.

    Raises
    ------
    SpecError
        If ``part`` is another word.

    Source: Hebart et al. (2023), eLife 12:e82580.
    """

    title: ClassVar[str] = "THINGS-fMRI (Hebart 2023)"
    modality: ClassVar[str] = "fMRI"
    citation: ClassVar[str] = "Hebart, Contier, Teichmann et al. (2023), THINGS-data, eLife 12:e82580"
    rois: ClassVar[tuple[str, ...]] = tuple(_REGIONS)
    short: ClassVar[str] = "THINGS-fMRI"
    parts: ClassVar[Mapping[str, str]] = {"test": "test", "training": "train"}

    @property
    def subjects(self) -> tuple[str, ...]:
        """The people whose files are there, ``"sub-01"`` to ``"sub-03"``."""
        return self._people

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the names of the pictures of the first person, sorted: all saw the same."""
        return tuple(sorted(set(self._trials(self.subjects[0]).id)))

    def recording(self, subject: str) -> Recording:
        """Return the trials of one person, ``(n_trials, n_voxels, 1)``."""
        self._require_subject(subject)
        trials, voxels = self._trials(subject), self._table(subject, "VoxelMetadata")
        self._require_columns(subject, "VoxelMetadata", voxels, ("voxel_id", "voxel_x", "voxel_y", "voxel_z"))
        masks = {
            roi: voxels[[one for one in names if one in voxels]].astype(float).eq(1).any(axis=1).to_numpy()
            for roi, names in _REGIONS.items()
        }
        kept = np.logical_or.reduce(list(masks.values()))
        frame = read_frame(published_file(self._root, f"betas_csv/{subject}_ResponseData.h5"))
        numbers = frame.numbers(["voxel_id"])[:, 0].astype(int)
        place = {number: row for row, number in enumerate(voxels["voxel_id"].astype(float).astype(int))}
        unknown = [one for one in numbers.tolist() if one not in place]
        if unknown or len(numbers) != len(place):
            msg = (
                f"{subject}: {len(numbers)} voxels of ResponseData.h5 and {len(place)} of VoxelMetadata.csv differ; "
                "expected the same numbers. Fetch both again."
            )
            raise DataError(msg)
        order = np.array([place[one] for one in numbers.tolist()])  # row of the metadata of each row of responses
        rows = kept[order]
        data = frame.numbers(trials.trial_id.tolist(), rows).T
        where = voxels.iloc[order[rows]]
        return self._recording(
            subject,
            data=data[:, :, None],
            stimulus_ids=tuple(trials.id),
            channels=tuple(
                "-".join(str(int(float(value))) for value in one)
                for one in where[["voxel_x", "voxel_y", "voxel_z"]].itertuples(index=False)
            ),
            times=(0.0,),
            unit="beta",
            rois={roi: mask[order][rows] for roi, mask in masks.items() if mask.any()},
            runs=tuple(trials.session + "/" + trials.run),
        )

    @cached_property
    def _people(self) -> tuple[str, ...]:
        found = sorted(one.name.split("_")[0] for one in self._root.glob("betas_csv/sub-*_ResponseData.h5"))
        return self._there(found, "betas_csv/sub-0X_ResponseData.h5")

    def _trials(self, subject: str) -> pd.DataFrame:
        """Return the trials of the part: number of the column, session, run, id."""
        table = self._table(subject, "StimulusMetadata")
        self._require_columns(
            subject, "StimulusMetadata", table, ("trial_type", "session", "run", "trial_id", "stimulus")
        )
        table = table[table["trial_type"] == self.parts[self.part]]
        if table.empty:
            msg = f"{subject}_StimulusMetadata.csv has no trial of type {self.parts[self.part]!r}. Fetch it again."
            raise DataError(msg)
        return table.assign(id=[file_name(one) for one in table["stimulus"]])

    def _table(self, subject: str, kind: str) -> pd.DataFrame:
        return read_table(published_file(self._root, f"betas_csv/{subject}_{kind}.csv"))

    def _require_columns(self, subject: str, kind: str, table: pd.DataFrame, columns: tuple[str, ...]) -> None:
        missing = [one for one in columns if one not in table]
        if missing:
            have = ", ".join(map(str, table.columns[:12]))
            msg = f"{subject}_{kind}.csv has no column {missing[0]!r}; its columns are {have}. Fetch it again."
            raise DataError(msg)

"""MEG of four people who saw 22,448 pictures of objects: the epochs of THINGS-MEG as its authors published them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from brainalign.errors import DataError
from brainalign.readers.epochs import of_epochs
from brainalign.readers.events import read_table
from brainalign.readers.id_forms import file_name
from brainalign.readers.meeg_file import read_meeg
from brainalign.readers.published_folder import published_file
from brainalign.recordings.recording import Recording
from brainalign.recordings.things_source import ThingsSource


@dataclass(frozen=True)
class ThingsMeg(ThingsSource):
    """Epochs of 271 channels, 200 samples a second, -0.1 to 1.3 s, in units of the baseline (not tesla).

    Ids are names of files of THINGS. Catch trials are left out.

    Parameters
    ----------
    data_dir
        Folder that holds ``things_meg/``, unless ``folder`` is given.
    folder
        Root of OpenNeuro ds004212: ``derivatives/preprocessed/preprocessed_PX-epo.fif``,
        ``sourcedata/sample_attributes_PX.csv``; and the pictures of THINGS in ``object_images/`` if networks are to be
        compared.
    part
        ``"test"`` (200 pictures, 12 repeats) or ``"training"`` (22,248 pictures, once).
    side
        Height and width in pixels to which pictures are brought.

    Raises
    ------
    SpecError
        If ``part`` is another word.

    Source: Hebart et al. (2023), eLife 12:e82580.
    """

    title: ClassVar[str] = "THINGS-MEG (Hebart 2023)"
    modality: ClassVar[str] = "MEG"
    citation: ClassVar[str] = "Hebart, Contier, Teichmann et al. (2023), THINGS-data, eLife 12:e82580"
    rois: ClassVar[tuple[str, ...]] = ("mag",)
    short: ClassVar[str] = "THINGS-MEG"
    parts: ClassVar[Mapping[str, str]] = {"test": "test", "training": "exp"}

    @property
    def subjects(self) -> tuple[str, ...]:
        """The people whose files are there, ``"P1"`` to ``"P4"``."""
        found = tuple(one for one in ("P1", "P2", "P3", "P4") if self._epochs(one).exists())
        if not found:
            msg = f"{str(self._epochs('P1'))!r} to P4 do not exist; expected one or more. Fetch them."
            raise DataError(msg)
        return found

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the names of the pictures without folders and suffix, sorted: all people saw the same."""
        ids, kept, _ = self._table(self.subjects[0])
        return tuple(sorted(set(ids[kept].tolist())))

    def recording(self, subject: str) -> Recording:
        """Return the trials of one person."""
        self._require_subject(subject)
        epochs, _ = read_meeg(self._epochs(subject))
        ids, kept, runs = self._table(subject)
        if len(ids) != len(epochs):
            msg = f"sample_attributes_{subject}.csv has {len(ids)} rows for {len(epochs)} epochs; expected one each."
            raise DataError(msg)
        trials = of_epochs(epochs[np.flatnonzero(kept)], ids[kept].tolist(), unit="z", kinds=("mag", "grad"),
                           runs=None if runs is None else runs[kept].tolist())  # fmt: skip
        rois = {"mag": np.ones(len(trials.channels), dtype=bool)}
        return self._recording(subject, **{**trials.fields(), "rois": rois})

    def _epochs(self, subject: str) -> Path:
        return self._root / "derivatives" / "preprocessed" / f"preprocessed_{subject}-epo.fif"

    def _table(self, subject: str) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return ids, which trials are of the part, and sessions with runs."""
        file = published_file(
            self._root, f"sourcedata/sample_attributes_{subject}.csv", f"sample_attributes_{subject}.csv"
        )
        table = read_table(file)
        missing = [one for one in ("image_path", "trial_type") if one not in table]
        if missing:
            msg = f"{str(file)!r} has no column {missing[0]!r}; it has {', '.join(map(str, table.columns))}. Fetch it."
            raise DataError(msg)
        kind = self.parts[self.part]
        kept = (table["trial_type"] == kind).to_numpy()
        if not kept.any():
            have = ", ".join(sorted(set(table["trial_type"])))
            msg = f"{str(file)!r}: no trial of type {kind!r}; the types are {have}. Fetch it again."
            raise DataError(msg)
        runs = None
        if {"session_nr", "run_nr"} <= set(table):
            runs = (table["session_nr"] + "/" + table["run_nr"]).to_numpy()
        return np.array([file_name(one) for one in table["image_path"]]), kept, runs

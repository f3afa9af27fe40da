"""FMRI of a BIDS folder of one's own, raw or as fMRIPrep left it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import SpecError
from brainalign.options import made_of
from brainalign.readers.bids_fmri import FmriLayout, events_of, fmri_subjects, read_bids_fmri
from brainalign.readers.first_level import FirstLevel
from brainalign.readers.pictures import pictures_of
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource


@dataclass(frozen=True, eq=False)
class BidsFmri(RecordingSource):
    """Responses to the stimuli of a BIDS folder, estimated run by run with a general linear model of nilearn.

    Parameters
    ----------
    root
        Folder of the data set.
    ids
        Column of ``events.tsv`` that says which stimulus was shown.
    layout
        Further fields of :class:`brainalign.readers.bids_fmri.FmriLayout`: where the runs are, masks, atlas, confounds.
    model
        Fields of :class:`brainalign.readers.first_level.FirstLevel`.
    regions
        ROIs that the atlas or masks of ``layout`` name; ``"brain"`` is all that was kept.
    pictures
        Folder of the pictures, from ``root``, in files named by ids; without it, networks cannot be compared.
    side
        Height and width in pixels to which square pictures are brought; 0: as they are, all of one size.
    people
        Labels of subjects; all unless given.

    Raises
    ------
    SpecError
        If ``root`` or ``ids`` is missing, or an option of ``layout`` or ``model`` is unknown.
    """

    title: ClassVar[str] = "fMRI of a BIDS folder"
    modality: ClassVar[str] = "fMRI"
    citation: ClassVar[str] = "a BIDS data set of one's own; models of runs with nilearn (RRID:SCR_001362)"

    root: str = ""
    ids: str = ""
    layout: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)
    regions: tuple[str, ...] = ("brain",)
    pictures: str = ""
    side: int = 0
    people: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Name in tables: that of the folder."""
        return f"bids_fmri {Path(self.root).name}" if self.root else "bids_fmri"

    @property
    def rois(self) -> tuple[str, ...]:  # type: ignore[override]
        """Regions that were asked for."""
        return self.regions

    @property
    def subjects(self) -> tuple[str, ...]:
        """Labels of people with fMRI."""
        return self.people or fmri_subjects(self._root())

    def stimuli(self) -> Stimuli | None:
        """Return the pictures of all stimuli that events name; ``None`` without a folder of pictures."""
        if not self.pictures:
            return None
        ids = self.stimulus_ids()
        images = pictures_of(Path(self._root()) / self.pictures, ids, self.side or None)
        return Stimuli(ids, images, f"Pictures of {self.label}")

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the ids that events name, sorted."""
        return self._ids

    @cached_property
    def _ids(self) -> tuple[str, ...]:
        root, layout = self._root(), self._layout()
        return tuple(sorted({one for subject in self.subjects for one in events_of(root, subject, layout)}))

    def recording(self, subject: str) -> Recording:
        """Return the estimates of one person; each is read once as long as no other is asked for."""
        self._require_subject(subject)
        if self._last.get("subject") != subject:
            model = made_of(FirstLevel, self.model, "Option model of bids_fmri")
            trials = read_bids_fmri(self._root(), subject, self._layout(), model)
            rois = {"brain": np.ones(len(trials.channels), dtype=bool), **trials.rois}
            one = Recording(subject=subject, dataset=Path(self.root).name, **{**trials.fields(), "rois": rois})
            self._last.update(subject=subject, recording=one)
        return self._last["recording"]

    @cached_property
    def _last(self) -> dict[str, Any]:
        return {}

    def _layout(self) -> FmriLayout:
        return made_of(FmriLayout, {"ids": self.ids, **self.layout}, "Option layout of bids_fmri")

    def _root(self) -> str:
        missing = [name for name in ("root", "ids") if not getattr(self, name)]
        if missing:
            msg = f"bids_fmri needs {', '.join(missing)}; expected options such as root = 'my_bids', ids = 'stim_file'."
            raise SpecError(msg)
        return self.root

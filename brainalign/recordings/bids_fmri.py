"""FMRI of a BIDS folder of one's own, raw or as fMRIPrep left it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from brainalign.options import made_of
from brainalign.readers.bids_fmri import FmriLayout, events_of, fmri_subjects, read_bids_fmri
from brainalign.readers.first_level import FirstLevel
from brainalign.recordings.bids_source import BidsSource
from brainalign.recordings.recording import Recording


@dataclass(frozen=True, eq=False)
class BidsFmri(BidsSource):
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
    needed: ClassVar[tuple[str, ...]] = ("root", "ids")
    example: ClassVar[str] = "root = 'my_bids', ids = 'stim_file'"

    layout: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)
    regions: tuple[str, ...] = ("brain",)

    @property
    def rois(self) -> tuple[str, ...]:  # type: ignore[override]
        """Regions that were asked for."""
        return self.regions

    def _people(self) -> tuple[str, ...]:
        return fmri_subjects(self._root())

    def _named(self, subject: str) -> tuple[str, ...]:
        return events_of(self._root(), subject, self._layout())

    def _read(self, subject: str) -> Recording:
        model = made_of(FirstLevel, self.model, "Option model of bids_fmri")
        trials = read_bids_fmri(self._root(), subject, self._layout(), model)
        rois = {"brain": np.ones(len(trials.channels), dtype=bool), **trials.rois}
        return Recording(subject=subject, dataset=Path(self.root).name, **{**trials.fields(), "rois": rois})

    def _layout(self) -> FmriLayout:
        return made_of(FmriLayout, {"ids": self.ids, **self.layout}, "Option layout of bids_fmri")

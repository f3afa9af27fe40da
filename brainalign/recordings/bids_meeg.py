"""EEG or MEG of a BIDS folder of one's own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from brainalign.options import made_of
from brainalign.readers.bids_meeg import MeegEvents, events_of, meeg_subjects, read_bids_meeg
from brainalign.readers.preprocess import Preprocess
from brainalign.recordings.bids_source import BidsSource
from brainalign.recordings.recording import Recording
from brainalign.recordings.sensor_groups import with_sensor_groups


@dataclass(frozen=True, eq=False)
class BidsMeeg(BidsSource):
    """Epochs around the stimuli of a BIDS folder, read with mne-bids.

    Parameters
    ----------
    root
        Folder of the data set.
    ids
        Column of ``events.tsv`` that says which stimulus was shown.
    preprocess
        Fields of :class:`brainalign.readers.preprocess.Preprocess`, ``tmin`` and ``tmax`` among them.
    pictures
        Folder of the pictures, from ``root``, in files named by ids; without it, networks cannot be compared.
    side
        Height and width in pixels to which square pictures are brought; 0: as they are, all of one size.
    task, sessions, people
        Which recordings; all unless given. ``people`` are labels of subjects.
    where, id_form, onset, onset_unit, ids_file
        Of the events, see :class:`brainalign.readers.bids_meeg.MeegEvents`.
    kinds
        Channel types, each a ROI: ``"eeg"``, or ``"mag"`` and ``"grad"``.
    groups
        Further ROIs: name to patterns of channel names, such as ``{posterior = ["O*", "PO*"]}``.

    Raises
    ------
    SpecError
        If ``root`` or ``ids`` is missing.
    """

    title: ClassVar[str] = "EEG or MEG of a BIDS folder"
    modality: ClassVar[str] = "EEG, MEG"
    citation: ClassVar[str] = "a BIDS data set of one's own; read with mne-bids (Appelhoff et al. 2019, JOSS 4:1896)"
    needed: ClassVar[tuple[str, ...]] = ("root", "ids", "preprocess")
    example: ClassVar[str] = "root = 'my_bids', ids = 'stim_file', preprocess = {tmin = -0.1, tmax = 0.8}"

    preprocess: Mapping[str, Any] = field(default_factory=dict)
    task: str = ""
    sessions: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)
    id_form: str = "text"
    onset: str = "onset"
    onset_unit: str = "s"
    ids_file: str = ""
    kinds: tuple[str, ...] = ("eeg",)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def rois(self) -> tuple[str, ...]:  # type: ignore[override]
        """Channel types and groups of sensors."""
        return (*self.kinds, *self.groups)

    def _people(self) -> tuple[str, ...]:
        return meeg_subjects(self._root())

    def _named(self, subject: str) -> tuple[str, ...]:
        return events_of(self._root(), subject, self._events(), task=self.task or None, sessions=self.sessions)

    def _read(self, subject: str) -> Recording:
        preprocess = made_of(Preprocess, self.preprocess, "Option preprocess of bids_meeg")
        trials = read_bids_meeg(
            self._root(), subject, self._events(), preprocess, task=self.task or None, sessions=self.sessions,
            kinds=self.kinds,
        )  # fmt: skip
        one = Recording.of(trials, subject, Path(self.root).name)
        return with_sensor_groups(one, self.groups) if self.groups else one

    def _events(self) -> MeegEvents:
        where = dict(self.where) or None
        return MeegEvents(
            ids=self.ids,
            where=where,
            id_form=self.id_form,
            onset=self.onset,
            onset_unit=self.onset_unit,
            file=self.ids_file,
        )

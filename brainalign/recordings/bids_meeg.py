"""EEG or MEG of a BIDS folder of one's own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import SpecError
from brainalign.options import made_of
from brainalign.readers.bids_meeg import MeegEvents, events_of, meeg_subjects, read_bids_meeg
from brainalign.readers.pictures import pictures_of
from brainalign.readers.preprocess import Preprocess
from brainalign.recordings.recording import Recording
from brainalign.recordings.sensor_groups import with_sensor_groups
from brainalign.recordings.source import RecordingSource


@dataclass(frozen=True, eq=False)
class BidsMeeg(RecordingSource):
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

    root: str = ""
    ids: str = ""
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    pictures: str = ""
    side: int = 0
    task: str = ""
    sessions: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)
    id_form: str = "text"
    onset: str = "onset"
    onset_unit: str = "s"
    ids_file: str = ""
    kinds: tuple[str, ...] = ("eeg",)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Name in tables: that of the folder."""
        return f"bids_meeg {Path(self.root).name}" if self.root else "bids_meeg"

    @property
    def rois(self) -> tuple[str, ...]:  # type: ignore[override]
        """Channel types and groups of sensors."""
        return (*self.kinds, *self.groups)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Labels of people with EEG or MEG."""
        return self.people or meeg_subjects(self._root())

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
        found = {
            one
            for subject in self.subjects
            for one in events_of(self._root(), subject, self._events(), task=self.task or None, sessions=self.sessions)
        }
        return tuple(sorted(found))

    def recording(self, subject: str) -> Recording:
        """Return the trials of one person; each is read once as long as no other is asked for."""
        self._require_subject(subject)
        if self._last.get("subject") != subject:
            trials = read_bids_meeg(
                self._root(),
                subject,
                self._events(),
                made_of(Preprocess, self.preprocess, "Option preprocess of bids_meeg"),
                task=self.task or None,
                sessions=self.sessions,
                kinds=self.kinds,
            )
            one = Recording.of(trials, subject, Path(self.root).name)
            self._last.update(subject=subject, recording=with_sensor_groups(one, self.groups) if self.groups else one)
        return self._last["recording"]

    @cached_property
    def _last(self) -> dict[str, Any]:
        return {}

    def _events(self) -> MeegEvents:
        where = dict(self.where) or None
        return MeegEvents(self.ids, where, self.id_form, self.onset, self.onset_unit, self.ids_file)

    def _root(self) -> str:
        missing = [name for name in ("root", "ids", "preprocess") if not getattr(self, name)]
        if missing:
            msg = f"bids_meeg needs {', '.join(missing)}; expected options such as {_EXAMPLE}."
            raise SpecError(msg)
        return self.root


_EXAMPLE = "root = 'my_bids', ids = 'stim_file', preprocess = {tmin = -0.1, tmax = 0.8}"

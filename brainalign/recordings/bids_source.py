"""What recordings of a BIDS folder of one's own have in common, EEG, MEG or fMRI."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from brainalign.datasets.stimuli import Stimuli
from brainalign.discovery import snake_case
from brainalign.errors import SpecError
from brainalign.readers.pictures import pictures_of
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource


@dataclass(frozen=True, eq=False)
class BidsSource(RecordingSource):
    """A BIDS folder whose ``events.tsv`` names stimuli, with pictures in files named by ids, if there are.

    A class says which options it needs, and reads the folder.

    Parameters
    ----------
    root
        Folder of the data set.
    ids
        Column of ``events.tsv`` that says which stimulus was shown.
    pictures
        Folder of the pictures, from ``root``, in files named by ids; without it, networks cannot be compared.
    side
        Height and width in pixels to which square pictures are brought; 0: as they are, all of one size.
    people
        Labels of subjects; all unless given.

    Raises
    ------
    SpecError
        If an option that is needed is missing.
    """

    needed: ClassVar[tuple[str, ...]]
    example: ClassVar[str]

    root: str = ""
    ids: str = ""
    pictures: str = ""
    side: int = 0
    people: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Name in tables: that of the folder."""
        return f"{self._kind} {Path(self.root).name}" if self.root else self._kind

    @property
    def subjects(self) -> tuple[str, ...]:
        """Labels of people that have recordings."""
        return tuple(self.people) or self._people()

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

    def recording(self, subject: str) -> Recording:
        """Return the trials of one person; each is read once as long as no other is asked for."""
        self._require_subject(subject)
        if self._last.get("subject") != subject:
            self._last.update(subject=subject, recording=self._read(subject))
        return self._last["recording"]

    # -- what a class says --------------------------------------------------------------------------------------------

    @abstractmethod
    def _people(self) -> tuple[str, ...]:
        """Return the labels of all people of the folder."""

    @abstractmethod
    def _named(self, subject: str) -> Iterable[str]:
        """Return the ids that the events of one person name."""

    @abstractmethod
    def _read(self, subject: str) -> Recording:
        """Return the trials of one person."""

    # -- what follows -------------------------------------------------------------------------------------------------

    @cached_property
    def _ids(self) -> tuple[str, ...]:
        return tuple(sorted({one for subject in self.subjects for one in self._named(subject)}))

    @cached_property
    def _last(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _kind(self) -> str:
        """Name of the kind of folder, also where a class of one's own is derived from the package's."""
        own = (one for one in type(self).__mro__ if one.__module__.startswith("brainalign.recordings."))
        return snake_case(next(own, type(self)).__name__)

    def _root(self) -> str:
        missing = [name for name in self.needed if not getattr(self, name)]
        if missing:
            msg = f"{self._kind} needs {', '.join(missing)}; expected options such as {self.example}."
            raise SpecError(msg)
        return self.root

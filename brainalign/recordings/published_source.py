"""Recordings that users fetch themselves: a folder in the published layout, and what such sources have in common."""

from abc import abstractmethod
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from brainalign.datasets.stimuli import Stimuli
from brainalign.discovery import snake_case
from brainalign.errors import DataError
from brainalign.options import require
from brainalign.readers.pictures import pictures_of
from brainalign.readers.published_folder import published_folder
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource


@dataclass(frozen=True)
class PublishedSource(RecordingSource):
    """A published set in a folder of its own.

    A class says in its body what its options may be: ``parts`` of an option ``part``, ``people`` of an option
    ``person`` (a source of one person), ``part_in_label`` where trials of parts are not to be mixed, and ``pictures``,
    the folder of pictures named by ids, brought to ``side`` pixels. It reads its layout in ``subjects``,
    :meth:`stimulus_ids`, and ``recording`` or ``published_rdms``.

    Parameters
    ----------
    data_dir
        Folder that holds ``<name>/``, unless ``folder`` is given.
    folder
        The folder of the set.

    Raises
    ------
    SpecError
        If ``part`` or ``person`` is not one of those that there are.
    """

    short: ClassVar[str] = ""
    parts: ClassVar[Collection[str]] = ()
    people: ClassVar[tuple[str, ...]] = ()
    part_in_label: ClassVar[bool] = False
    pictures: ClassVar[str] = ""

    folder: str = ""

    def __post_init__(self) -> None:
        if self.parts:
            require(self._part in self.parts, "part", self._part, " or ".join(map(repr, self.parts)))
        if self.people:
            require(self._person in self.people, "person", self._person, f"one of {', '.join(self.people)}")

    @property
    def label(self) -> str:
        """Name in tables, with the person where a source is of one, and the part where parts are other recordings."""
        own = (super().label, self._person, self._part if self.part_in_label else "")
        return " ".join(one for one in own if one)

    @property
    def subjects(self) -> tuple[str, ...]:
        """The one person, where a source is of one."""
        return (self._person,) if self._person else super().subjects

    def stimuli(self) -> Stimuli | None:
        """Return the pictures if there is a folder of them; ``None`` otherwise."""
        if not self.pictures or not (self._root / self.pictures).is_dir():
            return None
        ids = self.stimulus_ids()
        return Stimuli(ids, pictures_of(self._root / self.pictures, ids, getattr(self, "side", None)), self._shown_name)

    @abstractmethod
    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the ids of what was shown, read from the files that name it."""

    # -- pieces of layouts --------------------------------------------------------------------------------------------

    @property
    def _part(self) -> str:
        return str(getattr(self, "part", ""))

    @property
    def _person(self) -> str:
        return str(getattr(self, "person", ""))

    @property
    def _shown_name(self) -> str:
        """Name of what was shown, for messages."""
        return ", ".join(one for one in (self.short or self.title, self._part, self._person) if one)

    @cached_property
    def _root(self) -> Path:
        return published_folder(self._name, self.folder, self.data_dir)

    @cached_property
    def _name(self) -> str:
        """Name of the set, also where a class of one's own is derived from the package's."""
        own = (one for one in type(self).__mro__ if one.__module__.startswith("brainalign.recordings."))
        return snake_case(next(own, type(self)).__name__)

    def _there(self, found: Iterable[str], what: str, expected: str = "one or more") -> tuple[str, ...]:
        """Return the people whose files were found; none raises :class:`DataError`."""
        people = tuple(found)
        if not people:
            msg = f"{str(self._root)!r} holds no {what}; expected {expected}. Fetch them."
            raise DataError(msg)
        return people

    def _recording(self, subject: str, **fields: Any) -> Recording:
        """Return trials under the names of this set."""
        return Recording(**{"subject": subject, "dataset": self._name, "modality": self.modality, **fields})

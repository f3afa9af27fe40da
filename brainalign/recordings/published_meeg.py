"""Published EEG in the layout of BIDS: continuous recordings that are cut into epochs when they are read."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from brainalign.options import made_of
from brainalign.readers.bids_meeg import MeegEvents, events_of, meeg_subjects, read_bids_meeg
from brainalign.readers.preprocess import Preprocess
from brainalign.recordings.published_source import PublishedSource
from brainalign.recordings.recording import Recording


@dataclass(frozen=True, eq=False)
class PublishedMeeg(PublishedSource):
    """A published BIDS folder of EEG.

    A class says the ``task``, how the authors cut ``epochs``, and which events are stimuli (:meth:`_events`).

    Parameters
    ----------
    data_dir
        Folder that holds ``<name>/``, unless ``folder`` is given.
    folder
        Root of the data set.
    preprocess
        Fields of :class:`brainalign.readers.preprocess.Preprocess` that differ from those of the authors.
    side
        Height and width in pixels to which pictures are brought.
    """

    rois: ClassVar[tuple[str, ...]] = ("eeg",)
    modality: ClassVar[str] = "EEG"
    task: ClassVar[str]
    epochs: ClassVar[Mapping[str, Any]]

    preprocess: Mapping[str, Any] = field(default_factory=dict)
    side: int = 224

    @property
    def subjects(self) -> tuple[str, ...]:
        """Labels of the people of whom there are recordings, ``"01"`` and so on."""
        return self._people

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the ids that the events of all people name, sorted."""
        return self._ids

    def recording(self, subject: str) -> Recording:
        """Return the trials of one person in volt."""
        self._require_subject(subject)
        how = made_of(Preprocess, {**self.epochs, **self.preprocess}, f"Option preprocess of {self._name}")
        trials = read_bids_meeg(
            self._root, subject, self._events(subject), how, task=self.task, files=self._files, kinds=("eeg",)
        )
        ids = tuple(self._id(one) for one in trials.stimulus_ids)
        return self._recording(subject, **{**trials.fields(), "stimulus_ids": ids, "rois": _all(trials.channels)})

    @abstractmethod
    def _events(self, subject: str) -> MeegEvents:
        """Return which rows of the events of one person are stimuli."""

    @property
    def _files(self) -> tuple[str, ...] | None:
        """Labels of the runs that are read; all unless a class says which."""
        return None

    def _id(self, value: str) -> str:
        """Return the id of a stimulus from what the events say."""
        return value

    @cached_property
    def _people(self) -> tuple[str, ...]:
        return meeg_subjects(self._root)

    @cached_property
    def _ids(self) -> tuple[str, ...]:
        found: set[str] = set()
        for subject in self.subjects:
            found |= {*events_of(self._root, subject, self._events(subject), task=self.task, files=self._files)}
        return tuple(sorted(map(self._id, found)))


def _all(channels: tuple[str, ...]) -> dict[str, np.ndarray]:
    return {"eeg": np.ones(len(channels), dtype=bool)}

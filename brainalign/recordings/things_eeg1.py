"""EEG of fifty people who saw 22,248 pictures of objects in fast sequences: THINGS-EEG1."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from brainalign.readers.bids_meeg import MeegEvents
from brainalign.readers.events import read_table
from brainalign.readers.published_folder import published_file
from brainalign.recordings.published_meeg import PublishedMeeg

_KIND = "isteststim"


@dataclass(frozen=True, eq=False)
class ThingsEeg1(PublishedMeeg):
    """Epochs of 63 channels (128 in the last two people), ten pictures a second; each sequence is a run.

    Onsets in the events are samples, not seconds. Tables of people differ in columns: one has no test trials, one
    neither these nor the second half. People without trials of the part are left out. Ids are names of files of THINGS.

    Parameters
    ----------
    data_dir
        Folder that holds ``things_eeg1/``, unless ``folder`` is given.
    folder
        Root of OpenNeuro ds003825, and the pictures of THINGS in ``object_images/`` if networks are to be compared.
    preprocess
        Fields of :class:`brainalign.readers.preprocess.Preprocess` that differ from those of the authors: 0.1 to 100
        Hz, average reference, -0.1 to 1 s, 250 samples a second.
    part
        ``"test"`` (200 pictures, 12 repeats) or ``"training"`` (22,248 pictures, once).
    side
        Height and width in pixels to which pictures are brought.

    Raises
    ------
    SpecError
        If ``part`` is another word.

    Source: Grootswagers, Zhou, Robinson, Hebart & Carlson (2022), Scientific Data 9:3.
    """

    title: ClassVar[str] = "THINGS-EEG1 (Grootswagers 2022)"
    citation: ClassVar[str] = "Grootswagers, Zhou, Robinson, Hebart & Carlson (2022), Scientific Data 9:3"
    short: ClassVar[str] = "THINGS-EEG1"
    parts: ClassVar[Mapping[str, str]] = {"test": "1", "training": "0"}
    pictures: ClassVar[str] = "object_images"
    task: ClassVar[str] = "rsvp"
    epochs: ClassVar[Mapping[str, Any]] = {
        "tmin": -0.1, "tmax": 1.0, "reference": "average", "highpass": 0.1, "lowpass": 100.0, "resample": 250.0,
    }  # fmt: skip

    part: str = "test"

    @cached_property
    def _people(self) -> tuple[str, ...]:
        found = (one for one in super()._people if self._shown_to(one))
        return self._there(found, f"sub-*/eeg/*_events.tsv with trials of the {self.part} part")

    def _shown_to(self, subject: str) -> bool:
        """Return whether a person saw pictures of the part; a table without the column has training pictures only."""
        table = read_table(self._table(subject))
        return bool((table[_KIND] == self.parts[self.part]).any()) if _KIND in table else self.part == "training"

    def _events(self, subject: str) -> MeegEvents:
        with self._table(subject).open(encoding="utf-8-sig") as file:
            known = _KIND in file.readline().split("\t")
        return MeegEvents(
            "stim", {_KIND: self.parts[self.part]} if known else None, "file_name", onset_unit="samples",
            runs="sequencenumber",
        )  # fmt: skip

    def _table(self, subject: str) -> Path:
        return published_file(self._root, f"sub-{subject}/eeg/sub-{subject}_task-rsvp_events.tsv")

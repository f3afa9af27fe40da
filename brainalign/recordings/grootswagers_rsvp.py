"""EEG of sixteen people who saw 200 pictures of objects, five or twenty a second."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from brainalign.readers.bids_meeg import MeegEvents
from brainalign.recordings.published_meeg import PublishedMeeg


@dataclass(frozen=True, eq=False)
class GrootswagersRsvp(PublishedMeeg):
    """Epochs of 63 channels; 40 sequences of all 200 pictures at each rate, each sequence a run.

    Onsets in the events are samples, not seconds. The 16 pictures that people looked for, boats and stars, are left
    out.

    Parameters
    ----------
    data_dir
        Folder that holds ``grootswagers_rsvp/``, unless ``folder`` is given.
    folder
        Root of OpenNeuro ds004018, with the pictures in ``stimuli/``.
    preprocess
        Fields of :class:`brainalign.readers.preprocess.Preprocess` that differ from those of the authors: 0.1 to 100
        Hz, average reference, -0.1 to 1 s, 250 samples a second.
    part
        ``"5 Hz"`` or ``"20 Hz"``: how many pictures a second.
    side
        Height and width in pixels to which pictures are brought.

    Raises
    ------
    SpecError
        If ``part`` is another word.

    Source: Grootswagers, Robinson & Carlson (2019), NeuroImage 188:668.
    """

    title: ClassVar[str] = "200 objects in fast sequences: EEG (Grootswagers 2019)"
    citation: ClassVar[str] = "Grootswagers, Robinson & Carlson (2019), NeuroImage 188:668-679"
    short: ClassVar[str] = "200 objects"
    parts: ClassVar[Mapping[str, str]] = {"5 Hz": "01", "20 Hz": "02"}
    part_in_label: ClassVar[bool] = True
    pictures: ClassVar[str] = "stimuli"
    task: ClassVar[str] = "rsvp"
    epochs: ClassVar[Mapping[str, Any]] = {
        "tmin": -0.1, "tmax": 1.0, "reference": "average", "highpass": 0.1, "lowpass": 100.0, "resample": 250.0,
    }  # fmt: skip

    part: str = "5 Hz"

    @property
    def _files(self) -> tuple[str, ...]:
        return (self.parts[self.part],)

    def _events(self, subject: str) -> MeegEvents:
        del subject
        return MeegEvents("stimulusname", {"istarget": "0"}, "file_name", onset_unit="samples", runs="trialnumber")

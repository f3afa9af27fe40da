"""EEG of sixteen people who saw 256 gratings of four features: the recordings themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from brainalign.errors import DataError
from brainalign.readers.bids_meeg import MeegEvents
from brainalign.readers.events import read_table
from brainalign.readers.published_folder import published_file
from brainalign.recordings.published_meeg import PublishedMeeg

_RATE = 250.0


@dataclass(frozen=True, eq=False)
class FeaturesEegRaw(PublishedMeeg):
    """Epochs of 63 channels; each sequence is a run. Decoding accuracies of the same people: :class:`FeaturesEeg`.

    Onsets in the events are samples of the recording brought to 250 a second, counted from 1, while the recording has
    1,000 a second.

    Parameters
    ----------
    data_dir
        Folder that holds ``features_eeg_raw/``, unless ``folder`` is given.
    folder
        Root of OpenNeuro ds004357, and the 256 gratings in ``stimuli/`` if networks are to be compared.
    preprocess
        Fields of :class:`brainalign.readers.preprocess.Preprocess` that differ from those of the authors: 0.1 to 100
        Hz, -0.1 to 0.6 s, 250 samples a second. ``delay`` holds the first sample, which is number 1.
    part
        ``"6.67 Hz"`` or ``"20 Hz"``: how many gratings a second.
    side
        Height and width in pixels to which pictures are brought.

    Raises
    ------
    SpecError
        If ``part`` is another word.

    Source: Grootswagers, Robinson, Shatek & Carlson (2024), PLoS Computational Biology 20:e1011760.
    """

    title: ClassVar[str] = "256 gratings: EEG (Grootswagers 2024)"
    citation: ClassVar[str] = (
        "Grootswagers, Robinson, Shatek & Carlson (2024), Mapping the dynamics of visual feature coding: Insights into "
        "perception and integration, PLoS Computational Biology 20:e1011760"
    )
    short: ClassVar[str] = "256 gratings"
    # seconds from one grating to the next, as the events say them
    parts: ClassVar[Mapping[str, float]] = {"6.67 Hz": 0.15, "20 Hz": 0.05}
    part_in_label: ClassVar[bool] = True
    pictures: ClassVar[str] = "stimuli"
    task: ClassVar[str] = "rsvp"
    epochs: ClassVar[Mapping[str, Any]] = {
        "tmin": -0.1, "tmax": 0.6, "highpass": 0.1, "lowpass": 100.0, "delay": -1 / _RATE, "resample": _RATE,
    }  # fmt: skip

    part: str = "6.67 Hz"

    def _events(self, subject: str) -> MeegEvents:
        name = f"sub-{subject}/eeg/sub-{subject}_task-{self.task}_events.tsv"
        file = published_file(self._root, name)
        said = read_table(file).get("soaduration")
        values = [] if said is None else [one for one in said.unique() if _is(one, self.parts[self.part])]
        if not values:
            msg = f"{str(file)!r}: no row has soaduration {self.parts[self.part]:g} ({self.part}). Fetch it again."
            raise DataError(msg)
        return MeegEvents(
            "stimname", {"soaduration": values[0]}, "file_name", onset_unit="samples", rate=_RATE,
            runs="sequencenumber",
        )  # fmt: skip


def _is(text: str, seconds: float) -> bool:
    try:
        return abs(float(text) - seconds) < 1e-6
    except ValueError:
        return False

"""EEG of three people with a four-electrode headband who saw faces and houses."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from brainalign.datasets.manifest import load_manifest, locate
from brainalign.errors import DataError
from brainalign.readers.bids_meeg import joined_runs, of_raw
from brainalign.readers.preprocess import Preprocess
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource

_RATE = 256.0
_CHANNELS = ("TP9", "AF7", "AF8", "TP10")
_NAMES = {1.0: "house", 2.0: "face"}
# one file is there twice, byte for byte; one is saturated and holds 7 events
_LEFT_OUT = (
    "subject3/session2/data_2018-05-14-19.38.10.csv",
    "subject3/session3/recording_2018-05-31-16.03.39.csv.csv",
)

#: From the recordings' first analysis: 1 to 30 Hz, -0.1 to 0.8 s, epochs beyond 75 uV left out.
PREPROCESS = Preprocess(tmin=-0.1, tmax=0.8, highpass=1.0, lowpass=30.0, reject={"eeg": 75e-6})


@dataclass(frozen=True)
class MuseN170(RecordingSource):
    """Single trials at TP9, AF7, AF8 and TP10, 256 samples a second, for faces and houses.

    The marker tells the category, not the picture: networks cannot be compared. Raw files are filtered (1 to 30 Hz),
    cut (-0.1 to 0.8 s), and epochs beyond 75 microvolt are left out; runs are files.

    Source: NeuroTechX, eeg-notebooks; pictures of Haxby et al. (2001), Science 293:2425.
    """

    title: ClassVar[str] = "Faces and houses: EEG with a Muse headband (NeuroTechX)"
    modality: ClassVar[str] = "EEG"
    citation: ClassVar[str] = (
        "NeuroTechX, eeg-notebooks v0.1, https://github.com/NeuroTechX/eeg-notebooks_v0.1; faces and houses: Haxby et "
        "al. "
        "(2001), Science 293:2425-2430"
    )
    rois: ClassVar[tuple[str, ...]] = ("eeg", "temporal")
    subjects: ClassVar[tuple[str, ...]] = ("subject1", "subject2", "subject3")

    def stimuli(self) -> None:
        """Return nothing: which picture was shown is not known."""
        return

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return ``("face", "house")``."""
        return ("face", "house")

    def raw(self, file: str) -> tuple[Any, pd.DataFrame]:
        """Return one file as continuous data of mne, in volt, and its events: onset (s), id.

        Raises
        ------
        DataError
            If the file has other columns.
        """
        import mne

        table = pd.read_csv(locate("muse_n170", file, self.data_dir))
        missing = [one for one in (*_CHANNELS, "Marker0") if one not in table]
        if missing:
            msg = f"{file!r} has no column {missing[0]!r}; it has {', '.join(table.columns)}. Fetch it again."
            raise DataError(msg)
        info = mne.create_info(list(_CHANNELS), _RATE, "eeg", verbose="error")
        raw = mne.io.RawArray(1e-6 * table[list(_CHANNELS)].to_numpy(float).T, info, verbose="error")
        marker = table["Marker0"].to_numpy(float)
        rows = np.flatnonzero(marker)
        return raw, pd.DataFrame({"onset": rows / _RATE, "id": [_NAMES[value] for value in marker[rows]]})

    def recording(self, subject: str) -> Recording:
        """Return the trials of one person, in volt; ROI ``"temporal"`` is TP9 and TP10."""
        self._require_subject(subject)
        parts = [of_raw(*self.raw(file), PREPROCESS, run=file.split("/", 1)[1]) for file in self._files(subject)]
        trials = joined_runs(parts, subject)
        temporal = np.array([channel in ("TP9", "TP10") for channel in trials.channels])
        rois = {**trials.rois, "temporal": temporal}
        return Recording(subject=subject, dataset="muse_n170", **{**trials.fields(), "rois": rois})

    def _files(self, subject: str) -> list[str]:
        paths = (file.path for file in load_manifest("muse_n170").files)
        return [path for path in paths if path.startswith(f"{subject}/") and path not in _LEFT_OUT]

"""MEG of one person who saw the 92 objects: the recording that MNE distributes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError
from brainalign.options import made_of
from brainalign.readers.bids_meeg import joined_runs, of_raw
from brainalign.readers.events import read_table
from brainalign.readers.meeg_file import read_meeg
from brainalign.readers.preprocess import Preprocess
from brainalign.readers.published_folder import published_file
from brainalign.recordings.kriegeskorte92 import Kriegeskorte92, stimulus_ids
from brainalign.recordings.published_source import PublishedSource
from brainalign.recordings.recording import Recording

_N_RUNS, _EPOCHS = 4, {"tmin": -0.1, "tmax": 0.5}
_PERSON = "subject_0"


@dataclass(frozen=True, eq=False)
class Visual92Categories(PublishedSource):
    """Epochs of 306 sensors around 92 photographs, four runs, under the ids of :class:`Kriegeskorte92`.

    A trigger in the recording is the one in the table of stimuli, and 1. Each row of the table is compared with the
    category of the photograph that it is taken for.

    Parameters
    ----------
    data_dir
        Folder that holds ``visual92_categories/``, unless ``folder`` is given, and ``kriegeskorte92/``.
    folder
        Holds ``sample_subject_0_tsss_mc.fif`` to ``sample_subject_3_tsss_mc.fif``, which are the four runs, and
        ``visual_stimuli.csv``.
    preprocess
        Fields of :class:`brainalign.readers.preprocess.Preprocess` that differ from -0.1 to 0.5 s without more.

    Source: Cichy, Pantazis & Oliva (2014), Nature Neuroscience 17:455.
    """

    title: ClassVar[str] = "92 objects: MEG of one person (Cichy 2014, MNE)"
    modality: ClassVar[str] = "MEG"
    citation: ClassVar[str] = "Cichy, Pantazis & Oliva (2014), Nature Neuroscience 17:455-462; distributed by MNE"
    rois: ClassVar[tuple[str, ...]] = ("mag", "grad")
    subjects: ClassVar[tuple[str, ...]] = (_PERSON,)

    preprocess: Mapping[str, Any] = field(default_factory=dict)

    def stimuli(self) -> Stimuli:
        """Return the 92 photographs of :class:`Kriegeskorte92`."""
        return Kriegeskorte92(self.data_dir).stimuli()

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the ids of :class:`Kriegeskorte92`; a folder that is not here is refused."""
        assert self._root
        return stimulus_ids()

    def recording(self, subject: str) -> Recording:
        """Return the trials of the person, in tesla and tesla per metre."""
        self._require_subject(subject)
        how = made_of(Preprocess, {**_EPOCHS, **self.preprocess}, "Option preprocess of visual92_categories")
        ids = self._ids_of_events()
        parts = [self._run(run, how, ids) for run in range(_N_RUNS)]
        return self._recording(subject, **joined_runs(parts, subject).fields())

    def _run(self, run: int, how: Preprocess, ids: Mapping[int, str]) -> Any:
        import mne

        path = published_file(self._root, f"sample_subject_{run}_tsss_mc.fif")
        raw, _ = read_meeg(path, split_missing="ignore")  # the files were renamed after they were split
        found = mne.find_events(raw, min_duration=0.002, verbose="error")
        known = np.isin(found[:, 2], list(ids))
        if not known.any():
            msg = f"{str(path)!r} has no event of the 92 stimuli among {len(found)}. Fetch it again."
            raise DataError(msg)
        found = found[known]
        onsets = (found[:, 0] - raw.first_samp) / raw.info["sfreq"]
        events = pd.DataFrame({"onset": onsets, "id": [ids[code] for code in found[:, 2].tolist()]})
        return of_raw(raw, events, how, run=str(run), kinds=("mag", "grad"))

    def _ids_of_events(self) -> dict[int, str]:
        """Return event to photograph, after the categories of all rows were compared with the photographs'."""
        path = published_file(self._root, "visual_stimuli.csv")
        table, ids = read_table(path), stimulus_ids()
        missing = [one for one in ("trigger", "human", "face", "animal", "natural") if one not in table]
        if missing or sorted(table["trigger"].astype(int)) != list(range(len(ids))):
            what = f"no column {missing[0]!r}" if missing else f"{len(table)} triggers"
            msg = f"{str(path)!r} has {what}; expected trigger 0 to 91, human, face, animal, natural. Fetch it again."
            raise DataError(msg)
        labels = Kriegeskorte92(self.data_dir).stimuli().labels or ()
        for trigger, *flags in table[["trigger", "human", "face", "animal", "natural"]].to_numpy().tolist():
            label = labels[int(trigger)]
            if tuple(value in ("1", "1.0") for value in flags) != _flags(label):
                msg = f"{str(path)!r}: trigger {trigger} is not a photograph of {label!r}. Fetch it again."
                raise DataError(msg)
        return {int(trigger) + 1: ids[int(trigger)] for trigger in table["trigger"]}


def _flags(label: str) -> tuple[bool, bool, bool, bool]:
    """Return whether a photograph shows something human, a face, an animal, something natural."""
    animate = label.startswith("animate")
    human = animate and label.split(": ")[1].startswith("human")
    return human, label.endswith("face"), animate, animate or label.endswith("natural")

"""EEG of ten people who saw 72 of the 92 objects."""

import csv
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError
from brainalign.readers.matlab import read_matlab, variable
from brainalign.readers.published_folder import published_file
from brainalign.recordings.kriegeskorte92 import Kriegeskorte92, stimulus_ids
from brainalign.recordings.published_source import PublishedSource
from brainalign.recordings.recording import Recording


@dataclass(frozen=True)
class Kaneshiro2015(PublishedSource):
    """Epochs of 124 channels, 62.5 samples a second, from onset to 0.496 s; 72 pictures, 72 trials each.

    The pictures are those of :class:`Kriegeskorte92`, under the same ids, joined by the map of exemplars to them. Runs
    were not published.

    Parameters
    ----------
    data_dir
        Folder that holds ``kaneshiro2015/``, unless ``folder`` is given, and ``kriegeskorte92/``.
    folder
        Holds ``S1.mat`` to ``S10.mat`` and ``stimulus_mapping.csv``.

    Source: Kaneshiro, Perreau Guimaraes, Kim, Norcia & Suppes (2015), PLoS ONE 10:e0135697.
    """

    title: ClassVar[str] = "72 objects: EEG (Kaneshiro 2015)"
    modality: ClassVar[str] = "EEG"
    citation: ClassVar[str] = "Kaneshiro, Perreau Guimaraes, Kim, Norcia & Suppes (2015), PLoS ONE 10:e0135697"
    rois: ClassVar[tuple[str, ...]] = ("eeg",)

    @property
    def subjects(self) -> tuple[str, ...]:
        """The people whose files are there, ``"S1"`` to ``"S10"``."""
        found = sorted(
            (file.stem for file in self._root.glob("S*.mat") if file.stem[1:].isdigit()), key=lambda s: int(s[1:])
        )
        return self._there(found, "S1.mat to S10.mat")

    def stimuli(self) -> Stimuli:
        """Return the 72 photographs of :class:`Kriegeskorte92`, in the order of exemplars."""
        return Kriegeskorte92(self.data_dir).stimuli().subset(self.stimulus_ids())

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return ids of :class:`Kriegeskorte92`, for exemplars 1 to 72."""
        return tuple(self._ids[k] for k in sorted(self._ids))

    def recording(self, subject: str) -> Recording:
        """Return the trials of one person, in microvolt."""
        self._require_subject(subject)
        path = self._root / f"{subject}.mat"
        content = read_matlab(path)
        name = repr(str(path))
        data = np.asarray(variable(content, "X_3D", name), dtype=np.float64)  # (channel, time, trial)
        exemplars = np.ravel(variable(content, "exemplarLabels", name)).astype(int)
        rate = float(np.ravel(variable(content, "Fs", name))[0])
        if data.ndim != 3 or data.shape[2] != len(exemplars):
            msg = f"{name}: X_3D is {data.shape} for {len(exemplars)} exemplarLabels; expected (channel, time, trial)."
            raise DataError(msg)
        unknown = sorted(set(exemplars.tolist()) - set(self._ids))
        if unknown:
            msg = (
                f"{name}: exemplar {unknown[0]} is not in stimulus_mapping.csv, which holds {len(self._ids)}; "
                "expected all."
            )
            raise DataError(msg)
        return self._recording(
            subject,
            data=data.transpose(2, 0, 1),
            stimulus_ids=tuple(self._ids[k] for k in exemplars.tolist()),
            channels=tuple(f"E{k}" for k in range(1, len(data) + 1)),
            times=tuple((np.arange(data.shape[1]) / rate).tolist()),
            unit="uV",
            rois={"eeg": np.ones(len(data), dtype=bool)},
        )

    @cached_property
    def _ids(self) -> dict[int, str]:
        """Exemplar, from 1, to the id of its photograph."""
        path = published_file(self._root, "stimulus_mapping.csv", "../kaneshiro_map/stimulus_mapping.csv")
        ids = stimulus_ids()
        with path.open(encoding="utf-8") as file:
            return {int(row["kaneshiro_exemplar"]): ids[int(row["cichy_index"]) - 1] for row in csv.DictReader(file)}

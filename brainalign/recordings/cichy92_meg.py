"""MEG of 16 people who saw the 92 objects, as decoding accuracies over time."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError
from brainalign.options import require
from brainalign.rdms import RDMs
from brainalign.readers.published_folder import published_file
from brainalign.recordings.kriegeskorte92 import Kriegeskorte92, stimulus_ids
from brainalign.recordings.published_source import PublishedSource

_START, _VARIABLE = -100, "MEG_decoding_RDMs"


@dataclass(frozen=True)
class Cichy92Meg(PublishedSource):
    """How well pairs of 92 photographs are told apart from MEG, from -100 to 1200 ms; .5 is chance.

    The mean of two sessions of each of 16 people. The photographs are those of :class:`Kriegeskorte92`, in the same
    order under the same ids. No trials were published with this file.

    Parameters
    ----------
    data_dir
        Folder that holds ``cichy92_meg/``, unless ``folder`` is given, and ``kriegeskorte92/``.
    folder
        Holds ``MEG_decoding_RDMs.mat``.
    step
        Milliseconds between the times that are kept; 1 keeps all 1301.

    Raises
    ------
    SpecError
        If ``step`` is below 1.

    Source: Cichy, Pantazis & Oliva (2014), Nature Neuroscience 17:455.
    """

    title: ClassVar[str] = "92 objects: MEG decoding over time (Cichy 2014)"
    modality: ClassVar[str] = "MEG"
    citation: ClassVar[str] = "Cichy, Pantazis & Oliva (2014), Nature Neuroscience 17:455-462"
    rois: ClassVar[tuple[str, ...]] = ("sensors",)

    step: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.step >= 1, "step", self.step, "a whole number of milliseconds, at least 1")

    def stimuli(self) -> Stimuli:
        """Return the 92 photographs of :class:`Kriegeskorte92`."""
        return Kriegeskorte92(self.data_dir).stimuli()

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the ids of :class:`Kriegeskorte92`."""
        return stimulus_ids()

    def published_rdms(self, roi: str) -> RDMs:
        """Return one RDM for each person and time, accuracies from 0 to 1.

        Raises
        ------
        DataError
            If the file holds other axes, or a pair without an accuracy.
        """
        import h5py

        self._require_roi(roi)
        ids = stimulus_ids()
        path = published_file(self._root, f"{_VARIABLE}.mat", "MEG_RDMs.mat")
        first, second = np.triu_indices(len(ids), 1)
        with h5py.File(path, "r") as file:
            if _VARIABLE not in file or file[_VARIABLE].shape[:2] != (len(ids), len(ids)) or file[_VARIABLE].ndim != 5:
                have = ", ".join(f"{name} {getattr(one, 'shape', '')}" for name, one in file.items())
                msg = (
                    f"{str(path)!r} holds {have}; expected {_VARIABLE} ({len(ids)}, {len(ids)}, time, session, "
                    "subject)."
                )
                raise DataError(msg)
            stored = file[_VARIABLE]
            kept = range(0, stored.shape[2], self.step)
            values, subjects, times = [], [], []
            for k in kept:
                rows = stored[:, :, k][first, second]  # (pair, session, subject); one triangle may be NaN
                other = stored[:, :, k][second, first]
                mean = np.where(np.isnan(rows), other, rows).mean(axis=1).T
                values.append(mean)
                subjects += [f"s{j:02d}" for j in range(1, len(mean) + 1)]
                times += [repr((_START + k) / 1000)] * len(mean)
        accuracies = np.concatenate(values)
        scale = 100.0 if np.nanmax(accuracies) > 1 else 1.0  # published in percent; an accuracy is never above 1
        return RDMs(accuracies / scale, ids, "decoding_accuracy", {"subject": tuple(subjects), "time": tuple(times)})

"""Multi-unit activity of V1, V4 and IT of two macaques that saw 22,348 pictures of objects."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brainalign.errors import DataError
from brainalign.readers.id_forms import file_name
from brainalign.readers.matlab import read_matlab, variable
from brainalign.readers.published_folder import published_file
from brainalign.recordings.recording import Recording
from brainalign.recordings.things_source import ThingsSource

_N_ELECTRODES = 1024
# the areas of the two animals are in another order of electrodes
_AREAS = {
    "monkeyN": {"V1": (0, 512), "V4": (512, 768), "IT": (768, 1024)},
    "monkeyF": {"V1": (0, 512), "IT": (512, 832), "V4": (832, 1024)},
}


@dataclass(frozen=True)
class Tvsd(ThingsSource):
    """Normalised multi-unit activity of 1,024 electrodes in each of two animals; a mean over time, one number a trial.

    Electrodes without activity are NaN in the files and left out. Ids are names of files of THINGS.

    Parameters
    ----------
    data_dir
        Folder that holds ``tvsd/``, unless ``folder`` is given.
    folder
        Holds ``monkeyN/`` and ``monkeyF/`` with ``THINGS_normMUA.mat`` and ``_logs/things_imgs.mat``, and the pictures
        of THINGS in ``object_images/`` if networks are to be compared.
    part
        ``"test"`` (100 pictures, 30 repeats) or ``"training"`` (22,248 pictures, once).
    side
        Height and width in pixels to which pictures are brought.

    Raises
    ------
    SpecError
        If ``part`` is another word.

    Source: Papale, Wang, Self & Roelfsema (2025), Neuron 113:539.
    """

    title: ClassVar[str] = "TVSD: macaque V1, V4 and IT (Papale 2025)"
    modality: ClassVar[str] = "spikes"
    citation: ClassVar[str] = "Papale, Wang, Self & Roelfsema (2025), Neuron, doi 10.1016/j.neuron.2024.12.003"
    rois: ClassVar[tuple[str, ...]] = ("V1", "V4", "IT")
    short: ClassVar[str] = "TVSD"
    parts: ClassVar[tuple[str, ...]] = ("test", "training")

    @property
    def subjects(self) -> tuple[str, ...]:
        """The animals whose files are there."""
        found = [one for one in _AREAS if (self._root / one / "THINGS_normMUA.mat").exists()]
        return self._there(found, "monkeyN/THINGS_normMUA.mat or monkeyF/...", "one")

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the names of the pictures without folders and suffix, in the order of the data of the first animal."""
        return self._pictures(self.subjects[0])

    def recording(self, subject: str) -> Recording:
        """Return the trials of one animal, ``(n_trials, n_electrodes, 1)``."""
        self._require_subject(subject)
        path = self._root / subject / "THINGS_normMUA.mat"
        name = {"test": "test_MUA_reps", "training": "train_MUA"}[self.part]
        data = np.asarray(variable(read_matlab(path, (name,)), name, repr(str(path))), dtype=np.float64)
        ids = self._pictures(subject)
        data = data[:, :, None] if data.ndim == 2 else data
        if data.shape[:2] != (_N_ELECTRODES, len(ids)):
            msg = (
                f"{str(path)!r}: {name} is {data.shape} for {len(ids)} pictures; expected (1024, {len(ids)}, repeats)."
            )
            raise DataError(msg)
        alive = np.isfinite(data).any(axis=(1, 2))
        picture, repeat = np.nonzero(np.isfinite(data[alive]).all(axis=0))
        areas = {area: np.zeros(_N_ELECTRODES, dtype=bool) for area in _AREAS[subject]}
        for area, (start, stop) in _AREAS[subject].items():
            areas[area][start:stop] = True
        silent = int((~alive).sum())
        return self._recording(
            subject,
            data=data[alive][:, picture, repeat].T[:, :, None],
            stimulus_ids=tuple(ids[k] for k in picture),
            channels=tuple(f"electrode-{k + 1}" for k in np.flatnonzero(alive).tolist()),
            times=(0.0,),
            unit="normalised MUA",
            rois={area: mask[alive] for area, mask in areas.items() if mask[alive].any()},
            notes=(f"{silent} electrodes without activity were left out.",) if silent else (),
        )

    def _pictures(self, subject: str) -> tuple[str, ...]:
        path = published_file(self._root, f"{subject}/_logs/things_imgs.mat", f"{subject}/things_imgs.mat")
        name = {"test": "test_imgs", "training": "train_imgs"}[self.part]
        paths = variable(variable(read_matlab(path), name, repr(str(path))), "things_path", f"{str(path)!r}, {name}")
        return tuple(file_name(one) for one in np.atleast_1d(paths))  # with backslashes

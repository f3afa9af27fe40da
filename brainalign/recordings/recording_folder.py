"""A recording of one's own in a folder: a ``recording.toml`` beside arrays and pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import SpecError, StimulusMismatchError
from brainalign.rdms import RDMs
from brainalign.readers.assembly import ANIMAL, REGION, Assembly, read_assembly
from brainalign.readers.atlas import read_atlas
from brainalign.readers.maps import Maps
from brainalign.recordings.facts import Facts
from brainalign.recordings.own_rdms import own_rdms
from brainalign.recordings.recording import ALL, Recording
from brainalign.recordings.recording_file import SUBJECT, RecordingFile
from brainalign.recordings.source import RecordingSource


def recording_folder(path: str | Path) -> RecordingSource:
    """Return the recording of a folder; ``docs/own-data.md`` says how it is laid out.

    Trials are read one subject at a time, when they are asked for. The key follows the bytes of all files.

    Parameters
    ----------
    path
        Folder with a ``recording.toml``.

    Raises
    ------
    SpecError
        If the file says what cannot be; in one line, with the remedy.
    DataError
        If a file that it names is missing.
    """
    made: RecordingSource = of_folder(Path(path).expanduser().resolve())()
    return made


def of_folder(path: Path) -> type[RecordingSource]:
    """Return the class of a folder's recording, under its name."""
    file = RecordingFile.read(path)
    base = _Assembled if file.assembly else _Folder
    about = {"title": file.title or file.name, "modality": file.modality, "citation": file.citation}
    return type(file.name, (base,), {**about, "file": file, "rois": _rois(file), "__module__": __name__})


def _rois(file: RecordingFile) -> tuple[str, ...]:
    if file.assembly:
        return _assembly(file).regions(file.assembly.get("rois", REGION))
    if isinstance(file.rdms, Mapping):
        return tuple(file.rdms)
    if isinstance(file.rois, str):
        return (file.rois or ALL,)
    return tuple(file.rois)


@dataclass(frozen=True)
class _Folder(RecordingSource):
    """Files of a folder."""

    file: ClassVar[RecordingFile]

    @property
    def label(self) -> str:
        return self.file.name

    @property
    def notes(self) -> tuple[str, ...]:
        said = f"{self.label}: no ids were given; rows of arrays were taken for the stimuli in their order."
        return () if self.file.ids else (said,)

    @cached_property
    def known_key(self) -> str:
        return self.file.key()

    @property
    def subjects(self) -> tuple[str, ...]:
        return self.file.subjects or RecordingSource.subjects.fget(self)  # type: ignore[attr-defined]

    @property
    def one_by_one(self) -> bool:
        return bool(self.file.trials)

    @cached_property
    def _shown(self) -> Stimuli | None:
        return self.file.shown()

    def stimuli(self) -> Stimuli | None:
        return self._shown

    def stimulus_ids(self) -> tuple[str, ...]:
        return self._shown.ids if self._shown is not None else self.file.stimulus_ids() or ()

    def facts(self, subject: str, roi: str) -> Facts:
        self._require_roi(roi)
        self._require_subject(subject)
        if not self.file.trials or self.file.images:
            return super().facts(subject, roi)
        data = self.file.numbers("trials", self.file.trials, subject)  # mapped: only its head is read
        n_trials, n_channels = data.shape[:2]
        ids = tuple(dict.fromkeys(self.file.names("ids", subject) or self.stimulus_ids()))
        runs = tuple(dict.fromkeys(self.file.names("runs", subject) or ()))
        mask = self._masks(self._channels(subject, n_channels), subject)[roi]
        return Facts(
            stimulus_ids=ids,
            n_trials=n_trials,
            n_channels=int(np.count_nonzero(mask)),
            times=self.file.seconds() or (0.0,),
            runs=runs,
        )

    def recording(self, subject: str) -> Recording | None:
        self._require_subject(subject)
        file = self.file
        if not file.trials:
            return None
        maps = file.maps(subject) if file.images else None
        data = file.numbers("trials", file.trials, subject) if maps is None else maps.data
        ids = file.names("ids", subject) or self.stimulus_ids()
        if len(ids) != len(data):
            which = "ids" if file.ids else "stimuli, and no ids"
            msg = (
                f"{self.label}/{subject}: {len(data)} trials for {len(ids)} {which}; expected one id per trial. Write "
                'ids = "ids.txt", a file with one id a line.'
            )
            raise StimulusMismatchError(msg)
        channels = self._channels(subject, data.shape[1] if data.ndim > 1 else 0) if maps is None else maps.places
        return Recording.from_array(
            data,
            ids,
            times=file.seconds(),
            channels=channels,
            rois=self._masks(channels, subject) if maps is None else self._regions(maps, subject),
            runs=file.names("runs", subject),
            subject=subject,
            dataset=self.label,
            modality=file.modality,
            unit=file.unit,
            geometry=None if maps is None else maps.geometry,
            motion=file.numbers("motion", file.motion, subject) if file.motion else None,
        )

    def published_rdms(self, roi: str) -> RDMs | None:
        file = self.file
        if not file.rdms:
            return None
        self._require_roi(roi)
        given = file.rdms[roi] if isinstance(file.rdms, Mapping) else file.rdms
        ids = file.names("ids") or self.stimulus_ids()
        subjects: Any = file.subjects or None
        if SUBJECT in given:
            arrays: Any = [np.asarray(_row(file.numbers("rdms", given, one), given)) for one in file.subjects]
        else:
            arrays = _row(file.numbers("rdms", given), given)
        return own_rdms(arrays, ids, subjects, file.seconds(), file.dissimilarity).subset(self.stimulus_ids())

    def _channels(self, subject: str, n: int) -> tuple[str, ...]:
        return self.file.names("channels", subject) or tuple(f"ch{k + 1}" for k in range(n))

    def _masks(self, channels: tuple[str, ...], subject: str) -> dict[str, np.ndarray]:
        if not isinstance(self.file.rois, Mapping):
            return {self.rois[0]: np.ones(len(channels), dtype=bool)}
        return {
            roi: np.asarray(self.file.numbers(f"rois {roi}", given, subject)) if isinstance(given, str) else
            self._listed(roi, given, channels)
            for roi, given in self.file.rois.items()
        }  # fmt: skip

    def _listed(self, roi: str, given: Sequence[str], channels: Sequence[str]) -> np.ndarray:
        """Return the mask of channels that a ROI names."""
        unknown = sorted(set(given) - set(channels))
        if unknown:
            msg = (
                f"{self.label}: ROI {roi!r} names the channel {unknown[0]!r}, which is not among the "
                f"{len(channels)} channels ({', '.join(channels[:3])}, ...). Correct it, or give channels."
            )
            raise SpecError(msg)
        return np.isin(channels, given)

    def _regions(self, maps: Maps, subject: str) -> dict[str, np.ndarray]:
        """Return ROIs of images: masks on the same grid, or lists of places."""
        if not isinstance(self.file.rois, Mapping):
            return self._masks(maps.places, subject)
        return {
            roi: self._region(roi, given, maps, subject) if isinstance(given, str) else
            self._listed(roi, given, maps.places)
            for roi, given in self.file.rois.items()
        }  # fmt: skip

    def _region(self, roi: str, given: str, maps: Maps, subject: str) -> np.ndarray:
        return read_atlas(self.file.folder / given.replace(SUBJECT, subject), maps, {1: roi})[roi]


@dataclass(frozen=True)
class _Assembled(_Folder):
    """A netCDF assembly in a folder: an animal is a subject."""

    @property
    def notes(self) -> tuple[str, ...]:
        return ()

    @property
    def subjects(self) -> tuple[str, ...]:
        animals = tuple(dict.fromkeys(self._animals.tolist()))
        unknown = [one for one in self.file.subjects if one not in animals]
        if unknown:
            msg = f"{self.label}: the assembly has no animal {unknown[0]!r}; choose among {', '.join(animals)}."
            raise SpecError(msg)
        return self.file.subjects or animals

    @property
    def one_by_one(self) -> bool:
        return True

    def facts(self, subject: str, roi: str) -> Facts:
        return RecordingSource.facts(self, subject, roi)

    def recording(self, subject: str) -> Recording:
        self._require_subject(subject)
        said = self.file.assembly
        modality = self.file.modality if self.file.modality != "unknown modality" else "spikes"
        trials = self._read.trials(
            self._animals == subject, ids=said.get("ids", ""), rois=said.get("rois", REGION),
            runs=said.get("runs", ""), modality=modality, unit=self.file.unit,
        )  # fmt: skip
        return Recording.of(trials, subject, self.label)

    def published_rdms(self, roi: str) -> None:
        self._require_roi(roi)

    @cached_property
    def _read(self) -> Assembly:
        return _assembly(self.file)

    @cached_property
    def _animals(self) -> np.ndarray:
        return self._read.animals(self.file.assembly.get("animals", ANIMAL))


def _assembly(file: RecordingFile) -> Assembly:
    return read_assembly(file.folder / file.assembly["file"])


def _row(array: np.ndarray, given: str) -> np.ndarray:
    """Return what a CSV of one line holds as one axis: pairs of one subject."""
    return array[0] if given.endswith(".csv") and array.shape[0] == 1 else array

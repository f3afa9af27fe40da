"""A ``recording.toml``: what the files beside it are."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import SpecError
from brainalign.options import fitted
from brainalign.own_data import RECORDING, files_hash
from brainalign.readers.maps import Maps
from brainalign.recordings.array_files import NAMES, NUMBERS, file_of, read_names, read_numbers
from brainalign.recordings.image_trials import IMAGES, hemispheres, is_image, read_images
from brainalign.shipped import known_keys, read_toml

#: Stands for the name of a subject in names of files.
SUBJECT = "{subject}"
_STIMULI = ("folder", "pattern", "background", "labels", "ids")
_ASSEMBLY = ("file", "ids", "animals", "rois", "runs")


@dataclass(frozen=True)
class RecordingFile:
    """What a ``recording.toml`` says, checked but for the content of files.

    Parameters
    ----------
    folder
        Where it is; files are named relative to it.
    title, modality, unit, citation
        For captions, tables and references.
    dissimilarity
        Of RDMs.
    subjects
        Their names.
    trials, rdms
        Files of arrays, one of the two. ``{subject}`` in a name stands for the subject; RDMs without are of all
        subjects, and a table is by ROI. Trials may be images (NIfTI, GIFTI, CIFTI), a map for each trial; ``{hemi}``
        stands for L and R.
    mask, space
        Of trials in images: the voxels that are kept, and the space that subjects share.
    assembly
        Instead of these: ``file``, a netCDF assembly (see :mod:`brainalign.readers.assembly`), and which of its
        coordinates are ``ids``, ``animals``, ``rois`` and ``runs``.
    ids, runs, channels
        Files of names, or lists: stimulus and run of each trial (or row of RDMs), names of channels.
    times
        A file of seconds from onset, or a list.
    motion
        File of numbers ``(n_trials, 6)``: where the head was at each trial, in mm along x, y, z, then in radians; one
        for each subject.
    rois
        ROI to a file with a boolean mask over channels, or a list of names of channels; of RDMs, the name of the one.
    stimuli
        ``folder`` of pictures, with ``pattern``, ``background`` and ``labels``; or ``ids`` without pictures.
    """

    folder: Path
    title: str = ""
    modality: str = "unknown modality"
    unit: str = "arbitrary"
    citation: str = "unpublished data"
    dissimilarity: str = "unknown"
    subjects: tuple[str, ...] = ()
    trials: str = ""
    mask: str = ""
    space: str = ""
    rdms: str | Mapping[str, Any] = ""
    assembly: Mapping[str, Any] = field(default_factory=dict)
    ids: str | tuple[str, ...] = ""
    runs: str = ""
    channels: str | tuple[str, ...] = ""
    times: str | tuple[float, ...] = ""
    motion: str = ""
    rois: str | Mapping[str, Any] = ""
    stimuli: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "RecordingFile":
        """Read the file of a folder.

        Raises
        ------
        SpecError
            If it is no TOML, a key is unknown (the message names the nearest), a value of another kind, or what it says
            cannot be together.
        DataError
            If a file that it names is missing.
        """
        where = str(folder / RECORDING)
        table = read_toml(where, "recording file")
        kinds = {f.name: f.type for f in fields(cls) if f.name != "folder"}
        known_keys(table, tuple(kinds), where)
        _refuse_empty(table, where)
        found = cls(folder, **{key: fitted(kinds[key], value, f"{where}: {key}") for key, value in table.items()})
        found._check(where)
        return found

    # -- what its files hold ------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of the recording: that of its folder."""
        return self.folder.name

    def numbers(self, key: str, given: str, subject: str = "") -> Any:
        """Return an array that a key names."""
        return read_numbers(self.folder, given.replace(SUBJECT, subject), f"{self.name}: {key}")

    @property
    def images(self) -> bool:
        """Whether trials are maps in images."""
        return is_image(self.trials)

    def maps(self, subject: str) -> Maps:
        """Return the trials of a subject that are images."""
        trials, mask = (one.replace(SUBJECT, subject) for one in (self.trials, self.mask))
        return read_images(self.folder, trials, mask, self.space, f"{self.name}: trials")

    def names(self, key: str, subject: str = "") -> tuple[str, ...] | None:
        """Return the names that a key gives; none where it is left out."""
        given = getattr(self, key)
        given = given.replace(SUBJECT, subject) if isinstance(given, str) else given
        return read_names(self.folder, given, f"{self.name}: {key}") if given else None

    def seconds(self) -> tuple[float, ...] | None:
        """Return times in seconds; none where they are left out."""
        if not self.times:
            return None
        given = self.numbers("times", self.times).ravel() if isinstance(self.times, str) else self.times
        return tuple(float(time) for time in given)

    def shown(self) -> Stimuli | None:
        """Return the pictures; none where there are only ids."""
        if "folder" not in self.stimuli:
            return None
        options = {key: value for key, value in self.stimuli.items() if key in ("pattern", "background")}
        labels = self.stimuli.get("labels")
        if labels not in (None, "folder"):
            labels = read_names(self.folder, labels, f"{self.name}: labels of stimuli")
        return Stimuli.from_folder(self.folder / self.stimuli["folder"], labels=labels, name=self.title, **options)

    def stimulus_ids(self) -> tuple[str, ...] | None:
        """Return the ids of stimuli without pictures; none where they are left out."""
        given = self.stimuli.get("ids")
        return read_names(self.folder, given, f"{self.name}: ids of stimuli") if given else None

    def key(self) -> str:
        """Return the content hash of the file and of the files that it names, pictures apart."""
        return files_hash(self.folder, sorted({self.folder / RECORDING, *self._files()}))

    # -- checks -------------------------------------------------------------------------------------------------------

    def _check(self, where: str) -> None:
        if self.assembly:
            self._check_assembly(where)
        elif bool(self.trials) == bool(self.rdms):
            msg = f'{where}: expected trials or rdms, one of them. Write trials = "{SUBJECT}.npy", say.'
            raise SpecError(msg)
        self._check_subjects(where)
        if not self.assembly:
            only = ("runs", "channels", "motion", "unit") if self.rdms else ("dissimilarity",)
            kind, other = ("rdms are", "trials") if self.rdms else ("trials are", "rdms")
            self._check_only(where, only, other, kind)
        if not self.images:
            self._check_only(where, ("mask", "space"), "trials in images", "there are none")
        elif self.channels or self.times:
            msg = f"{where}: trials are images, a map each, whose places have names. Leave channels and times out."
            raise SpecError(msg)
        self._check_stimuli(where)
        for _ in self._files():
            pass

    def _check_subjects(self, where: str) -> None:
        """Raise unless files of one subject are named by subject, and no file that all share is."""
        if self.trials and not self.subjects:
            msg = f'{where}: trials need subjects. Write subjects = ["s01"], say.'
            raise SpecError(msg)
        if self.trials and len(self.subjects) > 1 and SUBJECT not in self.trials:
            n = len(self.subjects)
            msg = f"{where}: {n} subjects have trials in one file, {self.trials!r}. Write {SUBJECT} in its name."
            raise SpecError(msg)
        if len(set(self.subjects)) < len(self.subjects):
            msg = f"{where}: subjects repeat ({', '.join(self.subjects)}); expected each once."
            raise SpecError(msg)
        if self.motion and len(self.subjects) > 1 and SUBJECT not in self.motion:
            n = len(self.subjects)
            msg = (
                f"{where}: {n} heads do not move alike, and motion is one file, {self.motion!r}. Write {SUBJECT} in it."
            )
            raise SpecError(msg)
        of_rdms = self.rdms.values() if isinstance(self.rdms, Mapping) else (self.rdms,)
        if not self.subjects and any(isinstance(one, str) and SUBJECT in one for one in of_rdms):
            msg = f'{where}: {SUBJECT} in rdms needs subjects. Write subjects = ["s01"], say.'
            raise SpecError(msg)
        shared = {
            "times": self.times, "ids": self.ids if self.rdms else "", "[assembly]: file": self.assembly.get("file"),
            **{f"[stimuli]: {key}": self.stimuli.get(key) for key in ("folder", "ids", "labels")},
        }  # fmt: skip
        for key, given in shared.items():
            if isinstance(given, str) and SUBJECT in given:
                msg = f"{where}, {key} is {given!r}, and all subjects share it. Leave {SUBJECT} out."
                raise SpecError(msg)

    def _check_assembly(self, where: str) -> None:
        known_keys(self.assembly, _ASSEMBLY, f"{where}, [assembly]")
        if not self.assembly.get("file"):
            msg = f'{where}, [assembly]: expected file. Write file = "assembly.nc", say.'
            raise SpecError(msg)
        for key, value in self.assembly.items():
            fitted(str, value, f"{where}, [assembly]: {key}")
        of_others = ("trials", "rdms", "ids", "runs", "channels", "times", "motion", "rois", "dissimilarity")
        self._check_only(where, of_others, "other recordings", "an assembly is")

    def _check_only(self, where: str, keys: tuple[str, ...], other: str, given: str) -> None:
        """Raise unless these keys are left out."""
        defaults = {f.name: f.default for f in fields(self)}
        for key in keys:
            if getattr(self, key) != defaults[key]:
                msg = f"{where}: {key} is of {other}, and {given} given. Leave {key} out."
                raise SpecError(msg)

    def _check_stimuli(self, where: str) -> None:
        known_keys(self.stimuli, _STIMULI, f"{where}, [stimuli]")
        if ("folder" in self.stimuli) == ("ids" in self.stimuli):
            msg = f'{where}, [stimuli]: expected folder or ids, one of them. Write folder = "images", say.'
            raise SpecError(msg)
        fitted(str, self.stimuli.get("folder", ""), f"{where}, [stimuli]: folder")
        for key in ("pattern", "background", "labels"):
            if key in self.stimuli and "ids" in self.stimuli:
                msg = f"{where}, [stimuli]: {key} is of pictures, and there are ids alone. Leave it out."
                raise SpecError(msg)

    def _files(self) -> list[Path]:
        """Return the files that are named; one that is missing raises."""
        found: list[Path] = []
        subjects = self.subjects or ("",)

        def add(key: str, given: Any, suffixes: tuple[str, ...]) -> None:
            if isinstance(given, str) and given:
                names = {one.replace(SUBJECT, who) for who in subjects for one in hemispheres(given)}
                found.extend(file_of(self.folder, one, f"{self.name}: {key}", suffixes)[0] for one in sorted(names))

        of_rois = self.rdms.items() if isinstance(self.rdms, Mapping) else [("", self.rdms)]
        for roi, given in of_rois:
            add(f"rdms {roi}".strip(), fitted(str, given, f"{self.name}: rdms of {roi}"), NUMBERS)
        add("trials", self.trials, IMAGES if self.images else NUMBERS)
        add("mask", self.mask, IMAGES)
        add("assembly", self.assembly.get("file"), (".nc",))
        add("times", self.times, NUMBERS)
        add("motion", self.motion, NUMBERS)
        for key in ("ids", "runs", "channels"):
            add(key, getattr(self, key), NAMES)
        for roi, given in self.rois.items() if isinstance(self.rois, Mapping) else ():
            add(f"rois {roi}", given, IMAGES if self.images else NUMBERS)
        add("ids of stimuli", self.stimuli.get("ids"), NAMES)
        if self.stimuli.get("labels") != "folder":
            add("labels of stimuli", self.stimuli.get("labels"), NAMES)
        return found


def _refuse_empty(table: Mapping[str, Any], where: str) -> None:
    """Raise for a key that is there and says nothing, in tables within, too: it would be read as left out."""
    for key, value in table.items():
        if value in ("", [], {}):
            msg = f"{where}: {key} is empty ({value!r}); expected a value. Leave {key} out, or give one."
            raise SpecError(msg)
        if isinstance(value, Mapping):
            _refuse_empty(value, f"{where}, [{key}]")

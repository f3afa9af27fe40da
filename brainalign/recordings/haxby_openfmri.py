"""One slice of one person from volumes and events: a general linear model of each run."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brainalign.datasets.manifest import locate
from brainalign.options import require
from brainalign.readers.bids_meeg import joined_runs
from brainalign.readers.events import read_events
from brainalign.readers.first_level import FirstLevel
from brainalign.readers.maps import read_maps
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource

_N_RUNS = 12


@dataclass(frozen=True)
class HaxbyOpenfmri(RecordingSource):
    """Responses to eight categories in 12 runs, estimated by nilearn from one slice of the volumes of one person.

    The ids are categories, not pictures: networks cannot be compared.

    Parameters
    ----------
    data_dir
        Folder that holds ``haxby_openfmri/<file>``.
    values
        ``"z"``, ``"beta"`` or ``"percent"``, see :class:`brainalign.readers.first_level.FirstLevel`.
    motion
        Take the six parameters of motion out.

    Raises
    ------
    SpecError
        If ``values`` is another word.

    Source: Haxby, Gobbini, Furey, Ishai, Schouten & Pietrini (2001), Science 293:2425.
    """

    title: ClassVar[str] = "Faces and objects: volumes and events of one person (Haxby 2001)"
    modality: ClassVar[str] = "fMRI"
    citation: ClassVar[str] = (
        "Haxby, Gobbini, Furey, Ishai, Schouten & Pietrini (2001), Science 293:2425-2430; subject 1 as prepared by "
        "PyMVPA "
        "in the layout of OpenFMRI"
    )
    rois: ClassVar[tuple[str, ...]] = ("slice",)
    subjects: ClassVar[tuple[str, ...]] = ("sub001",)

    values: str = "z"
    motion: bool = False

    def __post_init__(self) -> None:
        require(self.values in ("z", "beta", "percent"), "values", self.values, "'z', 'beta' or 'percent'")

    def stimuli(self) -> None:
        """Return nothing: blocks showed categories, and which pictures was not published."""
        return

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the eight categories in alphabetical order."""
        return ("bottle", "cat", "chair", "face", "house", "scissors", "scrambledpix", "shoe")

    def recording(self, subject: str) -> Recording:
        """Return 96 estimates of ``"sub001"``, ``(96, 530, 1)``, runs ``"1"`` to ``"12"``."""
        self._require_subject(subject)
        model, parts = FirstLevel(values=self.values), []
        for run in range(1, _N_RUNS + 1):
            bold, table, moved = (
                locate("haxby_openfmri", f"sub001/BOLD/task001_run{run:03d}/{name}", self.data_dir)
                for name in ("bold_1slice.nii.gz", "bold_events.tsv", "bold_moest.txt")
            )
            events = read_events(table, "trial_type")
            motion = np.loadtxt(moved) if self.motion else None
            parts.append(model.run(read_maps(bold), events, confounds=motion, run=str(run)))
        trials = joined_runs(parts, subject)
        whole = {"slice": np.ones(len(trials.channels), dtype=bool)}
        return Recording(subject=subject, dataset="haxby_openfmri", **{**trials.fields(), "rois": whole})

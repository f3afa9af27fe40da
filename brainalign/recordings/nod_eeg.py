"""EEG of 19 people who saw pictures of ImageNet: the epochs of NOD as its authors published them."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from brainalign.errors import DataError
from brainalign.readers.epochs import of_epochs
from brainalign.readers.id_forms import formed
from brainalign.readers.meeg_file import read_meeg
from brainalign.recordings.published_source import PublishedSource
from brainalign.recordings.recording import Recording


@dataclass(frozen=True)
class NodEeg(PublishedSource):
    """Epochs of one person, 62 channels, under the ids in their metadata; ``events.tsv`` of this set has none.

    People saw different pictures, so that each is a source of its own. Some pictures come twice; these are repeats.

    Parameters
    ----------
    data_dir
        Folder that holds ``nod_eeg/``, unless ``folder`` is given.
    folder
        Root of OpenNeuro ds005811: ``derivatives/preprocessed/epochs/sub-XX_eeg_epo.fif`` and ``stimuli/``.
    person
        Label of the subject, such as ``"sub-01"``.
    side
        Height and width in pixels to which square pictures are brought.

    Source: Zhang, Zhou, Zhen, Tang, Li & Zhen (2025), Scientific Data 12:857 (OpenNeuro ds005811).
    """

    title: ClassVar[str] = "NOD-EEG: pictures of ImageNet (ds005811)"
    modality: ClassVar[str] = "EEG"
    citation: ClassVar[str] = (
        "Zhang, Zhou, Zhen, Tang, Li & Zhen (2025), Scientific Data 12:857; OpenNeuro ds005811 "
        "(10.18112/openneuro.ds005811.v1.0.7)"
    )
    rois: ClassVar[tuple[str, ...]] = ("eeg",)
    short: ClassVar[str] = "NOD"
    pictures: ClassVar[str] = "stimuli"

    person: str = "sub-01"
    side: int = 224

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the names of the pictures without their suffix, sorted."""
        return tuple(sorted(set(self._trials.stimulus_ids)))

    def recording(self, subject: str) -> Recording:
        """Return the trials of the person, in volt."""
        self._require_subject(subject)
        return self._trials

    @cached_property
    def _trials(self) -> Recording:
        path = self._root / "derivatives" / "preprocessed" / "epochs" / f"{self.person}_eeg_epo.fif"
        epochs, notes = read_meeg(path)
        if epochs.metadata is None or "image_id" not in epochs.metadata:
            have = "none" if epochs.metadata is None else ", ".join(map(str, epochs.metadata.columns))
            msg = f"{str(path)!r} has no metadata image_id (columns: {have}); expected one row a trial. Fetch it again."
            raise DataError(msg)
        ids = formed(epochs.metadata["image_id"].astype(str).tolist(), "file_name", repr(str(path)))
        runs = [f"{row.session}/{row.run}" for row in epochs.metadata.itertuples()] if {"session", "run"} <= set(
            epochs.metadata
        ) else None  # fmt: skip
        trials = of_epochs(epochs, ids, runs=runs, kinds=("eeg",))
        noted = {**trials.fields(), "notes": (*trials.notes, *notes)}
        return self._recording(self.person, **noted)

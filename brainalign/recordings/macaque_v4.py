"""Spike counts of V4 units of a macaque for hundreds of images."""

import io
import zipfile
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from brainalign.datasets.manifest import locate
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import SpecError
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource

_SESSIONS = ("210325", "201025")
_SUBJECT = "PE"


@dataclass(frozen=True)
class MacaqueV4(RecordingSource):
    """V4 units of monkey PE in one of two sessions; mean spike count per 100 ms.

    ========= ======= ======== ======================================================================
    session   units   images   what was published
    ========= ======= ======== ======================================================================
    210325    50      640      every repeat, 6 to 10 per image; grey objects on photographs, round aperture
    201025    89      1200     the mean over 12 repeats: one trial per image, so no noise ceiling; colour photographs
    ========= ======= ======== ======================================================================

    Both sessions are of one animal: nothing here generalises over subjects. RDMs are 1 - Pearson correlation over units
    between mean responses, units as they are.

    Parameters
    ----------
    data_dir
        Folder that holds ``macaque_v4/<file>``.
    session
        ``"210325"`` or ``"201025"``.

    Raises
    ------
    SpecError
        If the session is another.

    Source: Cowley, Stan, Pillow & Smith (2026), Nature, doi 10.1038/s41586-026-10150-1.
    """

    title: ClassVar[str] = "Macaque V4 (Cowley 2026)"
    modality: ClassVar[str] = "spikes"
    citation: ClassVar[str] = (
        "Cowley, Stan, Pillow & Smith (2026), Compact deep neural network models of the visual cortex, Nature"
    )
    rois: ClassVar[tuple[str, ...]] = ("V4",)
    subjects: ClassVar[tuple[str, ...]] = (_SUBJECT,)

    session: str = "210325"

    def __post_init__(self) -> None:
        if self.session not in _SESSIONS:
            msg = f"Unknown session {self.session!r} of 'macaque_v4'. Choose one of: {', '.join(_SESSIONS)}."
            raise SpecError(msg)

    @property
    def label(self) -> str:
        """Name in tables, with the session."""
        return f"macaque_v4 {self.session}"

    def stimuli(self) -> Stimuli:
        """Return the images, ``(n_images, 112, 112, 3)``, in the order of the responses."""
        from PIL import Image

        with zipfile.ZipFile(locate("macaque_v4", f"images_{self.session}.zip", self.data_dir)) as archive:
            # Image k belongs to column k, so the order is that of the number in the name.
            names = sorted(archive.namelist(), key=lambda name: int("".join(filter(str.isdigit, name))))
            images = np.stack([np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("RGB")) for name in names])
        return Stimuli(self._ids(len(images)), images, f"Macaque V4, session {self.session}")

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the ids of the images, one per column of the responses."""
        return self._ids(self._repeats().shape[1])

    def recording(self, subject: str) -> Recording:
        """Return the trials of ``"PE"``, ``(n_trials, n_units, 1)``, repeats of an image one after another."""
        self._require_subject(subject)
        repeats = self._repeats()
        n_units, n_images, _ = repeats.shape
        image, repeat = np.nonzero(~np.isnan(repeats).any(axis=0))  # a missing repeat is NaN in every unit
        ids = self._ids(n_images)
        return Recording(
            data=repeats[:, image, repeat].T[:, :, None],
            stimulus_ids=tuple(ids[k] for k in image),
            channels=tuple(f"unit-{k:02d}" for k in range(1, n_units + 1)),
            times=(0.0,),
            subject=_SUBJECT,
            dataset="macaque_v4",
            modality=self.modality,
            unit="spikes/100 ms",
            rois={"V4": np.ones(n_units, dtype=bool)},
        )

    def _repeats(self) -> np.ndarray:
        """Return responses ``(n_units, n_images, n_repeats)``, NaN where a repeat is missing."""
        raw = self.session == "210325"
        file = f"responses_raw_{self.session}.npy" if raw else f"responses_{self.session}.npy"
        responses = np.load(locate("macaque_v4", file, self.data_dir), allow_pickle=False)
        return responses if raw else responses[:, :, None]

    def _ids(self, n: int) -> tuple[str, ...]:
        return tuple(f"macaque_v4-{self.session}-{k:04d}" for k in range(1, n + 1))

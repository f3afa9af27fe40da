"""The contract of a set of recordings: what was shown, to whom, and what came back."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from brainalign.datasets.stimuli import Stimuli
from brainalign.rdms import RDMs
from brainalign.recordings.recording import Recording


@dataclass(frozen=True)
class RecordingSource(ABC):
    """One published set of recordings; the file ``recordings/<name>.py`` holds the class.

    A source answers with trials (:meth:`recordings`), or, where only derived RDMs were published, with
    :meth:`rdms` alone. Both carry the ids of :meth:`stimuli`.

    Parameters
    ----------
    data_dir
        Folder that holds ``<name>/<file>``; ``None`` follows the lookup order of
        :func:`brainalign.datasets.manifest.locate`.
    """

    title: ClassVar[str]
    modality: ClassVar[str]
    citation: ClassVar[str]
    rois: ClassVar[tuple[str, ...]]
    simulated: ClassVar[bool] = False

    data_dir: str | None = None

    @abstractmethod
    def stimuli(self) -> Stimuli:
        """Return what was shown."""

    def recordings(self) -> tuple[Recording, ...]:
        """Return one recording per subject; empty where only RDMs were published."""
        return ()

    @abstractmethod
    def rdms(self, roi: str) -> RDMs:
        """Return one RDM per subject of ``roi``, with descriptor ``"subject"``."""

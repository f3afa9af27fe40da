"""The contract of a set of recordings: what was shown, to whom, and what came back."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from brainalign.datasets.stimuli import Stimuli
from brainalign.discovery import available, create, snake_case
from brainalign.errors import DataError
from brainalign.rdms import RDMs
from brainalign.recordings.joined import joined, response_rdms
from brainalign.recordings.recording import Recording
from brainalign.summary import Summarised, Summary, changed, some


@dataclass(frozen=True)
class RecordingSource(Summarised, ABC):
    """One published set of recordings; the file ``recordings/<name>.py`` holds the class.

    A source answers with trials (:meth:`recordings`), from which :meth:`rdms` follows, or, where only derived RDMs were
    published, with :meth:`rdms` alone. Both carry the ids of :meth:`stimuli`.

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

    def summary(self) -> Summary:
        """Return title, ROIs, source, and options that are not the default; no data are read."""
        own = changed(self)
        facts = {
            "recorded": f"{self.modality}, ROIs: {some(self.rois)}",
            "cite": self.citation,
            **({"options": own} if own else {}),
        }
        return Summary(f"Recordings {self.label}: {self.title}", facts)

    @property
    def label(self) -> str:
        """Name in tables; sources with sessions that share no stimuli say which."""
        return snake_case(type(self).__name__)

    @abstractmethod
    def stimuli(self) -> Stimuli:
        """Return what was shown."""

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the ids of :meth:`stimuli`, without reading images where the source knows them otherwise."""
        return self.stimuli().ids

    def recordings(self) -> tuple[Recording, ...]:
        """Return one recording per subject; empty where only RDMs were published."""
        return ()

    def responses(self, stimuli: str = "all", runs: str = "centre") -> tuple[Recording, ...]:
        """Return the recordings as they are compared, see :func:`brainalign.recordings.joined.joined`.

        Parameters
        ----------
        stimuli
            ``"all"``: subjects that did not respond to every stimulus raise; ``"shared"``, ``"own"``.
        runs
            ``"centre"``, ``"centre_each"`` or ``"ignore"``.
        """
        return joined(self.recordings(), self.stimulus_ids(), stimuli, runs, self.label)

    def rdms(self, roi: str) -> RDMs:
        """Return one RDM per subject of ``roi``, with descriptor ``"subject"``.

        Unless a source has RDMs of its own: 1 - Pearson correlation over channels between mean responses, runs centred,
        in the order of :meth:`stimuli`.

        Raises
        ------
        DataError
            If the source has no such ROI, or its files are missing or altered.
        StimulusMismatchError
            If subjects responded to different stimuli.
        """
        self._require_roi(roi)
        return response_rdms(self.responses(), roi, self.stimulus_ids())

    @property
    def has_own_rdms(self) -> bool:
        """Whether :meth:`rdms` is the source's own, so that what is declared about trials does not reach it."""
        return type(self).rdms is not RecordingSource.rdms

    def _require_roi(self, roi: str) -> None:
        """Raise :class:`DataError` unless the source has the ROI."""
        if roi not in self.rois:
            msg = f"{self.title} has no ROI {roi!r}; choose one of {', '.join(self.rois)}."
            raise DataError(msg)


def recording_sources() -> dict[str, type[RecordingSource]]:
    """Return every set of recordings by name."""
    return available("recordings", RecordingSource)


def recording_source(name: str, options: dict[str, Any] | None = None) -> RecordingSource:
    """Return the recordings ``name`` with ``options``; unknown names and options raise :class:`SpecError`."""
    return create("recordings", RecordingSource, name, options)

"""A source whose RDMs follow from its trials."""

from dataclasses import dataclass
from typing import ClassVar

from brainalign.datasets.stimuli import Stimuli
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource


@dataclass(frozen=True, eq=False)
class OfTrials(RecordingSource):
    """Stimuli and trials."""

    title: ClassVar[str] = "Made-up trials"
    modality: ClassVar[str] = "made up"
    citation: ClassVar[str] = "nobody"
    rois: ClassVar[tuple[str, ...]] = ("V1",)

    shown: Stimuli | None = None
    trials: tuple[Recording, ...] = ()

    def stimuli(self) -> Stimuli:
        assert self.shown is not None
        return self.shown

    def recordings(self) -> tuple[Recording, ...]:
        return self.trials


def of_trials(source: RecordingSource) -> OfTrials:
    """Return the trials of another source."""
    return OfTrials(shown=source.stimuli(), trials=source.recordings())

"""What is known of one subject's responses without the responses."""

from collections.abc import Sequence
from dataclasses import dataclass

from brainalign.rdms import RDMs
from brainalign.recordings.recording import Recording


@dataclass(frozen=True)
class Facts:
    """Ids, sizes, times and runs of one subject.

    Parameters
    ----------
    stimulus_ids
        Stimuli that the subject responded to, each once.
    n_trials, n_channels
        Sizes; 0 where only RDMs were published.
    times
        Seconds from stimulus onset; one where there is no time course.
    runs
        Names of runs, each once; none where trials have no runs.

    Examples
    --------
    >>> Facts(("face", "house"), n_trials=8, n_channels=64, times=(0.0, 0.1)).n_stimuli
    2
    """

    stimulus_ids: tuple[str, ...]
    n_trials: int = 0
    n_channels: int = 0
    times: tuple[float, ...] = (0.0,)
    runs: tuple[str, ...] = ()

    @property
    def n_stimuli(self) -> int:
        """Number of stimuli."""
        return len(self.stimulus_ids)

    @classmethod
    def of_recording(cls, recording: Recording, roi: str | None = None) -> "Facts":
        """Return the facts of trials; with ``roi``, ``n_channels`` are those of the ROI (unknown: DataError)."""
        ids = tuple(dict.fromkeys(recording.stimulus_ids))
        runs = tuple(dict.fromkeys(recording.runs or ()))
        n_channels = len(recording.channels) if roi is None else recording.n_channels(roi)
        return cls(
            stimulus_ids=ids,
            n_trials=len(recording.stimulus_ids),
            n_channels=n_channels,
            times=recording.times,
            runs=runs,
        )

    @classmethod
    def of_rdms(cls, rdms: RDMs, times: Sequence[float]) -> "Facts":
        """Return the facts of published RDMs."""
        return cls(rdms.stimulus_ids, times=tuple(times))

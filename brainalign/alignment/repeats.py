"""Recordings without each of their repeats: how noisy a measurement is, where nothing else is random."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from brainalign.comparisons.prepared import Prepared
from brainalign.datasets.stimuli import Stimuli
from brainalign.inference.measurement import MIN_REPEATS
from brainalign.inference.scope import MIN_RANDOM_STIMULI, MIN_SUBJECTS
from brainalign.recordings.brain import Brain
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource

#: So many blocks of repeats are left out in turn; more cost time and tell little.
MOST_BLOCKS = 8


def brains_fixed(brain: Brain, parts: Sequence[Prepared]) -> bool:
    """Return whether neither subjects nor stimuli can be random, so that only repeats tell the noise."""
    n_subjects = sum(len(part.subjects) for part in parts)
    n_stimuli = min(len(set(part.groups or part.stimulus_ids)) for part in parts)
    subjects = brain.spec.subjects == "fixed" or n_subjects < MIN_SUBJECTS
    return subjects and (len(parts) > 1 or n_stimuli < MIN_RANDOM_STIMULI)


def without_each_repeat(brain: Brain, rois: Sequence[str]) -> tuple[Brain, ...]:
    """Return the brain without each repeat of its stimuli, as many brains as there are repeats, up to eight.

    Where there are more repeats, blocks of them are left out. None where a stimulus of a subject has fewer than four
    trials, or RDMs of one of ``rois`` were published.
    """
    if not rois or not brain.has_trials or any(brain.published(roi) is not None for roi in rois):
        return ()
    shown = set(brain.ids)
    recordings = [one.subset([i for i in dict.fromkeys(one.stimulus_ids) if i in shown]) for one in brain.source.each()]
    fewest = min(int(np.unique(one.stimulus_ids, return_counts=True)[1].min()) for one in recordings)
    n_blocks = min(MOST_BLOCKS, fewest)
    if n_blocks < MIN_REPEATS:
        return ()
    found = []
    for block in range(n_blocks):
        kept = tuple(one.drop_trials(_place(one) % n_blocks == block) for one in recordings)
        own = Brain(_Kept(None, brain.source, kept), brain.spec)
        own.__dict__.update(pictures=brain.pictures)
        found.append(own)
    return tuple(found)


@dataclass(frozen=True, eq=False)
class _Kept(RecordingSource):
    """Some of the trials of a source, under its name."""

    of: RecordingSource = None  # type: ignore[assignment]  # always given; a default must follow that of the base
    trials: tuple[Recording, ...] = ()

    @property
    def title(self) -> str:  # type: ignore[override]
        return self.of.title

    @property
    def modality(self) -> str:  # type: ignore[override]
        return self.of.modality

    @property
    def citation(self) -> str:  # type: ignore[override]
        return self.of.citation

    @property
    def simulated(self) -> bool:  # type: ignore[override]
        return self.of.simulated

    @property
    def rois(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.of.rois

    @property
    def label(self) -> str:
        return self.of.label

    def stimuli(self) -> Stimuli | None:
        return self.of.stimuli()

    def stimulus_ids(self) -> tuple[str, ...]:
        return self.of.stimulus_ids()

    def recordings(self) -> tuple[Recording, ...]:
        return self.trials


def _place(recording: Recording) -> np.ndarray:
    """Return which repeat of its stimulus each trial is, from 0, in the order of trials."""
    seen: dict[str, int] = {}
    places = []
    for stimulus in recording.stimulus_ids:
        places.append(seen.get(stimulus, 0))
        seen[stimulus] = places[-1] + 1
    return np.array(places, int)

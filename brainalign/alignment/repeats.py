"""Recordings without each of their repeats: how noisy a measurement is, where nothing else is random."""

from collections.abc import Sequence

import numpy as np

from brainalign.comparisons.prepared import Prepared
from brainalign.inference.measurement import MIN_REPEATS
from brainalign.inference.scope import MIN_RANDOM_STIMULI, MIN_SUBJECTS
from brainalign.recordings.brain import Brain
from brainalign.recordings.recording import Recording

#: So many blocks of repeats are left out in turn; more cost time and tell little.
MOST_BLOCKS = 8


def brains_fixed(brain: Brain, parts: Sequence[Prepared]) -> bool:
    """Return whether neither subjects nor stimuli can be random, so that only repeats tell the noise."""
    n_subjects = sum(len(part.subjects) for part in parts)
    n_stimuli = min(len(set(part.groups or part.stimulus_ids)) for part in parts)
    subjects = brain.spec.subjects == "fixed" or n_subjects < MIN_SUBJECTS
    return subjects and (len(parts) > 1 or n_stimuli < MIN_RANDOM_STIMULI)


def without_each_repeat(brain: Brain) -> tuple[Brain, ...]:
    """Return the brain without each repeat of its stimuli, as many brains as there are repeats, up to eight.

    Where there are more repeats, blocks of them are left out. None where a stimulus of a subject has fewer than four
    trials, or the source has RDMs of its own.
    """
    if brain.source.has_own_rdms or not brain.recordings:
        return ()
    fewest = min(int(np.unique(one.stimulus_ids, return_counts=True)[1].min()) for one in brain.recordings)
    n_blocks = min(MOST_BLOCKS, fewest)
    if n_blocks < MIN_REPEATS:
        return ()
    found = []
    for block in range(n_blocks):
        own = Brain(brain.source, brain.spec)
        kept = tuple(one.drop_trials(_place(one) % n_blocks == block) for one in brain.recordings)
        own.__dict__.update(stimuli=brain.stimuli, recordings=kept)
        found.append(own)
    return tuple(found)


def _place(recording: Recording) -> np.ndarray:
    """Return which repeat of its stimulus each trial is, from 0, in the order of trials."""
    seen: dict[str, int] = {}
    places = []
    for stimulus in recording.stimulus_ids:
        places.append(seen.get(stimulus, 0))
        seen[stimulus] = places[-1] + 1
    return np.array(places, int)

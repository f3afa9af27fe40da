"""What every measure's preparation of a brain says of itself."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from brainalign.recordings.movie import Movie


@dataclass(frozen=True, eq=False)
class Prepared:
    """The brain's side of one ROI, made once for all layers.

    Parameters
    ----------
    subjects, times
        Names, and seconds from onset; one 0 where nothing has times.
    stimulus_ids
        Ids of the stimuli that are scored.
    n_targets
        Voxels, or channels by times, of all subjects; 0 for measures without targets.
    ceiling
        ``(2, n_subjects, n_times)`` lower and upper noise ceiling where they do not come with the draws; NaN where
        they cannot be estimated.
    groups
        ``(n_stimuli,)`` which stimuli are one; none where each is one for itself.
    content
        What the measure compares layers with; its own.
    """

    subjects: tuple[str, ...]
    times: tuple[float, ...]
    stimulus_ids: tuple[str, ...]
    n_targets: int
    ceiling: np.ndarray | None
    groups: tuple[int, ...] | None
    content: Any

    @classmethod
    def of_movie(cls, movie: Movie, groups: tuple[int, ...] | None, content: Any) -> "Prepared":
        """Return what a measure of RDMs prepares: no targets, and ceilings that come with the draws."""
        return cls(
            subjects=movie.subjects,
            times=movie.times,
            stimulus_ids=movie.stimulus_ids,
            n_targets=0,
            ceiling=None,
            groups=groups,
            content=content,
        )

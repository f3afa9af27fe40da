"""What every reader returns: trials as plain arrays under ids, and what is to be said of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from brainalign.geometry.geometry import Geometry


@dataclass(frozen=True, eq=False)
class Trials:
    """Trials of one subject as a file or an object held them; :meth:`Recording.of` checks them.

    Parameters
    ----------
    data
        ``(n_trials, n_channels, n_times)``.
    stimulus_ids
        ``(n_trials,)``.
    channels
        ``(n_channels,)`` names.
    times
        ``(n_times,)`` seconds from onset.
    modality, unit
        ``"EEG" | "MEG" | "fMRI" | "spikes"`` and the unit of ``data``.
    rois
        ROI name to boolean mask ``(n_channels,)``.
    runs
        ``(n_trials,)`` or ``None``.
    notes
        Sentences on what was left out or done on the way.
    geometry
        Where the channels are, ``None`` where that is not known.
    motion
        ``(n_trials, 6)`` shifts of the head along x, y, z in mm, then turns in radians, or ``None``.
    """

    data: np.ndarray
    stimulus_ids: tuple[str, ...]
    channels: tuple[str, ...]
    times: tuple[float, ...]
    modality: str
    unit: str
    rois: Mapping[str, np.ndarray] = field(default_factory=dict)
    runs: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    geometry: Geometry | None = None
    motion: np.ndarray | None = None

    def fields(self) -> dict[str, Any]:
        """Return the fields by name, arrays as they are."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

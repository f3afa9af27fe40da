"""Groups of sensors as ROIs, by patterns of their names."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np

from brainalign.errors import DataError
from brainalign.recordings.recording import Recording

#: Regions of the 10-20 system and its extensions.
REGIONS: Mapping[str, tuple[str, ...]] = {
    "frontal": ("Fp*", "AF*", "F[0-9z]*"),
    "central": ("FC*", "C[0-9z]*", "CP*"),
    "temporal": ("FT*", "T[0-9]*", "TP*"),
    "parietal": ("P[0-9z]*",),
    "occipital": ("PO*", "O[0-9z]*", "I[0-9z]*"),
}


def with_sensor_groups(recording: Recording, groups: Mapping[str, Sequence[str]] = REGIONS) -> Recording:
    """Return the recording with groups of sensors as further ROIs.

    Parameters
    ----------
    recording
        EEG or MEG.
    groups
        Name to patterns of channel names, such as ``{"posterior": ["O*", "PO*"]}``; regions of the 10-20 system unless
        given, of which those without a sensor are left out.

    Raises
    ------
    DataError
        If a group that was given has no sensor, or carries the name of a ROI.
    """
    rois = dict(recording.rois)
    for name, patterns in groups.items():
        if name in rois:
            msg = f"ROI {name!r} is there already; expected another name for the group of sensors."
            raise DataError(msg)
        mask = np.array([any(fnmatchcase(one, pattern) for pattern in patterns) for one in recording.channels])
        if mask.any():
            rois[name] = mask
        elif groups is not REGIONS:
            first = ", ".join(recording.channels[:5])
            msg = f"Group {name!r} ({', '.join(patterns)}) has no sensor; the channels begin with {first}."
            raise DataError(msg)
    return replace(recording, rois=rois)

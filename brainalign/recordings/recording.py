"""Responses of one subject to stimuli: EEG, MEG, fMRI or spikes, one class for all."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from brainalign.errors import DataError, StimulusMismatchError


@dataclass(frozen=True, eq=False)
class Recording:
    """Trials of one subject, each under the id of the stimulus that was shown.

    Parameters
    ----------
    data
        ``(n_trials, n_channels, n_times)``; fMRI betas and spike counts have one time.
    stimulus_ids
        ``(n_trials,)`` ids; a stimulus shown again is a further trial with the same id.
    channels
        Names of sensors, voxels or units, length ``n_channels``.
    times
        Seconds from stimulus onset, length ``n_times``.
    subject, dataset, modality, unit
        Who, from which set, ``"EEG" | "MEG" | "fMRI" | "spikes"``, and the unit of ``data``.
    rois
        ROI name to boolean mask over channels ``(n_channels,)``.
    runs
        Optional run or session of each trial ``(n_trials,)``.
    simulated
        True if no brain was recorded; carried to every table, figure and caption.

    Raises
    ------
    StimulusMismatchError
        If the lengths of data, ids, channels, times, masks or runs disagree.
    DataError
        If ``data`` holds NaN or infinity.
    """

    data: np.ndarray
    stimulus_ids: tuple[str, ...]
    channels: tuple[str, ...]
    times: tuple[float, ...]
    subject: str
    dataset: str
    modality: str
    unit: str
    rois: Mapping[str, np.ndarray] = field(default_factory=dict)
    runs: tuple[str, ...] | None = None
    simulated: bool = False

    def __post_init__(self) -> None:
        expected = (len(self.stimulus_ids), len(self.channels), len(self.times))
        if self.data.shape != expected:
            msg = (
                f"Recording {self.dataset}/{self.subject}: data has shape {self.data.shape}, but ids, channels and "
                f"times say {expected}; expected (n_trials, n_channels, n_times)."
            )
            raise StimulusMismatchError(msg)
        if not np.isfinite(self.data).all():
            bad = int((~np.isfinite(self.data)).any(axis=(1, 2)).sum())
            msg = (
                f"Recording {self.dataset}/{self.subject}: {bad} of {len(self.data)} trials hold NaN or infinity; "
                "drop those trials (a missing repeat is a missing trial, not a NaN)."
            )
            raise DataError(msg)

        self._check_masks()

    def average(self, roi: str | None = None) -> tuple[tuple[str, ...], np.ndarray]:
        """Return unique ids, in order of first presentation, and the mean response to each.

        Returns
        -------
        ids
            ``n_stimuli`` ids.
        responses
            ``(n_stimuli, n_channels_of_roi, n_times)``.

        Raises
        ------
        DataError
            If the recording has no such ROI.
        """
        ids = tuple(dict.fromkeys(self.stimulus_ids))
        row = {stimulus: k for k, stimulus in enumerate(ids)}
        which = np.array([row[stimulus] for stimulus in self.stimulus_ids])
        data = self.data if roi is None else self.data[:, self._mask(roi)]
        total = np.zeros((len(ids), *data.shape[1:]))
        np.add.at(total, which, data)
        return ids, total / np.bincount(which, minlength=len(ids))[:, None, None]

    def _check_masks(self) -> None:
        for roi, mask in self.rois.items():
            if np.shape(mask) != (len(self.channels),):
                msg = (
                    f"Recording {self.dataset}/{self.subject}: ROI {roi!r} masks {np.shape(mask)} channels; expected "
                    f"({len(self.channels)},), one boolean per channel."
                )
                raise StimulusMismatchError(msg)
        if self.runs is not None and len(self.runs) != len(self.stimulus_ids):
            msg = (
                f"Recording {self.dataset}/{self.subject}: {len(self.runs)} runs for {len(self.stimulus_ids)} trials; "
                "give one run per trial."
            )
            raise StimulusMismatchError(msg)

    def _mask(self, roi: str) -> np.ndarray:
        if roi not in self.rois:
            have = ", ".join(self.rois) or "none"
            msg = f"Recording {self.dataset}/{self.subject} has no ROI {roi!r}; choose one of {have}."
            raise DataError(msg)
        return np.asarray(self.rois[roi], dtype=bool)

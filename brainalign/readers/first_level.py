"""Betas of a general linear model of each run, through nilearn."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from brainalign.errors import DataError
from brainalign.options import fit_fields, require
from brainalign.readers.events import Events
from brainalign.readers.maps import Maps
from brainalign.readers.trials import Trials
from brainalign.storage import content_hash

# regressors that depend on each other beyond this are no estimates of their own
_ILL = 1e8
_UNITS = {"beta": "a.u.", "percent": "% signal change", "z": "z"}


@dataclass(frozen=True)
class FirstLevel:
    """A general linear model of each run: one regressor per stimulus, or per trial.

    Parameters
    ----------
    estimate
        ``"condition"``: one beta per stimulus and run; ``"trial"``: one per trial, all in one model.
    values
        ``"beta"``; ``"percent"``: of the mean of each voxel over its run; ``"z"``: beta by its standard error.
    hrf
        Haemodynamic response of nilearn: ``"glover"``, ``"spm"``, with ``" + derivative"``.
    high_pass
        Hz below which cosines take drifts out.
    noise
        ``"ar1"`` or ``"ols"``.
    slice_time_ref
        When within a volume it was acquired, from 0 (its beginning) to 1; 0.5 is what fMRIPrep corrects slices to, and
        the mean of slices that were not corrected.

    Raises
    ------
    SpecError
        If an option is unknown or out of range.

    Examples
    --------
    >>> print(FirstLevel(estimate="trial", values="percent"))
    GLM of each run (nilearn): one regressor per trial, hrf spm, high-pass 0.0078 Hz, noise ar1; values: percent
    """

    estimate: str = "condition"
    values: str = "beta"
    hrf: str = "spm"
    high_pass: float = 1 / 128
    noise: str = "ar1"
    slice_time_ref: float = 0.5

    def __post_init__(self) -> None:
        fit_fields(self)
        for name, allowed in (
            ("estimate", ("condition", "trial")),
            ("values", tuple(_UNITS)),
            ("noise", ("ar1", "ols")),
        ):
            require(getattr(self, name) in allowed, name, getattr(self, name), f"one of {', '.join(allowed)}")
        hrfs = tuple(kind + end for kind in ("glover", "spm") for end in ("", " + derivative"))
        require(self.hrf in hrfs, "hrf", self.hrf, f"one of {', '.join(hrfs)}")
        require(0 <= self.slice_time_ref <= 1, "slice_time_ref", self.slice_time_ref, "a share of a volume, 0 to 1")
        require(0 < self.high_pass < 0.1, "high_pass", self.high_pass, "Hz from above 0 to below 0.1, such as 0.0078")

    @property
    def key(self) -> str:
        """Hash of all options."""
        return content_hash(asdict(self))

    def __str__(self) -> str:
        """Return the model on one line."""
        per = "stimulus" if self.estimate == "condition" else "trial"
        return (
            f"GLM of each run (nilearn): one regressor per {per}, hrf {self.hrf}, high-pass {self.high_pass:.2g} Hz, "
            "noise "
            f"{self.noise}; values: {self.values}"
        )

    def sentence(self) -> str:
        """Return the model as a sentence for a methods section."""
        return f"Responses were estimated with a {self}."

    def run(
        self, maps: Maps, events: Events, repetition_time: float | None = None, confounds: np.ndarray | None = None,
        run: str = "1",
    ) -> Trials:  # fmt: skip
        """Return the estimates of one run.

        Parameters
        ----------
        maps
            The volumes ``(n_volumes, n_places)``.
        events
            Stimuli with onsets and durations in seconds from the first volume.
        repetition_time
            Seconds between volumes; the header's unless given.
        confounds
            ``(n_volumes, n_confounds)``.
        run
            Name of the run.

        Raises
        ------
        DataError
            If events lie outside the run or have no durations, confounds have another length, or regressors depend on
            each other.
        """
        from nilearn.glm.first_level import run_glm

        seconds = maps.repetition_time(repetition_time)
        _check_events(events, len(maps) * seconds, maps.name)
        if confounds is not None and len(confounds) != len(maps):
            msg = f"{maps.name}: {len(confounds)} rows of confounds for {len(maps)} volumes; expected one each."
            raise DataError(msg)
        names = [f"{k:05d}" for k in range(len(events))]
        if self.estimate == "condition":
            order = list(dict.fromkeys(events.ids))
            names = [f"{order.index(one):05d}" for one in events.ids]
        design = self._design(names, events, len(maps), seconds, confounds)
        data = _signal(maps, self.values == "percent")
        labels, results = run_glm(data, design.to_numpy(), noise_model=self.noise)
        columns = [list(design.columns).index(name) for name in dict.fromkeys(names)]
        ids = tuple(dict.fromkeys(events.ids)) if self.estimate == "condition" else events.ids
        found = self._estimates(labels, results, columns, design.shape[1])
        return _trials(found, ids, maps, _UNITS[self.values], run, (*events.notes, self.sentence()))

    def _design(
        self, names: Sequence[str], events: Events, n: int, seconds: float, confounds: np.ndarray | None
    ) -> pd.DataFrame:
        from nilearn.glm.first_level import make_first_level_design_matrix

        table = pd.DataFrame({"trial_type": names, "onset": events.onsets, "duration": events.durations})
        extra = None if confounds is None or not confounds.shape[1] else confounds
        design = make_first_level_design_matrix(
            (np.arange(n) + self.slice_time_ref) * seconds, table, hrf_model=self.hrf, drift_model="cosine",
            high_pass=self.high_pass, add_regs=extra,
            add_reg_names=None if extra is None else [f"confound {k}" for k in range(extra.shape[1])],
        )  # fmt: skip
        values = design.to_numpy()
        scaled = values / np.maximum(np.linalg.norm(values, axis=0), 1e-12)
        singular = np.linalg.svd(scaled, compute_uv=False)
        if len(design) <= design.shape[1] or singular[0] > _ILL * singular[-1]:
            msg = (
                f"The model of a run has {design.shape[1]} regressors for {len(design)} volumes that depend on each "
                "other; "
                "expected independent ones. Use estimate = 'condition', fewer confounds, or check onsets."
            )
            raise DataError(msg)
        return design

    def _estimates(self, labels: np.ndarray, results: Any, columns: Sequence[int], n: int) -> np.ndarray:
        """Return ``(n_estimates, n_places)``."""
        from nilearn.glm.contrasts import compute_contrast

        if self.values == "z":
            rows = []
            for column in columns:
                contrast = np.zeros(n)
                contrast[column] = 1.0
                rows.append(compute_contrast(labels, results, contrast, stat_type="t").z_score())
            return np.stack(rows)
        found = np.empty((len(columns), len(labels)))
        for label, result in results.items():
            found[:, labels == label] = result.theta[list(columns)]
        return found


def event_means(
    maps: Maps, events: Events, shift: float, repetition_time: float | None = None, run: str = "1",
    length: float | None = None,
) -> Trials:  # fmt: skip
    """Return the mean of the volumes of each event, moved by a haemodynamic delay.

    A volume belongs to an event if the middle of its acquisition lies from ``onset + shift`` to before
    ``onset + shift + duration``.

    Parameters
    ----------
    maps, events, repetition_time, run
        As in :meth:`FirstLevel.run`.
    shift
        Seconds by which the response follows the stimulus; 4 to 6, say.
    length
        Seconds to average instead of the duration.

    Raises
    ------
    DataError
        If an event has no volume.
    """
    seconds = maps.repetition_time(repetition_time)
    _check_events(events, len(maps) * seconds, maps.name)
    middle = (np.arange(len(maps)) + 0.5) * seconds
    rows = []
    for k, onset in enumerate(events.onsets):
        span = events.durations[k] if length is None else length
        own = (middle >= onset + shift) & (middle < onset + shift + span)
        if not own.any():
            msg = (
                f"{maps.name}: the event at {onset:g} s has no volume from {onset + shift:g} to "
                f"{onset + shift + span:g} s "
                f"(volumes end at {len(maps) * seconds:g} s). Give a smaller shift, or length = {seconds:g} or more."
            )
            raise DataError(msg)
        rows.append(maps.data[own].mean(axis=0, dtype=np.float64))
    note = f"Responses are means of volumes {shift:g} s after events."
    return _trials(np.stack(rows), events.ids, maps, "a.u.", run, (*events.notes, note))


def _signal(maps: Maps, percent: bool) -> np.ndarray:
    data = np.asarray(maps.data, dtype=np.float64)
    if not percent:
        return data
    mean = data.mean(axis=0)
    low = np.abs(mean) <= 1e-6 * np.abs(mean).max()
    if low.any():
        msg = (
            f"{maps.name}: {int(low.sum())} of {len(mean)} places have a mean of 0; expected a signal for values = "
            "'percent'. Give a mask of the brain."
        )
        raise DataError(msg)
    return 100.0 * (data / mean - 1.0)


def _check_events(events: Events, lasts: float, name: str) -> None:
    outside = (events.onsets < 0) | (events.onsets >= lasts)
    if outside.any():
        msg = (
            f"{name}: {int(outside.sum())} of {len(events)} events lie outside the run, first "
            f"{events.onsets[outside][0]:g} "
            f"s; it lasts {lasts:g} s. Give onsets in seconds from the first volume."
        )
        raise DataError(msg)
    if not np.isfinite(events.durations).all():
        msg = f"{name}: {int((~np.isfinite(events.durations)).sum())} events have no duration; expected seconds."
        raise DataError(msg)


def _trials(values: np.ndarray, ids: Sequence[str], maps: Maps, unit: str, run: str, notes: tuple[str, ...]) -> Trials:
    return Trials(
        data=values[:, :, None], stimulus_ids=tuple(ids), channels=maps.places, times=(0.0,), modality="fMRI",
        unit=unit,
        rois=maps.rois, runs=(run,) * len(values), notes=notes, geometry=maps.geometry,
    )  # fmt: skip

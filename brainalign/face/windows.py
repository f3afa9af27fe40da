"""Recordings averaged over windows of time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError, SpecError
from brainalign.rdms import RDMs, concatenate
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource
from brainalign.storage import content_hash

#: First and last time of a window, both included, in seconds from onset.
Window = tuple[float, float]


def in_windows(source: RecordingSource, windows: Sequence[Any]) -> RecordingSource:
    """Return a source of which each window of time is one time, the mean of its times.

    Parameters
    ----------
    source
        Recordings with several times.
    windows
        Pairs of seconds from onset, first and last, both included.

    Raises
    ------
    SpecError
        If a window is no pair of increasing numbers.
    """
    pairs = []
    for window in windows:
        try:
            first, last = (float(end) for end in window)
        except (TypeError, ValueError):
            first, last = 1.0, 0.0
        if not first <= last:
            msg = f"Window {window!r}; expected the first and the last time in seconds, such as (0.05, 0.15)."
            raise SpecError(msg)
        pairs.append((first, last))
    return _Windowed(source.data_dir, source, tuple(sorted(pairs, key=sum)))


@dataclass(frozen=True, eq=False)
class _Windowed(RecordingSource):
    whole: RecordingSource = None  # type: ignore[assignment]  # always given
    windows: tuple[Window, ...] = ()

    @property
    def title(self) -> str:  # type: ignore[override]
        return self.whole.title

    @property
    def modality(self) -> str:  # type: ignore[override]
        return self.whole.modality

    @property
    def citation(self) -> str:  # type: ignore[override]
        return self.whole.citation

    @property
    def rois(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.whole.rois

    @property
    def simulated(self) -> bool:  # type: ignore[override]
        return self.whole.simulated

    @property
    def label(self) -> str:
        return self.whole.label

    @property
    def subjects(self) -> tuple[str, ...]:
        return self.whole.subjects

    @property
    def known_key(self) -> str:
        known = self.whole.known_key
        return content_hash(known, [list(window) for window in self.windows]) if known else ""

    def stimuli(self) -> Stimuli | None:
        return self.whole.stimuli()

    def stimulus_ids(self) -> tuple[str, ...]:
        return self.whole.stimulus_ids()

    def recording(self, subject: str) -> Recording | None:
        one = self.whole.recording(subject)
        return None if one is None else self._part(one)

    def each(self) -> Iterator[Recording]:
        return (self._part(one) for one in self.whole.each())

    def _part(self, one: Recording) -> Recording:
        parts = [one.window(*window) for window in self.windows]
        times = _apart([part.times[0] for part in parts], one)
        return replace(one, data=np.concatenate([part.data for part in parts], axis=2), times=times)

    def published_rdms(self, roi: str) -> RDMs | None:
        published = self.whole.published_rdms(roi)
        if published is None:
            return None
        if "time" not in published.descriptors:
            msg = f"The RDMs of {self.label!r} have no times; expected some to take windows of. Leave windows out."
            raise SpecError(msg)
        times = np.array([float(time) for time in published.descriptors["time"]])
        subjects = published.descriptors.get("subject", ("1",) * len(published))
        found = []
        for first, last in self.windows:
            inside = (times >= first) & (times <= last)
            if not inside.any():
                msg = (
                    f"The RDMs of {self.label!r} have no time from {first:g} to {last:g} s; they run from "
                    f"{times.min():g} to {times.max():g} s. Give a window among them."
                )
                raise DataError(msg)
            centre = f"{times[inside].mean():.6g}"
            for subject in dict.fromkeys(subjects):
                rows = inside & np.array([one == subject for one in subjects])
                mean = published.dissimilarities[rows].mean(axis=0, keepdims=True)
                labels = {"subject": (subject,), "time": (centre,)}
                rounding = published.rounding[rows].max(keepdims=True)
                found.append(RDMs(mean, published.stimulus_ids, published.measure, labels, rounding))
        return concatenate(found)


def _apart(times: Sequence[float], one: Recording) -> tuple[float, ...]:
    """Return the times of windows, or say that two have one."""
    if len(set(times)) < len(times):
        msg = f"Two windows of {one.dataset}/{one.subject} have the mean time {times[0]:g} s; expected one each."
        raise SpecError(msg)
    return tuple(times)

"""RDMs of every subject at every time: small beside the trials they come from."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from brainalign.condensed import Condensed
from brainalign.dissimilarities.dissimilarity import dissimilarity
from brainalign.dissimilarities.trials import Trials
from brainalign.errors import DataError, SpecError
from brainalign.mapped import release, room
from brainalign.rdms import RDMs, compute_rdms
from brainalign.recordings.recording import Recording

#: Descriptor of RDMs that says at how many seconds from onset each was recorded.
TIME = "time"


@dataclass(frozen=True, eq=False)
class Movie:
    """RDMs over one set of stimuli.

    Parameters
    ----------
    values
        ``(n_subjects, n_times, n_pairs)`` dissimilarities, in the order of
        :func:`scipy.spatial.distance.squareform`.
    rounding
        ``(n_subjects, n_times)`` rounding error of each RDM.
    stimulus_ids
        ``n_stimuli`` ids.
    subjects
        ``n_subjects`` names.
    times
        ``n_times`` seconds from onset; one 0 where nothing has times.
    measure
        The dissimilarity.
    """

    values: np.ndarray
    rounding: np.ndarray
    stimulus_ids: tuple[str, ...]
    subjects: tuple[str, ...]
    times: tuple[float, ...]
    measure: str

    @classmethod
    def of_recordings(
        cls,
        recordings: Iterable[Recording],
        roi: str,
        ids: Sequence[str],
        measure: str,
        options: Mapping[str, Any] | None = None,
    ) -> "Movie":
        """Return the RDMs of the responses of each subject to ``ids``, at each of its times.

        Of mean responses, or of trials where the dissimilarity needs them; ``options`` are its fields. Recordings are
        taken one after another, so that an iterator need not hold two.

        Raises
        ------
        SpecError
            If subjects have other times.
        DataError
            If a subject's pattern has no such dissimilarity; the message names subject, time and stimulus.
        """
        distance = dissimilarity(measure, dict(options or {}))
        if distance.needs != "means":
            return cls.joined([cls.of_trials(one.select(roi), ids, measure, options) for one in recordings])
        return cls.joined(
            [
                cls.of_means(one.means(ids, roi=roi), ids, measure, one.subject, one.times, one.name)
                for one in recordings
            ]
        )

    @classmethod
    def of_trials(
        cls, one: Recording, ids: Sequence[str], measure: str, options: Mapping[str, Any] | None = None
    ) -> "Movie":
        """Return the RDMs of one subject by a dissimilarity that takes trials, not their means.

        Raises
        ------
        DataError
            If the recording lacks what the dissimilarity needs, such as runs.
        """
        distance = dissimilarity(measure, dict(options or {}))
        values, rounding = distance.of_trials(Trials.of(one.data, one.stimulus_ids, ids, one.runs, one.name))
        return cls(
            values=values[None],
            rounding=rounding[None],
            stimulus_ids=tuple(ids),
            subjects=(one.subject,),
            times=one.times,
            measure=measure,
        )

    @classmethod
    def of_means(
        cls,
        means: np.ndarray,
        ids: Sequence[str],
        measure: str,
        subject: str,
        times: tuple[float, ...],
        name: str,
        progress: Callable[[str], None] = lambda text: None,
    ) -> "Movie":
        """Return the RDMs of one subject from its mean responses ``(n_ids, n_channels, n_times)``.

        RDMs that are too large to hold are mapped from a file, see :func:`brainalign.mapped.room`; ``progress`` is told
        of these.

        Raises
        ------
        DataError
            If a pattern has no such dissimilarity; the message begins with ``name`` and says time and stimulus.
        """
        values, rounding = room((1, len(times), len(ids) * (len(ids) - 1) // 2)), np.empty((1, len(times)))
        for k, time in enumerate(times):
            try:
                rdm = compute_rdms(means[:, :, k], ids, measure)
            except DataError as error:
                when = f" at {time:g} s" if len(times) > 1 else ""
                msg = f"{name}{when}: {error}"
                raise DataError(msg) from error
            values[0, k], rounding[0, k] = rdm.dissimilarities[0], rdm.rounding[0]
            release(values)
            if isinstance(values, np.memmap):
                progress(f"{name}: RDMs of {k + 1} of {len(times)} times")
        return cls(
            values=values, rounding=rounding, stimulus_ids=tuple(ids), subjects=(subject,), times=times, measure=measure
        )

    @classmethod
    def joined(cls, parts: Sequence["Movie"]) -> "Movie":
        """Return the RDMs of subjects over the same stimuli and times as one.

        Raises
        ------
        SpecError
            If subjects have other times.
        """
        first = parts[0]
        for one in parts:
            check_times(first.times, first.subjects[0], one.times, one.subjects[0])
        if len(parts) == 1:
            return first
        values = room((len(parts), *first.values.shape[1:]))
        for k, one in enumerate(parts):
            for time in range(len(first.times)):
                values[k, time] = one.values[0, time]
                release(one.values)
                release(values)
        rounding = np.concatenate([one.rounding for one in parts])
        subjects = tuple(one.subjects[0] for one in parts)
        return cls(
            values=values,
            rounding=rounding,
            stimulus_ids=first.stimulus_ids,
            subjects=subjects,
            times=first.times,
            measure=first.measure,
        )

    @classmethod
    def of_rdms(cls, rdms: RDMs) -> "Movie":
        """Return published RDMs by their descriptors ``"subject"`` and ``"time"``; those of one of each are averaged.

        Raises
        ------
        DataError
            If a subject lacks a time that another has.
        """
        names, at = subjects_of(rdms), times_of(rdms)
        subjects, times = tuple(dict.fromkeys(names)), tuple(sorted(set(at)))
        shape = (len(subjects), len(times))
        values, counts = np.zeros((*shape, rdms.dissimilarities.shape[1])), np.zeros(shape, int)
        rounding = np.zeros(shape)
        for row, (name, time) in enumerate(zip(names, at, strict=True)):
            place = subjects.index(name), times.index(time)
            values[place] += rdms.dissimilarities[row]
            rounding[place] = max(rounding[place], rdms.rounding[row])
            counts[place] += 1
        if not counts.all():
            subject, time = (int(index) for index in np.argwhere(counts == 0)[0])
            msg = (
                f"RDMs of subject {subjects[subject]!r} lack the time {times[time]:g} s, which others have; expected "
                "every subject at every time. Leave that time out."
            )
            raise DataError(msg)
        return cls(
            values=values / counts[:, :, None],
            rounding=rounding,
            stimulus_ids=rdms.stimulus_ids,
            subjects=subjects,
            times=times,
            measure=rdms.measure,
        )

    def windows(self, windows: Sequence[tuple[float, ...]], name: str) -> "Movie":
        """Return the mean RDMs over windows ``(tmin, tmax)`` in seconds, both included, each at its centre.

        Raises
        ------
        DataError
            If no time is in a window; the message begins with ``name``.
        """
        times, values, rounding = np.array(self.times), [], []
        for tmin, tmax in windows:
            inside = (times >= tmin) & (times <= tmax)
            if not inside.any():
                msg = (
                    f"{name} has no time from {tmin:g} to {tmax:g} s; its {len(times)} times run from {times[0]:g} to "
                    f"{times[-1]:g} s. Give a window among them."
                )
                raise DataError(msg)
            values.append(self.values[:, inside].mean(axis=1))
            rounding.append(self.rounding[:, inside].max(axis=1))
        centres = tuple((tmin + tmax) / 2 for tmin, tmax in windows)
        return Movie(
            values=np.stack(values, 1),
            rounding=np.stack(rounding, 1),
            stimulus_ids=self.stimulus_ids,
            subjects=self.subjects,
            times=centres,
            measure=self.measure,
        )

    def at(self, times: slice) -> Condensed:
        """Return the RDMs of all subjects at some times as rows, times of one subject together."""
        rows = self.values[:, times]
        return Condensed(rows.reshape(-1, rows.shape[2]), self.rounding[:, times].ravel())

    def each(self) -> RDMs:
        """Return every RDM under ``"subject"`` and, where there are several times, ``"time"`` (seconds, as text)."""
        n_times = len(self.times)
        about = {"subject": tuple(subject for subject in self.subjects for _ in self.times)}
        if n_times > 1:
            about[TIME] = tuple(repr(time) for time in self.times) * len(self.subjects)
        values = self.values.reshape(-1, self.values.shape[2])
        return RDMs(
            dissimilarities=values,
            stimulus_ids=self.stimulus_ids,
            measure=self.measure,
            descriptors=about,
            rounding=self.rounding.ravel(),
        )

    def rdms(self) -> RDMs:
        """Return one RDM per subject, under ``"subject"``: where there are several times, their mean from onset on."""
        kept = np.flatnonzero(np.asarray(self.times) >= 0) if len(self.times) > 1 else np.array([0])
        kept = kept if len(kept) else np.arange(len(self.times))
        values, rounding = np.zeros((len(self.subjects), self.values.shape[2])), self.rounding[:, kept].max(axis=1)
        for k in kept:
            values += self.values[:, k]
            release(self.values)
        values /= len(kept)
        return RDMs(
            dissimilarities=values,
            stimulus_ids=self.stimulus_ids,
            measure=self.measure,
            descriptors={"subject": self.subjects},
            rounding=rounding,
        )


def subjects_of(rdms: RDMs) -> tuple[str, ...]:
    """Return the subject of each RDM: its descriptor ``"subject"``, else its place from 1."""
    return rdms.descriptors.get("subject", tuple(str(k + 1) for k in range(len(rdms))))


def times_of(rdms: RDMs) -> tuple[float, ...]:
    """Return the seconds from onset of each RDM, 0 without a descriptor ``"time"``; no number raises DataError."""
    try:
        return tuple(float(time) for time in rdms.descriptors.get(TIME, ("0",) * len(rdms)))
    except ValueError as error:
        msg = f"Descriptor {TIME!r} of RDMs: {error}; expected seconds from onset, such as '0.15'."
        raise DataError(msg) from error


def check_times(times: Sequence[float], subject: str, others: Sequence[float], other: str) -> None:
    """Raise :class:`SpecError` unless two subjects have the same times."""
    if tuple(times) != tuple(others):
        msg = (
            f"Subject {other!r} has {len(others)} times from {others[0]:g} s, {subject!r} has {len(times)} from "
            f"{times[0]:g} s; expected the same. Resample them."
        )
        raise SpecError(msg)

"""RDMs of every subject at every time: small beside the trials they come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from brainalign.condensed import Condensed
from brainalign.dissimilarities.dissimilarity import dissimilarity
from brainalign.dissimilarities.trials import Trials
from brainalign.errors import DataError, SpecError
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
        recordings: Sequence[Recording],
        roi: str,
        ids: Sequence[str],
        measure: str,
        options: Mapping[str, Any] | None = None,
    ) -> "Movie":
        """Return the RDMs of the responses of each subject to ``ids``, at each of its times.

        Of mean responses, or of trials where the dissimilarity needs them; ``options`` are its fields.

        Raises
        ------
        SpecError
            If subjects have other times.
        DataError
            If a subject's pattern has no such dissimilarity; the message names subject, time and stimulus.
        """
        distance = dissimilarity(measure, dict(options or {}))
        times = recordings[0].times
        values, rounding = [], []
        for one in recordings:
            if one.times != times:
                msg = (
                    f"Recording {one.dataset}/{one.subject} has {len(one.times)} times from {one.times[0]:g} s, "
                    f"{recordings[0].subject!r} has {len(times)} from {times[0]:g} s; expected the same. Resample them."
                )
                raise SpecError(msg)
            if distance.needs != "means":
                trials = Trials.of(
                    one.select(roi).data, one.stimulus_ids, ids, one.runs, f"{one.dataset}/{one.subject}"
                )
                of_trials = distance.of_trials(trials)
                values.append(of_trials[0])
                rounding.append(of_trials[1])
                continue
            means = one.means(ids, roi=roi)
            rdms = [_rdm(one, time, means[:, :, k], ids, measure) for k, time in enumerate(times)]
            values.append(np.concatenate([rdm.dissimilarities for rdm in rdms]))
            rounding.append(np.concatenate([rdm.rounding for rdm in rdms]))
        subjects = tuple(one.subject for one in recordings)
        return cls(np.stack(values), np.stack(rounding), tuple(ids), subjects, times, measure)

    @classmethod
    def of_rdms(cls, rdms: RDMs) -> "Movie":
        """Return published RDMs by their descriptors ``"subject"`` and ``"time"``; those of one of each are averaged.

        Raises
        ------
        DataError
            If a subject lacks a time that another has.
        """
        names = rdms.descriptors.get("subject", tuple(str(k + 1) for k in range(len(rdms))))
        try:
            at = tuple(float(time) for time in rdms.descriptors.get(TIME, ("0",) * len(rdms)))
        except ValueError as error:
            msg = f"Descriptor {TIME!r} of RDMs: {error}; expected seconds from onset, such as '0.15'."
            raise DataError(msg) from error
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
        return cls(values / counts[:, :, None], rounding, rdms.stimulus_ids, subjects, times, rdms.measure)

    def at(self, times: slice) -> Condensed:
        """Return the RDMs of all subjects at some times as rows, times of one subject together."""
        rows = self.values[:, times]
        return Condensed(rows.reshape(-1, rows.shape[2]), self.rounding[:, times].ravel())

    def rdms(self) -> RDMs:
        """Return one RDM per subject, under ``"subject"``: where there are several times, their mean from onset on."""
        kept = np.flatnonzero(np.asarray(self.times) >= 0) if len(self.times) > 1 else np.array([0])
        kept = kept if len(kept) else np.arange(len(self.times))
        values, rounding = self.values[:, kept].mean(axis=1), self.rounding[:, kept].max(axis=1)
        return RDMs(values, self.stimulus_ids, self.measure, {"subject": self.subjects}, rounding)


def _rdm(one: Recording, time: float, patterns: np.ndarray, ids: Sequence[str], measure: str) -> RDMs:
    try:
        return compute_rdms(patterns, ids, measure)
    except DataError as error:
        when = f" at {time:g} s" if len(one.times) > 1 else ""
        msg = f"Recording {one.dataset}/{one.subject}{when}: {error}"
        raise DataError(msg) from error

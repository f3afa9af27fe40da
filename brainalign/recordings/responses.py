"""One pass over the subjects of a source: RDMs are made, and trials let go, one subject after another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from brainalign.dissimilarities.dissimilarity import dissimilarity
from brainalign.errors import StimulusMismatchError
from brainalign.mapped import HELD_BYTES as HELD_BYTES
from brainalign.recordings.facts import Facts
from brainalign.recordings.joined import check_once, check_runs, scored_ids, without_runs
from brainalign.recordings.movie import Movie, check_times
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource
from brainalign.specs import RecordingSpec


@dataclass(frozen=True, eq=False)
class Responses:
    """What is left of the trials of a source once every subject was read.

    Parameters
    ----------
    facts
        Subject to what is known of its trials.
    keys
        Content key of each recording; empty where the source knows its own.
    ids
        Stimuli over which subjects are scored, in the order in which they are shown.
    apart
        Whether subjects are scored each on stimuli of its own: they were declared to be, and differ.
    movies
        ROI to RDMs: one movie of all subjects, or one each where subjects are ``apart``.
    held
        Subject to its trials as they are compared, those that measures of responses will take and that fit.
    """

    facts: Mapping[str, Facts] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    apart: bool = False
    movies: Mapping[str, tuple[Movie, ...]] = field(default_factory=dict)
    held: dict[str, Recording] = field(default_factory=dict)

    def own(self, subject: str) -> tuple[str, ...]:
        """Return the stimuli over which a subject is scored where subjects are apart."""
        held = set(self.facts[subject].stimulus_ids)
        return tuple(one for one in self.ids if one in held)

    @classmethod
    def of(
        cls,
        source: RecordingSource,
        shown: Sequence[str],
        spec: RecordingSpec,
        rois: Sequence[str],
        look: Callable[[Recording], None] | None = None,
        progress: Callable[[str], None] = lambda text: None,
    ) -> "Responses":
        """Read every subject once.

        Parameters
        ----------
        source
            The recordings.
        shown
            Ids of the stimuli that networks are shown.
        spec
            Which stimuli are scored, what becomes of runs and times, which dissimilarity, whether trials are held.
        rois
            Where RDMs are to be made.
        look
            Called with the trials of each subject as they were read.
        progress
            Called with a short text while RDMs are made.

        Raises
        ------
        StimulusMismatchError
            If subjects do not hold the stimuli that are declared.
        DataError
            If a subject is there twice, runs cannot be centred, or a pattern has no such dissimilarity.
        SpecError
            If subjects have other times.
        """
        check_runs(spec.runs)
        reading = _Reading(source, tuple(shown), spec, tuple(rois), progress)
        for one in source.each():
            reading.add(one)
            if look is not None:
                look(one)
        return reading.finish() if reading.facts else cls()


def as_declared(one: Recording, spec: RecordingSpec) -> Recording:
    """Return a recording as it is compared, but for its stimuli: in windows, without what differs between runs."""
    one = one.windows(spec.only_windows) if spec.only_windows else one
    return without_runs(one, spec.runs)


@dataclass(frozen=True, eq=False)
class _Waiting:
    """What RDMs of a subject are made of, by ROI, until every subject's stimuli are known: means, or trials."""

    subject: str
    name: str
    times: tuple[float, ...]
    ids: tuple[str, ...]
    spec: RecordingSpec
    means: Mapping[str, np.ndarray]
    trials: Mapping[str, Recording]

    @classmethod
    def of(cls, one: Recording, ids: tuple[str, ...], spec: RecordingSpec, rois: Sequence[str]) -> "_Waiting":
        distance = dissimilarity(spec.dissimilarity_of_trials, dict(spec.dissimilarity_options))
        of_means = distance.needs == "means"
        return cls(
            subject=one.subject,
            name=one.name,
            times=one.times,
            ids=ids,
            spec=spec,
            means={roi: one.means(ids, roi=roi) for roi in rois} if of_means else {},
            trials={} if of_means else {roi: one.select(roi) for roi in rois},
        )

    def movie(self, roi: str, ids: Sequence[str], progress: Callable[[str], None]) -> Movie:
        measure = self.spec.dissimilarity_of_trials
        if self.trials:
            return Movie.of_trials(self.trials[roi], ids, measure, self.spec.dissimilarity_options)
        place = {one: k for k, one in enumerate(self.ids)}
        means = self.means[roi] if tuple(ids) == self.ids else self.means[roi][[place[one] for one in ids]]
        return Movie.of_means(means, ids, measure, self.subject, self.times, self.name, progress)


class _Reading:
    """A pass that goes on."""

    def __init__(
        self,
        source: RecordingSource,
        shown: tuple[str, ...],
        spec: RecordingSpec,
        rois: tuple[str, ...],
        progress: Callable[[str], None],
    ) -> None:
        self.progress = progress
        self.source, self.shown, self.spec, self.rois = source, shown, spec, rois
        self.facts: dict[str, Facts] = {}
        self.own: dict[str, tuple[str, ...]] = {}
        self.keys: list[str] = []
        self.held: dict[str, Recording] = {}
        self.movies: dict[str, list[Movie]] = {roi: [] for roi in rois}
        self.waiting: list[_Waiting] = []
        self._keyed = not source.known_key
        self._times: tuple[float, ...] = ()

    def add(self, one: Recording) -> None:
        check_once([*self.facts, one.subject], self.source.label)
        if self._keyed:
            self.keys.append(one.key)
        facts = Facts.of_recording(one)
        held = set(facts.stimulus_ids)
        ids = tuple(i for i in self.shown if i in held)
        self.facts[one.subject], self.own[one.subject] = facts, ids
        if self.spec.stimuli == "all" and len(ids) != max(len(held), len(self.shown)):
            return  # refused when all subjects were read, by a message that knows them all
        if not (self.rois or self.spec.of_trials):
            return  # published RDMs only are scored
        one = as_declared(one, self.spec)
        self._times = self._times or one.times
        check_times(self._times, next(iter(self.facts)), one.times, one.subject)
        self._hold(one)
        if not ids:
            return
        waiting = _Waiting.of(one, ids, self.spec, self.rois)
        if self.spec.stimuli == "shared":
            self.waiting.append(waiting)
        else:
            self._make(waiting, ids)

    def finish(self) -> Responses:
        label = self.source.label
        ids = scored_ids({s: one.stimulus_ids for s, one in self.facts.items()}, self.shown, self.spec.stimuli, label)
        none = [subject for subject, own in self.own.items() if not own]
        if none:
            msg = f"Recording {label!r}: subject {none[0]!r} has none of the stimuli that are shown. Leave it out."
            raise StimulusMismatchError(msg)
        while self.waiting:
            self._make(self.waiting.pop(0), ids)
        apart = self.spec.stimuli == "own" and len(set(map(frozenset, self.own.values()))) > 1
        movies = {roi: tuple(parts) if apart else (Movie.joined(parts),) for roi, parts in self.movies.items()}
        held = {subject: over(one, ids) for subject, one in self.held.items()}
        return Responses(facts=self.facts, keys=tuple(self.keys), ids=ids, apart=apart, movies=movies, held=held)

    def _make(self, waiting: _Waiting, ids: tuple[str, ...]) -> None:
        for roi in self.rois:
            self.movies[roi].append(waiting.movie(roi, ids, self.progress))

    def _hold(self, one: Recording) -> None:
        """Keep trials that measures of responses will take, if they fit or would be read together with all others."""
        size = one.data.nbytes + sum(kept.data.nbytes for kept in self.held.values())
        if self.spec.of_trials and (size <= HELD_BYTES or not self.source.one_by_one):
            self.held[one.subject] = one


def over(one: Recording, ids: Sequence[str]) -> Recording:
    """Return the trials of those of ``ids`` that a subject responded to."""
    kept = set(ids)
    return one.subset([i for i in dict.fromkeys(one.stimulus_ids) if i in kept])

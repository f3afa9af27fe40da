"""A set of recordings as a study compares it: over which stimuli, in which order, and what became of runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError, SpecError, StimulusMismatchError
from brainalign.rdms import RDMs
from brainalign.recordings.brain_notes import NEAR, notes
from brainalign.recordings.joined import scored_ids
from brainalign.recordings.movie import Movie, subjects_of
from brainalign.recordings.one_by_one import OneByOne
from brainalign.recordings.recording import Recording
from brainalign.recordings.responses import Responses, as_declared, over
from brainalign.recordings.source import RecordingSource
from brainalign.specs import RecordingSpec
from brainalign.time_windows import window_places

# an RDM of fewer stimuli has one pair at most
_MIN_DISPLAYED = 3


@dataclass(frozen=True, eq=False)
class Brain:
    """Recordings joined on the stimuli that networks are shown; all that is here stands in their order.

    The source is asked once for its stimuli, for the trials of each subject and for the published RDMs of each ROI.
    RDMs are made subject by subject, and trials let go. Only measures of responses (``spec.of_trials``) keep trials, up
    to :data:`~brainalign.recordings.responses.HELD_BYTES`; what does not fit is read again, subject by subject.

    Parameters
    ----------
    source
        The recordings.
    spec
        What a study declares of them.
    look
        Called with the trials of each subject as they were read, before anything is done with them.
    progress
        Called with a short text while RDMs are made.

    Examples
    --------
    >>> from brainalign.recordings.source import recording_source
    >>> source = recording_source("simulated", {"n_subjects": 3, "n_stimuli": 20, "training": {"epochs": 0.1}})
    >>> brain = Brain(source, RecordingSpec("simulated"))
    >>> brain.movies("planted")[0].values.shape  # subjects, times, pairs
    (3, 1, 190)
    """

    source: RecordingSource
    spec: RecordingSpec
    look: Callable[[Recording], None] | None = None
    progress: Callable[[str], None] = lambda text: None

    # -- what was shown -----------------------------------------------------------------------------------------------

    @cached_property
    def pictures(self) -> Stimuli | None:
        """What networks are shown; None where the source has no pictures."""
        return self.source.stimuli()

    @property
    def stimuli(self) -> Stimuli:
        """What networks are shown.

        Raises
        ------
        SpecError
            If the source has no pictures.
        """
        if self.pictures is None:
            msg = (
                f"Recording {self.source.label!r} comes without pictures, so that no network can be shown them. "
                "Compare models under the ids of its stimuli, or name a recording with pictures."
            )
            raise SpecError(msg)
        return self.pictures

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids of what was shown, pictures or not."""
        return self.source.stimulus_ids() if self.pictures is None else self.pictures.ids

    def groups_of(self, ids: Sequence[str]) -> tuple[int, ...] | None:
        """Return which of these stimuli are one, see :meth:`Stimuli.groups_of`; without pictures, none are."""
        return None if self.pictures is None else self.pictures.groups_of(ids)

    def categories(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Return the category of each of these stimuli, by the labels of the pictures.

        Raises
        ------
        SpecError
            If the source has no pictures, or these have no labels.
        """
        labels = None if self.pictures is None else self.pictures.labels
        if self.pictures is None or labels is None:
            msg = (
                f"Stimuli of {self.source.label!r} have no labels, so that no pairs are within categories. Give them "
                "labels, or compare all pairs."
            )
            raise SpecError(msg)
        by_id = dict(zip(self.pictures.ids, labels, strict=True))
        return tuple(by_id[one] for one in ids)

    # -- what came back -----------------------------------------------------------------------------------------------

    @cached_property
    def rois(self) -> tuple[str, ...]:
        """The ROIs to score, and each in each named window (``"scalp peak"``)."""
        return (*self.recorded_rois, *self._windows)

    @cached_property
    def recorded_rois(self) -> tuple[str, ...]:
        """The ROIs of the source to score, all unless the study names some; an unknown one raises SpecError."""
        for roi in self.spec.rois:
            if roi not in self.source.rois:
                known = ", ".join(self.source.rois)
                msg = f"Recording {self.source.label!r} has no ROI {roi!r}. Choose among: {known}."
                raise SpecError(msg)
        return self.spec.rois or self.source.rois

    @cached_property
    def _windows(self) -> dict[str, tuple["Brain", str]]:
        """Each ROI in each named window: the recordings averaged over it, and the ROI."""
        found: dict[str, tuple[Brain, str]] = {}
        for name, window in self.spec.named_windows.items():
            own = Brain(self.source, replace(self.spec, windows=(window,)))
            # pictures and published RDMs are read once
            own.__dict__.update(pictures=self.pictures, _published=self._published)
            found |= {place: (own, roi) for place, roi in window_places(self.recorded_rois, {name: window}).items()}
        taken = [place for place in found if place in self.source.rois]
        if taken:
            msg = f"Window {taken[0]!r} has the name of an ROI of {self.source.label!r}; give it another."
            raise SpecError(msg)
        return found

    def place(self, roi: str) -> tuple["Brain", str]:
        """Return the recordings and the ROI of a place: these and itself, or those averaged over a named window."""
        return self._windows.get(roi, (self, roi))

    def published(self, roi: str) -> RDMs | None:
        """Return the RDMs that the source publishes of a ROI; None where they are made of trials."""
        roi = self.place(roi)[1]
        if roi not in self._published:
            self._published[roi] = self.source.published_rdms(roi)
        return self._published[roi]

    @cached_property
    def _published(self) -> dict[str, RDMs | None]:
        return {}

    @cached_property
    def responses(self) -> Responses:
        """What is left of trials once every subject was read; empty where only RDMs were published."""
        made = [roi for roi in self.recorded_rois if self.published(roi) is None]
        found = Responses.of(self.source, self.ids, self.spec, made, self.look, self.progress)
        if made and not found.facts:
            msg = (
                f"Recording {self.source.label!r} has neither trials nor RDMs of {made[0]!r}; expected one recording "
                "or more. Give the source recording(subject), recordings() or published_rdms(roi)."
            )
            raise DataError(msg)
        return found

    @cached_property
    def key(self) -> str:
        """Content hash of all that the source answers for the ROIs to score; trials are not read twice for it."""
        known = self.source.known_key
        rdms = {roi: self.published(roi) for roi in self.recorded_rois}
        return known or self.source.content_key(self.responses.keys, rdms)

    def movies(self, roi: str) -> tuple[Movie, ...]:
        """Return the RDMs of subjects at every time: one movie, or one each where stimuli are each subject's own."""
        own, recorded = self.place(roi)
        if own is not self:
            return own.movies(recorded)
        if roi not in self._movies:
            rdms = self.published(roi)
            self._movies[roi] = self.responses.movies[roi] if rdms is None else self._own_movie(rdms)
        return self._movies[roi]

    @cached_property
    def _movies(self) -> dict[str, tuple[Movie, ...]]:
        return {}

    def _own_movie(self, rdms: RDMs) -> tuple[Movie, ...]:
        if self.spec.dissimilarity not in ("default", rdms.measure):
            msg = (
                f"Recording {self.source.label!r} was published as RDMs of {rdms.measure!r} distances; "
                f"dissimilarity = {self.spec.dissimilarity!r} needs trials. Leave the option out."
            )
            raise SpecError(msg)
        held = dict.fromkeys(subjects_of(rdms), rdms.stimulus_ids)
        ids = scored_ids(held, self.ids, self.spec.stimuli, self.source.label)
        movie = Movie.of_rdms(rdms.subset(ids))
        windows = self.spec.only_windows
        return (movie.windows(windows, f"Recording {self.source.label!r}") if windows else movie,)

    @property
    def has_trials(self) -> bool:
        """Whether there are responses, not RDMs alone."""
        return bool(self.responses.facts)

    @property
    def apart(self) -> bool:
        """Whether subjects are scored each on stimuli of its own: they were declared to be, and differ."""
        return self.responses.apart

    @property
    def parts(self) -> tuple[tuple[Sequence[Recording], tuple[str, ...]], ...]:
        """Recordings that are scored on the same stimuli, and these: all together, or each subject on its own.

        A recording is read when it is taken from its sequence, so that a loop over it holds one subject's trials.
        """
        subjects = tuple(self.responses.facts)
        if not self.apart:
            return ((OneByOne(self._trials, subjects), self.responses.ids),) if subjects else ()
        return tuple((OneByOne(self._trials, (one,)), self.responses.own(one)) for one in subjects)

    def _trials(self, subject: str) -> Recording:
        """Return the trials of a subject as they are compared."""
        held = self.responses.held.get(subject)
        if held is not None:
            return held
        one = self.source.recording(subject)
        if one is None:
            msg = f"Recording {self.source.label!r} answers no more for subject {subject!r}; expected its trials again."
            raise DataError(msg)
        return over(as_declared(one, self.spec), self.responses.ids)

    def displayed(self, rois: Sequence[str]) -> Stimuli:
        """Return the stimuli of which every subject has a response, for mean RDMs.

        Raises
        ------
        SpecError
            If they are fewer than 3.
        """
        if self.spec.stimuli == "all":
            return self.stimuli
        shared = set(self.ids)
        for roi in rois:
            shared = shared.intersection(*(movie.stimulus_ids for movie in self.movies(roi)))
        if len(shared) < _MIN_DISPLAYED:
            msg = (
                f"Recording {self.source.label!r}: {len(shared)} stimuli are with all subjects, expected at least "
                f"{_MIN_DISPLAYED}; the mean RDMs of a study are over those. Align these recordings from Python."
            )
            raise SpecError(msg)
        return self.stimuli.subset([i for i in self.ids if i in shared])

    def let_go(self) -> None:
        """Let trials go that nothing needs any more; the RDMs of subjects stay."""
        for one in (self, *(own for own, _ in self._windows.values())):
            if "responses" in one.__dict__:
                one.responses.held.clear()

    def check_shown(self, ids: Sequence[str], scored: Sequence[str]) -> None:
        """Raise :class:`StimulusMismatchError` unless networks saw all that is scored and only what is shown."""
        own = set(ids)
        lacking, extra = [i for i in scored if i not in own], sorted(own.difference(self.ids))
        if lacking or extra:
            remedy = "source.stimuli()" if self.pictures is not None else "what stands under source.stimulus_ids()"
            msg = (
                f"Networks were shown {len(own)} stimuli: they lack {len(lacking)} of the {len(scored)} that "
                f"{self.source.label!r} is scored on ({lacking[:3]}) and have {len(extra)} that it does not show "
                f"({extra[:3]}). Show them {remedy}."
            )
            raise StimulusMismatchError(msg)

    def notes(self, roi: str, word: str, scored: Sequence[str], of_trials: bool) -> list[str]:
        """Return sentences on what scores of a ROI rest on, see :func:`brainalign.recordings.brain_notes.notes`."""
        return notes(self, roi, word, scored, of_trials)

    @cached_property
    def near(self) -> tuple[tuple[str, str, float], ...]:
        """Pairs of pictures that are nearly identical, and how nearly."""
        return () if self.pictures is None else self.pictures.near_identical(NEAR)

"""A set of recordings as a study compares it: over which stimuli, in which order, and what became of runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import SpecError, StimulusMismatchError
from brainalign.rdms import RDMs
from brainalign.recordings.joined import joined, scored_ids
from brainalign.recordings.movie import Movie
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource
from brainalign.specs import RecordingSpec

#: Correlation of two small grey pictures above which they are reported as nearly identical.
NEAR = 0.99
# an RDM of fewer stimuli has one pair at most
_MIN_DISPLAYED = 3


@dataclass(frozen=True, eq=False)
class Brain:
    """Recordings joined on the stimuli that networks are shown; all that is here stands in their order.

    The source is asked once for its stimuli, its trials and the RDMs of each ROI.

    Parameters
    ----------
    source
        The recordings.
    spec
        What a study declares of them.
    """

    source: RecordingSource
    spec: RecordingSpec

    @cached_property
    def stimuli(self) -> Stimuli:
        """What networks are shown."""
        return self.source.stimuli()

    @cached_property
    def rois(self) -> tuple[str, ...]:
        """The ROIs to score, all of the source unless the study names some; an unknown one raises SpecError."""
        for roi in self.spec.rois:
            if roi not in self.source.rois:
                known = ", ".join(self.source.rois)
                msg = f"Recording {self.source.label!r} has no ROI {roi!r}. Choose among: {known}."
                raise SpecError(msg)
        return self.spec.rois or self.source.rois

    @cached_property
    def trials(self) -> tuple[Recording, ...]:
        """What the source holds of each subject, as it is; empty where only RDMs were published."""
        return self.source.recordings()

    def published(self, roi: str) -> RDMs:
        """Return the RDMs of a source that has its own."""
        if roi not in self._published:
            self._published[roi] = self.source.rdms(roi)
        return self._published[roi]

    @cached_property
    def _published(self) -> dict[str, RDMs]:
        return {}

    @cached_property
    def recordings(self) -> tuple[Recording, ...]:
        """One recording per subject, over the stimuli on which it is scored; empty where only RDMs were published."""
        return joined(self.trials, self.stimuli.ids, self.spec.stimuli, self.spec.runs, self.source.label)

    def movies(self, roi: str) -> tuple[Movie, ...]:
        """Return the RDMs of subjects at every time: one movie, or one each where stimuli are each subject's own."""
        if roi not in self._movies:
            self._movies[roi] = self._own_movie(roi) if self.source.has_own_rdms else self._response_movies(roi)
        return self._movies[roi]

    @cached_property
    def _movies(self) -> dict[str, tuple[Movie, ...]]:
        return {}

    def _own_movie(self, roi: str) -> tuple[Movie, ...]:
        rdms = self.published(roi)
        if self.spec.dissimilarity not in ("correlation", rdms.measure):
            msg = (
                f"Recording {self.source.label!r} was published as RDMs of {rdms.measure!r} distances; "
                f"dissimilarity = {self.spec.dissimilarity!r} needs trials. Leave the option out."
            )
            raise SpecError(msg)
        held = dict.fromkeys(rdms.descriptors.get("subject", ("1",)), rdms.stimulus_ids)
        ids = scored_ids(held, self.stimuli.ids, self.spec.stimuli, self.source.label)
        return (Movie.of_rdms(rdms.subset(ids)),)

    def _response_movies(self, roi: str) -> tuple[Movie, ...]:
        distance = self.spec.dissimilarity, self.spec.dissimilarity_options
        return tuple(Movie.of_recordings(part, roi, ids, *distance) for part, ids in self.parts)

    @cached_property
    def parts(self) -> tuple[tuple[tuple[Recording, ...], tuple[str, ...]], ...]:
        """Recordings that are scored on the same stimuli, and these: all together, or each subject on its own."""
        found = []
        for part in [(one,) for one in self.recordings] if self.apart else [self.recordings]:
            held = set(part[0].stimulus_ids)
            found.append((part, tuple(i for i in self.stimuli.ids if i in held)))
        return tuple(found)

    @cached_property
    def apart(self) -> bool:
        """Whether subjects are scored each on stimuli of its own: they were declared to be, and differ."""
        sets = {frozenset(one.stimulus_ids) for one in self.recordings} if self.spec.stimuli == "own" else set()
        return len(sets) > 1

    def displayed(self, rois: Sequence[str]) -> Stimuli:
        """Return the stimuli of which every subject has a response, for mean RDMs.

        Raises
        ------
        SpecError
            If they are fewer than 3.
        """
        if self.spec.stimuli == "all":
            return self.stimuli
        shared = set(self.stimuli.ids)
        for roi in rois:
            shared = shared.intersection(*(movie.stimulus_ids for movie in self.movies(roi)))
        if len(shared) < _MIN_DISPLAYED:
            msg = (
                f"Recording {self.source.label!r}: {len(shared)} stimuli are with all subjects, expected at least "
                f"{_MIN_DISPLAYED}; the mean RDMs of a study are over those. Align these recordings from Python."
            )
            raise SpecError(msg)
        return self.stimuli.subset([i for i in self.stimuli.ids if i in shared])

    def let_go(self) -> None:
        """Let trials go that nothing needs any more; the RDMs of subjects stay."""
        for name in ("trials", "recordings", "parts"):
            self.__dict__.pop(name, None)

    def check_shown(self, ids: Sequence[str], scored: Sequence[str]) -> None:
        """Raise :class:`StimulusMismatchError` unless networks saw all that is scored and only what is shown."""
        own = set(ids)
        lacking, extra = [i for i in scored if i not in own], sorted(own.difference(self.stimuli.ids))
        if lacking or extra:
            msg = (
                f"Networks were shown {len(own)} stimuli: they lack {len(lacking)} of the {len(scored)} that "
                f"{self.source.label!r} is scored on ({lacking[:3]}) and have {len(extra)} that it does not show "
                f"({extra[:3]}). Show them source.stimuli()."
            )
            raise StimulusMismatchError(msg)

    # -- what was done, in words --------------------------------------------------------------------------------------

    def notes(self, roi: str, word: str, scored: Sequence[str], of_trials: bool) -> list[str]:
        """Return sentences on what scores of a ROI rest on, where that is not the plain case.

        Parameters
        ----------
        roi
            The ROI.
        word
            What sentences call the measure.
        scored
            Ids of the stimuli that are scored.
        of_trials
            Whether the measure takes trials even from a source that has RDMs of its own.
        """
        found = []
        if self.apart and (of_trials or not self.source.has_own_rdms):
            sizes = sorted(len(set(one.stimulus_ids)) for one in self.recordings)
            spread = f"{sizes[0]} to {sizes[-1]}" if sizes[0] < sizes[-1] else str(sizes[0])
            found.append(
                f"{self.source.label} {roi}, {word}: each subject was scored on stimuli of its own ({spread} of "
                f"{len(self.stimuli)}, as declared), so that stimuli are fixed and there is no noise "
                "ceiling over subjects."
            )
        elif len(scored) < len(self.stimuli):
            found.append(
                f"{self.source.label} {roi}, {word}: scored on {len(scored)} of {len(self.stimuli)} stimuli, those to "
                "which every subject responded (as declared)."
            )
        return found + self._run_notes(of_trials, word) + self._group_notes(scored)

    def _run_notes(self, of_trials: bool, word: str) -> list[str]:
        label, own = self.source.label, not of_trials and self.source.has_own_rdms
        if all(one.runs is None for one in (self.trials if own else self.recordings)):
            return []
        if own:
            return [f"{label}, {word}: RDMs are those of the source; what is declared of runs did not reach them."]
        if self.spec.runs == "ignore":
            return [f"{label}: trials have runs, and what differs between runs was left in (as declared)."]
        how = (
            "the mean over the stimuli of each run was made the same, which is right where stimuli were dealt to runs "
            "at random"
            if self.spec.runs == "centre_each"
            else "what differs between runs was estimated from the stimuli that they share, and taken out"
        )
        return [f"{label}: {how}; the mean pattern over all runs stayed."]

    def _group_notes(self, scored: Sequence[str]) -> list[str]:
        found, label = [], self.source.label
        codes = self.stimuli.groups_of(scored)
        if codes is not None:
            found.append(
                f"{label}: {len(scored)} stimuli are {len(set(codes))} different ones: some are the same picture, or "
                "were declared to belong together. These are drawn together, never divided between training and test, "
                "and not compared with each other."
            )
        among = set(scored)
        near = [pair for pair in self._near if pair[0] in among and pair[1] in among]
        if near:
            first, second, r = max(near, key=lambda pair: pair[2])
            found.append(
                f"{label}: {len(near)} {'pair' if len(near) == 1 else 'pairs'} of pictures are nearly identical (r > "
                f"{NEAR:g} in grey at 32 x 32 pixels; {first} and {second}: {r:.4f}) and count as different stimuli; "
                "give them one of Stimuli's group_labels if they show the same thing."
            )
        return found

    @cached_property
    def _near(self) -> tuple[tuple[str, str, float], ...]:
        return self.stimuli.near_identical(NEAR)

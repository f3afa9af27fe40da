"""A set of recordings as a study compares it: over which stimuli, in which order, and what became of runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from brainalign.comparisons.comparison import comparisons
from brainalign.comparisons.description import GEOMETRY, PREDICTION
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import SpecError, StimulusMismatchError
from brainalign.rdms import RDMs, by_subject
from brainalign.recordings.joined import joined, response_rdms, scored_ids
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
    def recordings(self) -> tuple[Recording, ...]:
        """One recording per subject, over the stimuli on which it is scored; empty where only RDMs were published."""
        found = self.source.recordings()
        return joined(found, self.stimuli.ids, self.spec.stimuli, self.spec.runs, self.source.label)

    def rdms(self, roi: str) -> tuple[RDMs, ...]:
        """Return the RDMs of all subjects, or, where each is scored on its own stimuli, those of each subject."""
        if roi not in self._rdms:
            self._rdms[roi] = self._own_rdms(roi) if self.source.has_own_rdms else self._response_rdms(roi)
        return self._rdms[roi]

    @cached_property
    def _rdms(self) -> dict[str, tuple[RDMs, ...]]:
        return {}

    def _own_rdms(self, roi: str) -> tuple[RDMs, ...]:
        rdms = by_subject(self.source.rdms(roi))
        held = dict.fromkeys(rdms.descriptors.get("subject", ("1",)), rdms.stimulus_ids)
        return (rdms.subset(scored_ids(held, self.stimuli.ids, self.spec.stimuli, self.source.label)),)

    def _response_rdms(self, roi: str) -> tuple[RDMs, ...]:
        parts = [[one] for one in self.recordings] if self.apart else [self.recordings]
        return tuple(response_rdms(part, roi, self.stimuli.ids) for part in parts)

    @cached_property
    def apart(self) -> bool:
        """Whether subjects are scored each on stimuli of its own: they were declared to be, and differ."""
        sets = {frozenset(one.stimulus_ids) for one in self.recordings} if self.spec.stimuli == "own" else set()
        return len(sets) > 1

    def scored(self, measure: str, roi: str) -> tuple[str, ...]:
        """Return the ids of the stimuli on which any subject is scored, in the order in which they are shown."""
        if comparisons()[measure].kind == PREDICTION:
            held = {i for one in self.recordings for i in one.stimulus_ids}
        else:
            held = {i for rdms in self.rdms(roi) for i in rdms.stimulus_ids}
        return tuple(i for i in self.stimuli.ids if i in held)

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
            shared = shared.intersection(*(rdms.stimulus_ids for rdms in self.rdms(roi)))
        if len(shared) < _MIN_DISPLAYED:
            msg = (
                f"Recording {self.source.label!r}: {len(shared)} stimuli are with all subjects, expected at least "
                f"{_MIN_DISPLAYED}; the mean RDMs of a study are over those. Align these recordings from Python."
            )
            raise SpecError(msg)
        return self.stimuli.subset([i for i in self.stimuli.ids if i in shared])

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

    def notes(self, roi: str, measure: str) -> list[str]:
        """Return sentences on what a score of this ROI and measure rests on, where that is not the plain case."""
        scored = self.scored(measure, roi)
        kind, word = comparisons()[measure].kind, comparisons()[measure].word
        found = []
        if self.apart and (kind == PREDICTION or not self.source.has_own_rdms):
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
        return found + self._run_notes(kind, word) + self._group_notes(scored)

    def _run_notes(self, kind: str, word: str) -> list[str]:
        label, own = self.source.label, kind == GEOMETRY and self.source.has_own_rdms
        if all(one.runs is None for one in (self.source.recordings() if own else self.recordings)):
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

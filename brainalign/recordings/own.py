"""A recording of one's own from arrays in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from brainalign.datasets.stimuli import Stimuli, checked_ids
from brainalign.errors import SpecError
from brainalign.patterns import Patterns
from brainalign.rdms import RDMs
from brainalign.recordings.own_rdms import own_rdms
from brainalign.recordings.own_trials import ALL, own_stimuli, own_trials
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource
from brainalign.rsatoolbox_exchange import from_rsatoolbox
from brainalign.summary import Summary, some


def own_recording(
    stimuli: Any,
    trials: Any = None,
    rdms: Any = None,
    ids: Any = None,
    subjects: Sequence[str] | None = None,
    name: str = "",
    rois: Any = None,
    times: Sequence[float] | None = None,
    **about: str,
) -> RecordingSource:
    """Return arrays in memory as a source that :func:`~brainalign.alignment.align.align` takes.

    Parameters
    ----------
    stimuli
        What was shown: :class:`Stimuli`, a folder of pictures (:meth:`Stimuli.from_folder`), an array of images
        ``(n_stimuli, height, width, channels)`` with ``ids``, or None where there are no pictures, with ``ids``.
    trials
        Responses: an array ``(n_trials, n_channels)`` or ``(n_trials, n_channels, n_times)`` of one subject, a list of
        such arrays, of :class:`Recording` or of :class:`Patterns` (one per subject), or a mapping from subject to one.
    rdms
        RDMs instead: ``(n_subjects, n, n)``, ``(n_subjects, n_pairs)``, a list of one array per subject, RDMs of this
        package or of rsatoolbox; with ``times``, an axis for these before the stimuli. A mapping is by ROI.
    ids
        Id of each trial, or of each row of RDMs or image; a mapping by subject, or a list of lists, where subjects
        differ. Without, rows are the stimuli in their order, and the page says so. :class:`Recording` and RDMs of this
        package or of rsatoolbox have ids of their own.
    subjects
        Names; ``s01`` and so on unless given.
    name
        Of the recording, in tables; that of the data set of recordings, or ``"own"``, unless given.
    rois
        ROI to mask over channels ``(n_channels,)``; of RDMs, the name of their one ROI. ``"all"`` unless given.
    times
        Seconds from onset, where there is an axis of times.
    **about
        ``title``, ``modality``, ``citation``, ``unit`` (of trials) and ``dissimilarity`` (of RDMs). Recordings know
        their modality and unit.

    Raises
    ------
    SpecError
        If neither or both of trials and RDMs are given, or an option does not fit.
    StimulusMismatchError
        If ids do not fit, or an array could be read in two ways.
    DataError
        If numbers are not finite, or an RDM is not symmetric with a diagonal of 0 or NaN.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.zeros((4, 8, 8, 1), np.uint8) + np.arange(4, dtype=np.uint8)[:, None, None, None]
    >>> shown = Stimuli(("a", "b", "c", "d"), images, "Four pictures")
    >>> responses = np.random.default_rng(0).normal(size=(8, 5))  # every picture twice
    >>> source = own_recording(shown, trials=responses, ids=list("abcdabcd"), name="my_eeg")
    >>> source.subjects, source.rois, source.recording("s01").data.shape
    (('s01',), ('all',), (8, 5, 1))
    """
    carriers = _carriers(trials, Recording)
    if _carriers(trials, Patterns):
        _refuse_known({"ids": ids if _has_ids(stimuli) else None}, "patterns")
    if carriers:
        _refuse_known({"times": times, "unit": about.get("unit"), "ids": ids if _has_ids(stimuli) else None})
    name = name or _the_one({one.dataset for one in carriers}, "own")
    known_of = {"modality": _the_one({one.modality for one in carriers}, _ABOUT["modality"])} if carriers else {}
    facts = _facts({**known_of, **about}, name)
    if (trials is None) == (rdms is None):
        msg = "own_recording expects trials or rdms, one of them. Give trials = array, or rdms = array."
        raise SpecError(msg)
    shown, known = own_stimuli(stimuli, ids, name)
    if trials is not None:
        recordings, guessed = own_trials(trials, ids, known, (name, subjects, times, rois), facts)
        known = known or tuple(dict.fromkeys(i for one in recordings.values() for i in one.stimulus_ids))
        return _Own(None, name, facts, shown, known, recordings, said=_said(name, guessed))
    parts = rdms if isinstance(rdms, Mapping) else {_one_name(rois): rdms}
    carried = next((_carried(one) for one in parts.values()), None)
    if carried is not None and ids is not None and _has_ids(stimuli) and tuple(ids) != carried:
        _refuse_known({"ids": ids}, "RDMs")
    rows = carried if carried is not None else known if ids is None else checked_ids(ids, "RDMs")
    if rows is None:
        msg = "own_recording: RDMs without pictures need ids. Give ids = one per row."
        raise SpecError(msg)
    geometry = {
        str(roi): own_rdms(one, rows, subjects, times, facts["dissimilarity"]).subset(known or rows)
        for roi, one in parts.items()
    }
    unseen = [one for one in rows if known is not None and one not in set(known)]
    said = (*_said(name, ids is None and carried is None), *_said_unseen(name, unseen, len(rows)))
    return _Own(None, name, facts, shown, known or rows, {}, geometry, said)


_ABOUT = {
    "title": "{name}",
    "modality": "unknown modality",
    "citation": "unpublished data",
    "unit": "arbitrary",
    "dissimilarity": "unknown",
}


def _facts(about: Mapping[str, str], name: str) -> dict[str, str]:
    for key, value in about.items():
        if key not in _ABOUT:
            msg = f"own_recording: unknown option {key!r}. Choose one of: {', '.join(_ABOUT)}."
            raise SpecError(msg)
        if not isinstance(value, str) or not value.strip():
            msg = f"own_recording: {key} is {value!r}; expected text."
            raise SpecError(msg)
    return {key: about.get(key, value.format(name=name)) for key, value in _ABOUT.items()}


def _carriers(trials: Any, kind: type) -> list[Any]:
    """Return trials that are recordings, or patterns; none where some are something else."""
    each = list(trials.values()) if isinstance(trials, Mapping) else [trials] if isinstance(trials, kind) else trials
    return list(each) if isinstance(each, (list, tuple)) and all(isinstance(one, kind) for one in each) else []


def _has_ids(stimuli: Any) -> bool:
    """Return whether stimuli need no ids: they are no array of images."""
    return stimuli is None or isinstance(stimuli, (Stimuli, str, Path)) or isinstance(stimuli[0], str)


def _refuse_known(options: Mapping[str, Any], what: str = "recordings") -> None:
    for option, value in options.items():
        if value is not None:
            msg = f"own_recording: {option} was given, but {what} have {option} of their own. Leave {option} out."
            raise SpecError(msg)


def _the_one(values: set[str], other: str) -> str:
    return values.pop() if len(values) == 1 else other


def _carried(given: Any) -> tuple[str, ...] | None:
    """Return the ids that RDMs come with; none for arrays."""
    if isinstance(given, RDMs):
        return given.stimulus_ids
    return from_rsatoolbox(given).stimulus_ids if hasattr(given, "pattern_descriptors") else None


def _one_name(rois: Any) -> str:
    names = [ALL] if rois is None else [rois] if isinstance(rois, str) else list(rois)
    if len(names) != 1 or not isinstance(names[0], str):
        msg = f"own_recording: rois is {rois!r} for RDMs; expected one name. Give rdms = {{name: RDMs}} for several."
        raise SpecError(msg)
    return names[0]


def _said(name: str, guessed: bool) -> tuple[str, ...]:
    said = f"{name}: no ids were given; rows of arrays were taken for the stimuli in their order."
    return (said,) if guessed else ()


def _said_unseen(name: str, unseen: Sequence[str], n: int) -> tuple[str, ...]:
    said = f"{name}: {len(unseen)} of the {n} stimuli of its RDMs have no picture and are left out ({some(unseen, 3)})."
    return (said,) if unseen else ()


@dataclass(frozen=True, eq=False)
class _Own(RecordingSource):
    """Arrays in memory."""

    name: str = ""
    about: Mapping[str, str] = field(default_factory=dict)
    shown: Stimuli | None = None
    ids: tuple[str, ...] = ()
    trials: Mapping[str, Recording] = field(default_factory=dict)
    geometry: Mapping[str, RDMs] = field(default_factory=dict)
    said: tuple[str, ...] = ()

    def summary(self) -> Summary:
        """Return subjects, ROIs, and what there is of each."""
        first = next(iter(self.trials.values()), None)
        what = f"RDMs of {len(self.ids)} stimuli" if first is None else f"trials, {len(first.data)} of {first.subject}"
        if first is not None and len(first.times) > 1:
            what += f", {len(first.times)} times from {1000 * first.times[0]:g} to {1000 * first.times[-1]:g} ms"
        facts = {
            "subjects": some(self.subjects),
            "recorded": f"{self.modality}, {what}",
            "ROIs": some(self.rois),
            "pictures": "none" if self.shown is None else str(len(self.shown)),
        }
        return Summary(f"Recordings {self.name}: {self.title}", facts)

    @property
    def title(self) -> str:  # type: ignore[override]
        return self.about["title"]

    @property
    def modality(self) -> str:  # type: ignore[override]
        return self.about["modality"]

    @property
    def citation(self) -> str:  # type: ignore[override]
        return self.about["citation"]

    @property
    def simulated(self) -> bool:  # type: ignore[override]
        return any(one.simulated for one in self.trials.values())

    @property
    def label(self) -> str:
        return self.name

    @property
    def notes(self) -> tuple[str, ...]:
        return self.said

    @property
    def rois(self) -> tuple[str, ...]:  # type: ignore[override]
        shared = [one.rois for one in self.trials.values()]
        return tuple(self.geometry) or tuple(roi for roi in shared[0] if all(roi in rois for rois in shared))

    @cached_property
    def known_key(self) -> str:
        return self.content_key([one.key for one in self.trials.values()], dict(self.geometry))

    def stimuli(self) -> Stimuli | None:
        return self.shown

    def stimulus_ids(self) -> tuple[str, ...]:
        return self.ids

    def recordings(self) -> tuple[Recording, ...]:
        return tuple(self.trials.values())

    def published_rdms(self, roi: str) -> RDMs | None:
        return self.geometry.get(roi)

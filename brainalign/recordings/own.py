"""A recording of one's own from arrays in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from brainalign.asked_for import asked_for
from brainalign.datasets.stimuli import Stimuli, checked_ids
from brainalign.errors import SpecError
from brainalign.rdms import RDMs
from brainalign.recordings.own_options import ABOUT, check_for_rdms, check_for_trials, check_texts
from brainalign.recordings.own_rdms import as_rdms, own_rdms
from brainalign.recordings.own_trials import ALL, has_patterns, own_stimuli, own_trials, recordings_among
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource
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
        Id of each trial, or of each row of RDMs or image; of trials a mapping by subject, or a list of lists, where
        subjects differ. Without, rows are the stimuli in their order, and the page says so. :class:`Recording` and
        RDMs of this package or of rsatoolbox have ids of their own.
    subjects
        Names, in the order of trials or RDMs; those that these have, else ``s01`` and so on, unless given. A mapping
        of trials has names of its own.
    name
        Of the recording, in tables; that of the data set of recordings, or ``"own"``, unless given.
    rois
        ROI to mask over channels ``(n_channels,)``; of RDMs, the name of their one ROI. ``"all"`` unless given. RDMs by
        ROI have names of their own.
    times
        Seconds from onset, where there is an axis of times. :class:`Recording` has times of its own; so have RDMs with
        a descriptor ``"time"``.
    **about
        ``title``, ``modality``, ``citation``, ``unit`` (of trials) and ``dissimilarity`` (of RDMs). Recordings have a
        unit of their own; modality and dissimilarity are for recordings and RDMs that do not say theirs.

    Raises
    ------
    SpecError
        If neither or both of trials and RDMs are given, or an option does not fit: no option is left unused.
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
    if (trials is None) == (rdms is None):
        msg = "own_recording expects trials or rdms, one of them. Give trials = array, or rdms = array."
        raise SpecError(msg)
    check_texts(name, about)
    asked_for(rois, "own_recording: rois")
    if not isinstance(stimuli, Stimuli):
        asked_for(stimuli, "own_recording: stimuli")
    # ids are those of pictures where these are an array
    options = {**about, "ids": ids if _has_ids(stimuli) else None, "subjects": subjects, "times": times, "rois": rois}
    if trials is not None:
        return _of_trials(stimuli, trials, (name, ids), options)
    return _of_rdms(stimuli, rdms, (name or "own", ids), options)


def _of_trials(stimuli: Any, trials: Any, named: tuple[str, Any], options: Mapping[str, Any]) -> "_Own":
    carriers = recordings_among(trials)
    check_for_trials(options, carriers, has_patterns(trials))
    name, ids = named[0] or _the_one({one.dataset for one in carriers}, "own"), named[1]
    modality = _the_one({one.modality for one in carriers}, ABOUT["modality"])
    facts = _facts({"modality": modality, **options}, name)
    shown, known = own_stimuli(stimuli, ids, name)
    about = (name, options["subjects"], options["times"], options["rois"])
    found, guessed = own_trials(trials, ids, known, about, facts)
    known = known or tuple(dict.fromkeys(i for one in found.values() for i in one.stimulus_ids))
    return _Own(data_dir=None, name=name, about=facts, shown=shown, ids=known, trials=found, said=_said(name, guessed))


def _of_rdms(stimuli: Any, given: Any, named: tuple[str, Any], options: Mapping[str, Any]) -> "_Own":
    name, ids = named
    rdms = {str(roi): as_rdms(one) for roi, one in given.items()} if isinstance(given, Mapping) else as_rdms(given)
    check_for_rdms(options, rdms)
    parts = rdms if isinstance(rdms, dict) else {_one_name(options["rois"]): rdms}
    shown, known = own_stimuli(stimuli, ids, name)
    geometry, unseen, guessed = _geometry(parts, None if ids is None else checked_ids(ids, "RDMs"), known, options)
    known = known or next(iter(geometry.values())).stimulus_ids
    return _Own(
        data_dir=None,
        name=name,
        about=_facts(options, name),
        shown=shown,
        ids=known,
        trials={},
        geometry=geometry,
        said=(*_said(name, guessed), *_said_unseen(name, *unseen)),
    )


def _geometry(
    parts: Mapping[str, Any], ids: tuple[str, ...] | None, known: tuple[str, ...] | None, options: Mapping[str, Any]
) -> tuple[dict[str, RDMs], tuple[list[str], int], bool]:
    """Return RDMs by ROI; rows without a picture among how many; and whether rows were taken for ``known`` in order."""
    found: dict[str, RDMs] = {}
    guessed, every = False, dict[str, None]()
    pictures = known
    for roi, one in parts.items():
        rows = one.stimulus_ids if isinstance(one, RDMs) else ids or known
        if rows is None:
            msg = "own_recording: RDMs without pictures need ids. Give ids = one per row."
            raise SpecError(msg)
        if options["ids"] is not None and ids != rows:
            msg = "own_recording: ids was given, but RDMs have ids of their own. Leave ids out."
            raise SpecError(msg)
        guessed |= ids is None and not isinstance(one, RDMs)
        known = known or rows
        every |= dict.fromkeys(rows)
        found[roi] = own_rdms(one, rows, options["subjects"], options["times"], options.get("dissimilarity"))
        found[roi] = found[roi].subset(known)
    if not found:
        msg = "own_recording: rdms is empty; expected RDMs of at least one ROI, such as rdms = {'IT': array}."
        raise SpecError(msg)
    unseen = [one for one in every if pictures is not None and one not in set(pictures)]
    return found, (unseen, len(every)), guessed


def _facts(about: Mapping[str, Any], name: str) -> dict[str, str]:
    return {key: about.get(key, value.format(name=name)) for key, value in ABOUT.items()}


def _has_ids(stimuli: Any) -> bool:
    """Return whether stimuli are no array of images, which take the ids."""
    listed = hasattr(stimuli, "__len__") and not isinstance(stimuli, Stimuli)
    return not (listed and len(stimuli) and np.ndim(stimuli[0]) == 3)


def _the_one(values: set[str], other: str) -> str:
    return values.pop() if len(values) == 1 else other


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

"""The contract of a set of recordings: what was shown, to whom, and what came back."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from brainalign.datasets.manifest import load_manifest, manifests
from brainalign.datasets.stimuli import Stimuli, checked_ids, positions
from brainalign.discovery import available, create, snake_case
from brainalign.errors import DataError, SpecError
from brainalign.rdms import RDMs
from brainalign.recordings.facts import Facts
from brainalign.recordings.joined import joined
from brainalign.recordings.movie import Movie, subjects_of, times_of
from brainalign.recordings.recording import Recording
from brainalign.storage import content_hash
from brainalign.summary import Summarised, Summary, changed, some


@dataclass(frozen=True)
class RecordingSource(Summarised, ABC):
    """One set of recordings; the file ``recordings/<name>.py`` holds the class.

    A source says what was shown (:meth:`stimuli`) and answers in one of three ways; all else follows.

    - :attr:`subjects` and :meth:`recording`: trials, one subject at a time. A study holds one subject's trials at once.
    - :meth:`recordings`: the trials of all subjects together, for small sets.
    - :meth:`published_rdms`: RDMs, where no trials were published, or where those of the authors are to be scored.

    Both carry the ids of :meth:`stimulus_ids`. A source that knows more without reading its data says so in
    :meth:`facts`, :meth:`stimulus_ids` and :attr:`key`.

    Parameters
    ----------
    data_dir
        Folder that holds ``<name>/<file>``; ``None`` follows the lookup order of
        :func:`brainalign.datasets.manifest.locate`.

    Examples
    --------
    >>> import brainalign as ba
    >>> source = ba.recording("simulated", n_subjects=3, n_stimuli=20, training={"epochs": 0.1})
    >>> source.subjects, source.rois, source.label
    (('simulated 1', 'simulated 2', 'simulated 3'), ('planted',), 'simulated')
    >>> source.stimuli().ids == source.stimulus_ids()
    True
    >>> one = source.recording("simulated 2")
    >>> one.data.shape, [each.subject for each in source.each()] == [each.subject for each in source.recordings()]
    ((80, 80, 1), True)
    >>> source.rdms("planted").dissimilarities.shape, source.published_rdms("planted")
    ((3, 190), None)
    >>> source.notes
    ()
    >>> source.facts("simulated 1", "planted").n_channels, source.one_by_one
    (80, True)
    >>> source.subset(source.stimulus_ids()[:5]).responses()[0].data.shape
    (20, 80, 1)
    >>> source.key == source.content_key([each.key for each in source.each()], {"planted": None}), source.known_key
    (True, '')
    """

    title: ClassVar[str]
    modality: ClassVar[str]
    citation: ClassVar[str]
    rois: ClassVar[tuple[str, ...]]
    simulated: ClassVar[bool] = False

    data_dir: str | None = None

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        if "rdms" in vars(cls):
            msg = f"{cls.__name__} defines rdms(roi), which follows from published_rdms(roi); name it published_rdms."
            raise SpecError(msg)

    def summary(self) -> Summary:
        """Return title, ROIs, source, and options that are not the default; no data are read."""
        own = changed(self)
        facts = {
            "recorded": f"{self.modality}, ROIs: {some(self.rois)}",
            "cite": self.citation,
            **({"options": own} if own else {}),
        }
        return Summary(f"Recordings {self.label}: {self.title}", facts)

    @property
    def label(self) -> str:
        """Name in tables; sources with sessions that share no stimuli say which."""
        return snake_case(type(self).__name__)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on how the data were read, for the page; none unless a source has some."""
        return ()

    # -- what a source answers ----------------------------------------------------------------------------------------

    @abstractmethod
    def stimuli(self) -> Stimuli | None:
        """Return what was shown; None where no pictures were published, and then :meth:`stimulus_ids` is needed."""

    def stimulus_ids(self) -> tuple[str, ...]:
        """Return the ids of :meth:`stimuli`, without reading images where the source knows them otherwise.

        Without pictures: the ids of the published RDMs, else of the trials of all subjects.

        Raises
        ------
        DataError
            If there are no pictures, no RDMs and no trials.
        """
        shown = self.stimuli()
        if shown is not None:
            return shown.ids
        published = self.published_rdms(self.rois[0])
        if published is not None:
            return published.stimulus_ids
        ids = dict.fromkeys(i for one in self.each() for i in one.stimulus_ids)
        if not ids:
            raise DataError(self._nothing())
        return tuple(ids)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Names of the subjects, in the order of :meth:`recordings` or of the published RDMs.

        Raises
        ------
        SpecError
            If the source answers one subject at a time, but does not say which there are.
        """
        if self.one_by_one:
            msg = f"{type(self).__name__} answers recording(subject) but not which subjects there are; add subjects."
            raise SpecError(msg)
        found = tuple(one.subject for one in self.recordings())
        if found:
            return found
        published = [rdms for roi in self.rois if (rdms := self.published_rdms(roi)) is not None]
        return tuple(dict.fromkeys(subject for rdms in published for subject in subjects_of(rdms)))

    def recording(self, subject: str) -> Recording | None:
        """Return the trials of one subject; None where only RDMs were published.

        Raises
        ------
        DataError
            If there is no such subject.
        """
        found = {one.subject: one for one in self.recordings()}
        if found or subject not in self.subjects:
            self._require_subject(subject, tuple(found) or self.subjects)
        return found.get(subject)

    def recordings(self) -> tuple[Recording, ...]:
        """Return one recording per subject; empty where only RDMs were published.

        All are in memory together; :meth:`each` has one at a time.
        """
        return tuple(self.each()) if self.one_by_one else ()

    def published_rdms(self, roi: str) -> RDMs | None:
        """Return the RDMs that were published of a ROI; None where they are to be made of trials.

        Descriptor ``"subject"`` names the subject of each, ``"time"`` the seconds from onset where there are several
        times. The RDMs of a mean over people are one subject, such as ``"group mean"``.
        """
        del roi
        return None

    # -- what follows -------------------------------------------------------------------------------------------------

    def each(self) -> Iterator[Recording]:
        """Yield the trials of one subject after another; nothing where only RDMs were published."""
        if not self.one_by_one:
            yield from self.recordings()
            return
        for subject in self.subjects:
            one = self.recording(subject)
            if one is not None:
                yield one

    def facts(self, subject: str, roi: str) -> Facts:
        """Return ids, sizes, times and runs of a subject in a ROI; reads its data where the source does not know them.

        Raises
        ------
        DataError
            If there is no such subject or ROI.
        """
        self._require_roi(roi)
        one = self.recording(subject)
        if one is not None:
            return Facts.of_recording(one, roi)
        published = self.published_rdms(roi)
        if published is None:
            raise DataError(self._nothing())
        self._require_subject(subject, subjects_of(published))
        return Facts.of_rdms(published, tuple(sorted(set(times_of(published)))))

    @property
    def key(self) -> str:
        """Content hash: of the manifest's file hashes and the options, else of all that the source answers."""
        known = self.known_key
        if known:
            return known
        return self.content_key([one.key for one in self.each()], {roi: self.published_rdms(roi) for roi in self.rois})

    @property
    def known_key(self) -> str:
        """The key where it is known without reading data; empty where it is not."""
        name = snake_case(type(self).__name__)
        files = {file.path: file.key for file in load_manifest(name).files} if name in manifests() else {}
        if not files or not type(self).__module__.startswith("brainalign.recordings"):
            return ""
        options = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "data_dir"}
        return content_hash(name, files, options)

    def content_key(self, trials: Sequence[str], published: "dict[str, RDMs | None]") -> str:
        """Return the hash of keys of recordings and of published RDMs by ROI."""
        rdms = {
            roi: {f.name: getattr(one, f.name) for f in fields(one)}
            for roi, one in published.items()
            if one is not None
        }
        return content_hash(self.label, list(trials), rdms)

    def subset(self, ids: Sequence[str]) -> "RecordingSource":
        """Return the source of these stimuli only, in this order.

        Raises
        ------
        StimulusMismatchError
            If an id is not among those of the source, or repeats.
        """
        wanted = checked_ids(ids, f"Stimuli of {self.label!r}")
        positions(self.stimulus_ids(), wanted, self.label)
        return _Subset(self.data_dir, self, wanted)

    def responses(self, stimuli: str = "all", runs: str = "centre") -> tuple[Recording, ...]:
        """Return the recordings as they are compared, see :func:`brainalign.recordings.joined.joined`.

        Parameters
        ----------
        stimuli
            ``"all"``: subjects that did not respond to every stimulus raise; ``"shared"``, ``"own"``.
        runs
            ``"centre"``, ``"centre_each"`` or ``"ignore"``.
        """
        return joined(tuple(self.each()), self.stimulus_ids(), stimuli, runs, self.label)

    def rdms(self, roi: str) -> RDMs:
        """Return the RDMs of a ROI, one per subject and time, with descriptors ``"subject"`` and ``"time"``.

        They are those that were published, else 1 - Pearson correlation over channels between mean responses, runs
        centred, in the order of :meth:`stimulus_ids`.

        Raises
        ------
        DataError
            If the source has no such ROI, its files are missing or altered, or it holds neither trials nor RDMs.
        StimulusMismatchError
            If subjects responded to different stimuli.
        """
        self._require_roi(roi)
        published = self.published_rdms(roi)
        if published is not None:
            return published
        responses = self.responses()
        if not responses:
            raise DataError(self._nothing())
        return Movie.of_recordings(responses, roi, self.stimulus_ids(), "correlation").each()

    @property
    def one_by_one(self) -> bool:
        """Whether the source answers one subject at a time, rather than all together."""
        return type(self).recording is not RecordingSource.recording

    def _nothing(self) -> str:
        return (
            f"Recording {self.label!r} holds neither trials nor RDMs; expected one recording or more. "
            "Give it recording(subject), recordings() or published_rdms(roi)."
        )

    def _require_roi(self, roi: str) -> None:
        """Raise :class:`DataError` unless the source has the ROI."""
        if roi not in self.rois:
            msg = f"{self.title} has no ROI {roi!r}; choose one of {', '.join(self.rois)}."
            raise DataError(msg)

    def _require_subject(self, subject: str, among: Sequence[str] = ()) -> None:
        """Raise :class:`DataError` unless the source has the subject."""
        known = among or self.subjects
        if subject not in known:
            msg = f"{self.title} has no subject {subject!r}; choose one of {', '.join(dict.fromkeys(known)) or 'none'}."
            raise DataError(msg)


@dataclass(frozen=True, eq=False)
class _Subset(RecordingSource):
    """Some of the stimuli of another source."""

    whole: RecordingSource = None  # type: ignore[assignment]  # always given
    ids: tuple[str, ...] = ()

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
        return content_hash(known, list(self.ids)) if known else ""

    @property
    def notes(self) -> tuple[str, ...]:
        return self.whole.notes

    def stimuli(self) -> Stimuli | None:
        shown = self.whole.stimuli()
        return None if shown is None else shown.subset(self.ids)

    def stimulus_ids(self) -> tuple[str, ...]:
        return self.ids

    def recording(self, subject: str) -> Recording | None:
        one = self.whole.recording(subject)
        return None if one is None else self._part(one)

    def each(self) -> Iterator[Recording]:
        return (self._part(one) for one in self.whole.each())

    def published_rdms(self, roi: str) -> RDMs | None:
        published = self.whole.published_rdms(roi)
        return None if published is None else published.subset(self.ids)

    def _part(self, one: Recording) -> Recording:
        held = set(one.stimulus_ids)
        return one.subset([i for i in self.ids if i in held])


def recording_sources() -> dict[str, type[RecordingSource]]:
    """Return every set of recordings by name."""
    return available("recordings", RecordingSource)


def recording_source(name: str, options: dict[str, Any] | None = None) -> RecordingSource:
    """Return the recordings ``name`` with ``options``; unknown names and options raise :class:`SpecError`."""
    return create("recordings", RecordingSource, name, options)

"""What a source answers and what follows from it: subjects, facts, keys, subsets, one subject in memory at a time."""

import gc
import weakref
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from brainalign.comparisons.encoding import Encoding
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError, SpecError, StimulusMismatchError
from brainalign.rdms import RDMs, compute_rdms
from brainalign.recordings import responses
from brainalign.recordings.brain import Brain
from brainalign.recordings.cichy92 import Cichy92
from brainalign.recordings.facts import Facts
from brainalign.recordings.kriegeskorte92 import Kriegeskorte92
from brainalign.recordings.macaque_v4 import MacaqueV4
from brainalign.recordings.recording import Recording
from brainalign.recordings.simulated import Simulated
from brainalign.recordings.source import RecordingSource
from brainalign.specs import RecordingSpec

IDS = tuple(f"p{k}" for k in range(20))
TIMES = (-0.1, 0.0, 0.1, 0.2, 0.3)


def _recording(subject: str, ids: Sequence[str] = IDS, times: tuple[float, ...] = (0.0,)) -> Recording:
    rng = np.random.default_rng(int(subject[1:]))
    data = rng.normal(size=(2 * len(ids), 4, len(times)))
    rois = {"V1": np.array([True, True, True, False]), "V4": np.array([False, True, True, True])}
    return Recording.from_array(data, tuple(ids) * 2, times=times, subject=subject, rois=rois, dataset="small")


@dataclass(frozen=True)
class Together(RecordingSource):
    """Answers all subjects together."""

    title, modality, citation, rois = "Together", "EEG", "nobody", ("V1", "V4")
    shown: tuple[str, ...] = IDS

    def stimuli(self) -> Stimuli | None:
        pixels = np.random.default_rng(0).integers(0, 256, (len(self.shown), 8, 8, 1), dtype=np.uint8)
        return Stimuli(self.shown, pixels, "Pictures")

    def recordings(self) -> tuple[Recording, ...]:
        return tuple(_recording(f"s{k}") for k in (1, 2, 3))


@dataclass(frozen=True)
class Apart(Together):
    """Answers one subject at a time, and counts how often."""

    subjects = ("s1", "s2", "s3")  # type: ignore[assignment]
    asked: Any = None
    fewer: bool = False
    times: tuple[float, ...] = (0.0,)

    def recordings(self) -> tuple[Recording, ...]:
        return RecordingSource.recordings(self)

    def recording(self, subject: str) -> Recording:
        self._require_subject(subject)
        if self.asked is not None:
            self.asked[subject] += 1
        return _recording(subject, IDS[2:] if self.fewer and subject == "s2" else IDS, self.times)


@dataclass(frozen=True)
class Published(RecordingSource):
    """RDMs without pictures."""

    title, modality, citation, rois = "Published", "fMRI", "nobody", ("IT",)

    def stimuli(self) -> Stimuli | None:
        return None

    def published_rdms(self, roi: str) -> RDMs:
        values = np.random.default_rng(0).random((3, 190))
        return RDMs(values, IDS, "euclidean", {"subject": ("a", "b", "c")})


def _names(one: RecordingSource) -> Any:
    return type(one).__name__


@pytest.mark.parametrize("source", [Together(), Apart()], ids=_names)
def test_all_else_follows_from_trials(source: RecordingSource) -> None:
    assert source.subjects == ("s1", "s2", "s3")
    assert [one.subject for one in source.each()] == ["s1", "s2", "s3"]
    one = source.recording("s2")
    assert one is not None
    np.testing.assert_array_equal(one.data, _recording("s2").data)
    assert source.facts("s2", "V4") == Facts(IDS, 40, 3, (0.0,), ())
    assert source.published_rdms("V1") is None
    expected = compute_rdms(one.means(IDS, roi="V4")[:, :, 0], IDS).dissimilarities[0]
    np.testing.assert_array_equal(source.rdms("V4").dissimilarities[1], expected)
    with pytest.raises(DataError, match="has no subject 's9'; choose one of s1, s2, s3"):
        source.recording("s9")
    with pytest.raises(DataError, match="has no ROI 'IT'; choose one of V1, V4"):
        source.facts("s1", "IT")


def test_all_else_follows_from_published_rdms() -> None:
    source = Published()
    assert source.subjects == ("a", "b", "c")
    assert source.stimulus_ids() == IDS
    assert source.recording("b") is None
    assert source.recordings() == ()
    assert source.facts("b", "IT") == Facts(IDS)
    assert source.rdms("IT").measure == "euclidean"
    with pytest.raises(DataError, match="has no subject 'd'; choose one of a, b, c"):
        source.recording("d")


def test_a_source_that_answers_nothing_or_by_an_old_name_says_so() -> None:
    class Nothing(Published):
        def published_rdms(self, roi: str) -> None:  # type: ignore[override]
            return None

    for call in (lambda: Nothing().rdms("IT"), lambda: Nothing().stimulus_ids(), lambda: Brain(Nothing(), SPEC).key):
        with pytest.raises(DataError, match=r"'nothing' h(olds|as) neither trials nor RDMs"):
            call()
    with pytest.raises(SpecError, match=r"Old defines rdms.roi., which follows from published_rdms"):
        type("Old", (Published,), {"rdms": lambda self, roi: None})

    class Unnamed(Apart):
        subjects = RecordingSource.subjects  # type: ignore[assignment]

    with pytest.raises(SpecError, match=r"Unnamed answers recording.subject. but not which subjects there are"):
        list(Unnamed().each())


SPEC = RecordingSpec("any")


# -- keys -------------------------------------------------------------------------------------------------------------


def test_the_key_of_files_is_known_without_reading_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRAINALIGN_DATA", "/nowhere")
    keys = [MacaqueV4().key, MacaqueV4(session="201025").key, Cichy92().key]
    assert len({*keys, ""}) == 4
    assert MacaqueV4("/elsewhere").key == keys[0]  # wherever they are


def test_published_sources_say_what_they_hold_without_reading_it(
    data_dir: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRAINALIGN_DATA", "/nowhere")
    for source in (Cichy92("/nowhere"), Kriegeskorte92("/nowhere")):
        here = type(source)(data_dir)
        assert source.stimulus_ids() == here.stimulus_ids() == RecordingSource.stimulus_ids(here)
        assert source.subjects == RecordingSource.subjects.fget(here)  # type: ignore[attr-defined]
        for roi in source.rois:
            for subject in here.published_rdms(roi).descriptors["subject"]:
                assert source.facts(subject, roi) == RecordingSource.facts(here, subject, roi)
    with pytest.raises(DataError, match="has no subject 'BE'; choose one of monkeys"):
        Kriegeskorte92("/nowhere").facts("BE", "monkeyIT")


def test_the_key_of_anything_else_is_that_of_its_content() -> None:
    assert Together().key == Brain(Together(), SPEC).key
    assert Together().known_key == ""
    assert len({Together().key, Published().key, Simulated(n_stimuli=20, training={"epochs": 0.1}).key}) == 3

    class Louder(Together):
        label = "together"

        def recordings(self) -> tuple[Recording, ...]:
            return tuple(replace(one, data=2 * one.data) for one in super().recordings())

    assert Louder().key != Together().key


# -- subsets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [Together(), Apart(), Published()], ids=_names)
def test_a_subset_holds_these_stimuli_in_this_order(source: RecordingSource) -> None:
    part = source.subset(["p7", "p3", "p11", "p2"])
    assert (part.label, part.subjects, part.rois) == (source.label, source.subjects, source.rois)
    assert part.stimulus_ids() == ("p7", "p3", "p11", "p2")
    assert part.key != source.key
    roi = source.rois[0]
    np.testing.assert_allclose(
        part.rdms(roi).dissimilarities, source.rdms(roi).subset(part.stimulus_ids()).dissimilarities, atol=1e-12
    )
    shown = part.stimuli()
    assert shown is None or shown.ids == part.stimulus_ids()
    assert set(part.facts(part.subjects[0], roi).stimulus_ids) == set(part.stimulus_ids())
    with pytest.raises(StimulusMismatchError, match="1 of 2 stimuli are not in"):
        source.subset(["p1", "q"])


# -- one subject at a time --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stimuli", ["all", "shared", "own"])
def test_trials_are_asked_once_and_let_go_one_after_another(stimuli: str, monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[weakref.ref[Recording]] = []
    most = 0
    each = Apart.recording

    def watched(self: Apart, subject: str) -> Recording:
        nonlocal most
        gc.collect()
        most = max(most, sum(one() is not None for one in alive))
        one = each(self, subject)
        alive.append(weakref.ref(one))
        return one

    monkeypatch.setattr(Apart, "recording", watched)
    asked: Counter[str] = Counter()
    brain = Brain(Apart(asked=asked, fewer=stimuli != "all"), RecordingSpec("apart", stimuli=stimuli))
    movies = brain.movies("V1") + brain.movies("V4")
    assert asked == {"s1": 1, "s2": 1, "s3": 1}
    assert most <= 1  # the one before it, which the loop still names
    gc.collect()
    assert sum(one() is not None for one in alive) == 0
    assert [len(movie.subjects) for movie in movies] == ([1] * 6 if stimuli == "own" else [3, 3])
    for movie in movies:
        roi = "V1" if movie in brain.movies("V1") else "V4"
        for subject, values in zip(movie.subjects, movie.values, strict=True):
            means = _recording(subject, IDS).means(IDS, roi=roi)[:, :, 0]
            ids = movie.stimulus_ids
            if subject == "s2" and stimuli != "all":
                means = _recording(subject, IDS[2:]).means(ids, roi=roi)[:, :, 0]
            else:
                means = means[[IDS.index(one) for one in ids]]
            np.testing.assert_array_equal(values[0], compute_rdms(means, ids).dissimilarities[0])


def test_trials_that_do_not_fit_are_read_again_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = RecordingSpec("apart", measures=("rsa", "encoding"))
    found = []
    for size in (10**9, 0):
        monkeypatch.setattr(responses, "HELD_BYTES", size)
        asked: Counter[str] = Counter()
        brain = Brain(Apart(asked=asked), spec)
        brain.movies("V1")
        (prepared,) = Encoding().prepare(brain, "V1", {})
        found.append((prepared.content, prepared.ceiling, prepared.subjects))
        assert set(asked.values()) == {1 if size else 2}
        brain.let_go()
        assert brain.parts[0][0][0].subject == "s1"
    for one, other in zip(*(item[0] for item in found), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_recordings_may_come_from_a_generator() -> None:
    class Yielding(Together):
        def recordings(self) -> Iterator[Recording]:  # type: ignore[override]
            return (_recording(f"s{k}") for k in (1, 2, 3))

    np.testing.assert_array_equal(Yielding().rdms("V1").dissimilarities, Together().rdms("V1").dissimilarities)


# -- windows of time --------------------------------------------------------------------------------------------------


def test_a_window_is_scored_as_the_recording_averaged_over_it() -> None:
    windows = [[0.05, 0.25], [-0.15, 0.05]]
    spec = RecordingSpec("apart", windows=windows)  # type: ignore[arg-type]
    assert spec.windows == ((-0.15, 0.05), (0.05, 0.25))
    (movie,) = Brain(Apart(times=TIMES), spec).movies("V1")
    assert movie.times == pytest.approx((-0.05, 0.15))
    for k, (tmin, tmax) in enumerate(spec.windows):
        for subject, values in zip(movie.subjects, movie.values, strict=True):
            means = _recording(subject, IDS, TIMES).window(tmin, tmax).means(IDS, roi="V1")[:, :, 0]
            np.testing.assert_array_equal(values[k], compute_rdms(means, IDS).dissimilarities[0])


def test_published_rdms_are_averaged_over_windows() -> None:
    class Course(Published):
        def published_rdms(self, roi: str) -> RDMs:
            about = {"subject": ("a",) * 5, "time": tuple(map(str, TIMES))}
            return RDMs(np.random.default_rng(0).random((5, 190)), IDS, "decoding", about)

    values = Course().published_rdms("IT").dissimilarities
    (movie,) = Brain(Course(), RecordingSpec("course", windows=((0.05, 0.25),))).movies("IT")
    np.testing.assert_array_equal(movie.values[0, 0], values[2:4].mean(axis=0))
    with pytest.raises(
        DataError, match=r"'course' has no time from 0\.4 to 0\.5 s; its 5 times run from -0\.1 to 0\.3"
    ):
        Brain(Course(), RecordingSpec("course", windows=((0.4, 0.5),))).movies("IT")


def test_a_window_without_a_time_is_refused() -> None:
    with pytest.raises(DataError, match=r"small/s1 has no time from 0\.4 to 0\.5 s; .* Give a window among them"):
        Brain(Apart(times=TIMES), RecordingSpec("apart", windows=((0.4, 0.5),))).movies("V1")


@pytest.mark.parametrize(
    "windows", [[[0.2, 0.1]], [[0.1]], [["a", "b"]], [0.1, 0.2], "all", [[0.0, float("nan")]], [[0.0, float("inf")]]]
)
def test_windows_are_pairs_of_seconds(windows: Any) -> None:
    with pytest.raises(
        SpecError, match=r"Option windows is .*; expected pairs of seconds, the first before the second"
    ):
        RecordingSpec("apart", windows=windows)


def test_windows_of_one_centre_are_refused() -> None:
    with pytest.raises(SpecError, match="expected windows that differ in their centre, which names them"):
        RecordingSpec("apart", windows=((0.0, 0.2), (0.05, 0.15)))


# -- dissimilarities --------------------------------------------------------------------------------------------------


def test_published_rdms_of_another_kind_than_is_declared_are_refused() -> None:
    assert Brain(Published(), RecordingSpec("published")).movies("IT")[0].measure == "euclidean"
    assert Brain(Published(), RecordingSpec("published", dissimilarity="euclidean")).movies("IT")
    with pytest.raises(SpecError, match="published as RDMs of 'euclidean' distances; dissimilarity = 'correlation'"):
        Brain(Published(), RecordingSpec("published", dissimilarity="correlation")).movies("IT")

"""Recordings of one's own from arrays: every form that has one reading, and one line for the others."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import pdist, squareform

from brainalign.activations import Activations
from brainalign.alignment.align import align
from brainalign.alignment.instance import Instance
from brainalign.alignment.result import AlignmentResult
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import BrainalignError, DataError, SpecError, StimulusMismatchError
from brainalign.rdms import RDMs, compute_rdms
from brainalign.recordings.brain import Brain
from brainalign.recordings.own import own_recording
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource
from brainalign.rsatoolbox_exchange import to_rsatoolbox
from brainalign.specs import RecordingSpec, ScoringSpec

IDS = tuple(f"p{k:02d}" for k in range(20))
PIXELS = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), dtype=np.uint8)
SHOWN = Stimuli(IDS, PIXELS, "Pictures")
#: Patterns of 6 subjects, ``(6, 20, 5)``.
PATTERNS = np.random.default_rng(1).normal(size=(6, 20, 5)) + np.random.default_rng(2).normal(size=(20, 5))
SQUARE = np.stack([squareform(pdist(one, "correlation")) for one in PATTERNS])
PAIRS = np.stack([pdist(one, "correlation") for one in PATTERNS])
SUBJECTS = ("s01", "s02", "s03", "s04", "s05", "s06")
TIMES = (0.1, 0.2, 0.3)


def _instances(ids: tuple[str, ...] = IDS) -> list[Instance]:
    found = []
    for rule, role in (("untrained", "untrained"), ("backprop", "trained")):
        for seed in (0, 1, 2):
            rng = np.random.default_rng([seed, len(rule)])
            layer = rng.normal(size=(len(ids), 12)).astype(np.float32)
            shown = Activations({"hidden1": layer}, ids, f"{rule} {seed}")
            found.append(Instance(rule, "mlp", seed, 1, 1.0, True, shown, (8, 8), role))
    return found


def _align(source: RecordingSource, **declared: Any) -> AlignmentResult:
    spec = RecordingSpec(source.label, **declared)
    ids = source.stimulus_ids()
    return align(_instances(ids), source, spec, ScoringSpec(n_bootstrap=100))


# -- RDMs -------------------------------------------------------------------------------------------------------------

WITHOUT_DIAGONAL = np.where(np.eye(20, dtype=bool), np.nan, SQUARE)
FORMS: dict[str, Any] = {
    "squares": SQUARE,
    "pairs": PAIRS,
    "squares without a diagonal": WITHOUT_DIAGONAL,
    "list of squares": list(SQUARE),
    "list of pairs": list(PAIRS),
    "nested lists": SQUARE.tolist(),
    "RDMs": RDMs(PAIRS, IDS, "correlation"),
    "rsatoolbox": to_rsatoolbox(RDMs(PAIRS, IDS, "correlation", {"subject": SUBJECTS})),
    "by ROI": {"all": SQUARE},
}


@pytest.mark.parametrize("form", FORMS)
def test_rdms_in_every_form_are_the_same(form: str) -> None:
    source = own_recording(SHOWN, rdms=FORMS[form], dissimilarity="correlation")
    found = source.published_rdms("all")
    assert found is not None
    np.testing.assert_allclose(found.dissimilarities, PAIRS, atol=1e-12)
    assert (source.subjects, source.rois, found.stimulus_ids, found.measure) == (SUBJECTS, ("all",), IDS, "correlation")
    facts = source.facts("s03", "all")
    assert (facts.stimulus_ids, facts.n_trials, facts.times) == (IDS, 0, (0.0,))


TIMED = np.stack([SQUARE * (k + 1) for k in range(3)], axis=1)  # subjects, times
TIMED_FORMS = {
    "squares": TIMED,
    "pairs": np.stack([PAIRS * (k + 1) for k in range(3)], axis=1),
    "list": list(TIMED),
}


@pytest.mark.parametrize("form", TIMED_FORMS)
def test_rdms_over_time_are_a_movie(form: str) -> None:
    source = own_recording(SHOWN, rdms=TIMED_FORMS[form], times=TIMES)
    (movie,) = Brain(source, RecordingSpec("own")).movies("all")
    assert (movie.subjects, movie.times) == (SUBJECTS, TIMES)
    np.testing.assert_allclose(movie.values, PAIRS[:, None] * np.array([1, 2, 3])[:, None])


def test_one_array_with_times_is_one_subject() -> None:
    for given in (TIMED[0], TIMED_FORMS["pairs"][0]):
        source = own_recording(SHOWN, rdms=given, times=TIMES, subjects=["group mean"])
        (movie,) = Brain(source, RecordingSpec("own")).movies("all")
        assert (movie.subjects, movie.values.shape) == (("group mean",), (1, 3, 190))
    assert own_recording(SHOWN, rdms=SQUARE[0]).subjects == ("s01",)


def test_rdms_stand_under_their_ids_and_in_the_order_shown() -> None:
    order = np.random.default_rng(3).permutation(20)
    rows = [IDS[k] for k in order]
    source = own_recording(SHOWN, rdms=SQUARE[:, order][:, :, order], ids=rows, name="mine", rois="IT")
    found = source.published_rdms("IT")
    assert found is not None
    assert found.stimulus_ids == IDS
    np.testing.assert_allclose(found.dissimilarities, PAIRS)
    assert source.notes == ()
    guessed = own_recording(SHOWN, rdms=SQUARE, name="mine")
    assert guessed.notes == ("mine: no ids were given; rows of arrays were taken for the stimuli in their order.",)
    assert guessed.notes[0] in _align(guessed).scope_sentences


def test_rdms_without_pictures_are_aligned_by_their_ids(tmp_path: Path) -> None:
    source = own_recording(None, rdms=SQUARE, ids=IDS, name="labels")
    assert source.stimuli() is None
    assert own_recording(list(IDS), rdms=SQUARE, name="labels").stimulus_ids() == IDS
    with_pictures = own_recording(SHOWN, rdms=SQUARE, name="labels")
    found, other = _align(source), _align(with_pictures)
    assert "low_level" not in set(found.scores.rule)
    assert "labels: its pictures are not here, so that no low-level control was scored." in found.scope_sentences
    own = other.scores[other.scores.rule != "low_level"].reset_index(drop=True)
    np.testing.assert_allclose(found.scores.score, own.score, rtol=0, atol=1e-14)  # controls are in the product, too
    with pytest.raises(SpecError, match="'labels' comes without pictures, so that no network can be shown them"):
        _ = Brain(source, RecordingSpec("labels")).stimuli


BROKEN = SQUARE.copy()
BROKEN[2, 3, 5] += 0.1
SIMILAR = SQUARE + np.eye(20)
HOLES = SQUARE.copy()
HOLES[1, 4, 7] = HOLES[1, 7, 4] = np.nan
REFUSED = [
    (
        {"rdms": np.zeros((20, 20, 50))},
        StimulusMismatchError,
        r"RDMs have shape \(20, 20, 50\) for 20 stimuli; expected \(20, 20\) or \(190,\) .* The stimuli stand first: .*"
        r"np\.moveaxis\(rdms, -1, 0\)",
    ),
    ({"rdms": np.zeros((6, 19, 19))}, StimulusMismatchError, r"shape \(6, 19, 19\) for 20 stimuli.*: 20 are given"),
    ({"rdms": TIMED}, StimulusMismatchError, r"shape \(6, 3, 20, 20\) .* Give times, in seconds"),
    ({"rdms": list(TIMED)}, StimulusMismatchError, r"shape \(3, 20, 20\) .* only where times are given"),
    ({"rdms": TIMED, "times": (0.1, 0.2)}, SpecError, "2 times for 3 RDMs of a subject; expected one time each"),
    ({"rdms": BROKEN}, DataError, "RDM 2 is not symmetric; give whole dissimilarity matrices"),
    ({"rdms": SIMILAR}, DataError, "RDM 0 is not zero on its diagonal"),
    ({"rdms": HOLES}, DataError, "RDM 1: the dissimilarity of 'p04' and 'p07' is nan"),
    ({"rdms": SQUARE, "subjects": ["a", "b"]}, SpecError, "subjects has 2 different names for 6 subjects"),
    ({"rdms": SQUARE, "rois": ["V1", "V2"]}, SpecError, r"expected one name. Give rdms = \{name: RDMs\}"),
    ({"rdms": SQUARE, "unit": ""}, SpecError, "unit is ''; expected text"),
    ({"rdms": SQUARE, "modalty": "EEG"}, SpecError, "unknown option 'modalty'. Choose one of: title, modality"),
    ({"rdms": SQUARE, "trials": PATTERNS}, SpecError, "expects trials or rdms, one of them"),
    ({}, SpecError, "expects trials or rdms, one of them"),
    ({"rdms": SQUARE, "ids": [*IDS[1:], "q"]}, StimulusMismatchError, r"1 of 20 stimuli are not in .*'p00'"),
]


@pytest.mark.parametrize(("options", "error", "message"), REFUSED, ids=[str(k) for k in range(len(REFUSED))])
def test_what_is_no_recording_is_one_line(options: Any, error: type[BrainalignError], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        own_recording(SHOWN, **options)
    assert "\n" not in str(caught.value)


def test_three_stimuli_have_as_many_pairs_as_rows_and_must_say() -> None:
    names = ["a", "b", "c"]
    with pytest.raises(StimulusMismatchError, match="for 3 stimuli are matrices or pairs, and nothing tells which"):
        own_recording(names, rdms=np.ones((3, 3)))
    source = own_recording(names, rdms=[np.ones(3), np.full(3, 2.0)])
    assert source.subjects == ("s01", "s02")


# -- trials -----------------------------------------------------------------------------------------------------------

TRIALS = list(np.tile(PATTERNS, (1, 2, 1)) + 0.1 * np.random.default_rng(4).normal(size=(6, 40, 5)))
TRIAL_FORMS: dict[str, tuple[Any, dict[str, Any]]] = {
    "list": (TRIALS, {}),
    "mapping": (dict(zip(SUBJECTS, TRIALS, strict=True)), {}),
    "subjects first": (np.stack(TRIALS), {}),
    "four axes": (np.stack(TRIALS)[..., None], {}),
    "recordings": (
        [Recording.from_array(x, IDS * 2, subject=s) for x, s in zip(TRIALS, SUBJECTS, strict=True)],
        {"ids": None},
    ),
    "ids by subject": (TRIALS, {"ids": [IDS * 2] * 6}),
    "ids by name": (TRIALS, {"ids": dict.fromkeys(SUBJECTS, IDS * 2)}),
}


@pytest.mark.parametrize("form", TRIAL_FORMS)
def test_trials_in_every_form_are_the_same(form: str) -> None:
    trials, more = TRIAL_FORMS[form]
    source = own_recording(SHOWN, **{"trials": trials, "ids": IDS * 2, **more})
    assert (source.subjects, source.rois) == (SUBJECTS, ("all",))
    for one, expected in zip(source.each(), TRIALS, strict=True):
        np.testing.assert_array_equal(one.data[:, :, 0], expected)
        assert one.stimulus_ids == IDS * 2
    assert source.facts("s02", "all").n_trials == 40


def test_trials_are_aligned_at_once_by_every_measure() -> None:
    source = own_recording(SHOWN, trials=TRIALS, ids=IDS * 2, name="mine", modality="EEG")
    found = _align(source, measures=("rsa",), subjects="random")
    assert set(found.scores.dataset) == {"mine"}
    expected = compute_rdms(source.recordings()[0].means(IDS)[:, :, 0], IDS).dissimilarities[0]
    (movie,) = Brain(source, RecordingSpec("mine")).movies("all")
    np.testing.assert_array_equal(movie.values[0, 0], expected)


def test_an_array_of_one_subject_may_have_times() -> None:
    course = np.stack([TRIALS[0]] * 3, axis=2)
    source = own_recording(SHOWN, trials=course, ids=IDS * 2, times=TIMES, rois={"front": np.arange(5) < 2})
    (one,) = source.each()
    assert (one.times, one.data.shape, source.rois) == (TIMES, (40, 5, 3), ("front",))
    assert source.facts("s01", "front").n_channels == 2


def test_an_array_with_two_readings_is_refused_unless_something_tells() -> None:
    square = np.random.default_rng(0).normal(size=(20, 20, 5))
    message = r"Trials have shape \(20, 20, 5\) for 20 ids: .* nothing tells which\. Give times = seconds for the first"
    with pytest.raises(StimulusMismatchError, match=message):
        own_recording(SHOWN, trials=square, ids=IDS)
    assert len(own_recording(SHOWN, trials=square, ids=IDS, times=range(5)).subjects) == 1
    assert len(own_recording(SHOWN, trials=list(square), ids=IDS).subjects) == 20


TRIALS_REFUSED = [
    ({"trials": TRIALS}, StimulusMismatchError, "subject 's01' has 40 trials for 20 stimuli, and no ids"),
    ({"trials": TRIALS, "ids": IDS}, StimulusMismatchError, r"data has shape \(40, 5, 1\), but ids"),
    ({"trials": np.zeros((40, 5, 3)), "ids": IDS * 2}, DataError, "data has 3 times; expected to be told when"),
    ({"trials": TRIALS, "ids": {"s01": IDS * 2}}, SpecError, "no ids of subject 's02'; ids are of s01"),
    ({"trials": TRIALS, "ids": IDS * 2, "subjects": ["a"]}, SpecError, "1 different names of subjects for 6"),
    ({"trials": np.zeros(40), "ids": IDS * 2}, StimulusMismatchError, r"data has shape \(40,\); expected \(n_trials"),
]


@pytest.mark.parametrize(("options", "error", "message"), TRIALS_REFUSED, ids=[str(k) for k in range(6)])
def test_trials_that_do_not_fit_are_one_line(options: Any, error: type[BrainalignError], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        own_recording(SHOWN, **options)
    assert "\n" not in str(caught.value)


# -- stimuli ----------------------------------------------------------------------------------------------------------


def test_stimuli_are_a_folder_an_array_with_ids_or_names(tmp_path: Path) -> None:
    for one, pixels in zip(IDS, PIXELS, strict=True):
        Image.fromarray(pixels[:, :, 0]).save(tmp_path / f"{one}.png")
    for given in (tmp_path, str(tmp_path), PIXELS):
        source = own_recording(given, rdms=SQUARE, ids=IDS)
        shown = source.stimuli()
        assert shown is not None
        assert shown.ids == IDS
        np.testing.assert_array_equal(shown.at(slice(None)), PIXELS)
    with pytest.raises(
        StimulusMismatchError, match=r"20 images with 40 ids; .* stimuli = Stimuli\(ids, images, name\)"
    ):
        own_recording(PIXELS, trials=TRIALS, ids=IDS * 2)
    with pytest.raises(SpecError, match="stimuli is int; expected Stimuli, a folder of pictures"):
        own_recording(3, rdms=SQUARE)


def test_the_key_is_that_of_the_content() -> None:
    first = own_recording(SHOWN, rdms=SQUARE).key
    assert own_recording(SHOWN, rdms=PAIRS.copy()).key == own_recording(SHOWN, rdms=PAIRS).key
    other = SQUARE.copy()
    other[0, 1, 2] = other[0, 2, 1] = 0.5
    keys = {first, own_recording(SHOWN, rdms=other).key, own_recording(SHOWN, trials=TRIALS, ids=IDS * 2).key}
    assert len(keys) == 3


# -- published data as simple instances -------------------------------------------------------------------------------


def test_the_eeg_set_is_one_call(data_dir: str) -> None:
    folder = Path(data_dir) / "eeg49"
    from scipy.io import loadmat

    movie = np.load(folder / "output_rdms.npy").T  # times, pairs
    times = loadmat(folder / "time_vector.mat")["time"].ravel()
    shown = Stimuli.from_folder(folder / "stimuli")
    source = own_recording(
        shown, rdms=movie, times=times, subjects=["group mean"], name="eeg49", dissimilarity="decoding accuracy",
    )  # fmt: skip
    (found,) = Brain(source, RecordingSpec("eeg49", windows=[[0.1, 0.2]])).movies("all")
    assert found.values.shape == (1, 1, 1176)
    (whole,) = Brain(source, RecordingSpec("eeg49")).movies("all")
    mean = whole.values[0].mean(axis=1)
    assert mean.max() == pytest.approx(0.670, abs=5e-4)
    assert whole.times[int(mean.argmax())] == pytest.approx(0.148, abs=2e-3)
    assert mean[np.array(whole.times) < 0].mean() == pytest.approx(0.508, abs=5e-4)


def test_the_118_images_without_pictures_are_one_call(data_dir: str) -> None:
    import h5py

    from brainalign.comparisons.noise_ceiling import noise_ceiling

    with h5py.File(Path(data_dir) / "algonauts118" / "target_fmri.mat") as file:
        evc = np.asarray(file["EVC_RDMs"])
    ids = [f"image {k + 1}" for k in range(118)]
    with pytest.raises(StimulusMismatchError, match=r"shape \(118, 118, 15\) .* np\.moveaxis\(rdms, -1, 0\)"):
        own_recording(ids, rdms=evc)
    source = own_recording(ids, rdms=np.moveaxis(evc, -1, 0), name="algonauts118", rois="EVC")
    rdms = source.published_rdms("EVC")
    assert rdms is not None
    ceiling = noise_ceiling(rdms, "spearman")
    # those of rsatoolbox's boot_noise_ceiling
    assert ceiling.lower == pytest.approx(0.12923, abs=1e-5)
    assert ceiling.upper == pytest.approx(0.32135, abs=1e-5)


def _of_people(**about: str) -> list[Recording]:
    rng = np.random.default_rng(0)
    times = {"times": [0.0, 0.1]}
    return [
        Recording.from_array(rng.normal(size=(6, 3, 2)), list("abcabc"), subject=name, **times, **about)
        for name in ("s1", "s2")
    ]


def test_recordings_say_their_name_modality_and_times() -> None:
    source = own_recording(None, trials=_of_people(dataset="my_eeg", modality="EEG", unit="uV"))
    assert (source.label, source.modality, source.subjects) == ("my_eeg", "EEG", ("s1", "s2"))
    assert "EEG, trials, 6 of s1, 2 times from 0 to 100 ms" in str(source)
    assert own_recording(None, trials=_of_people(dataset="my_eeg"), name="other", modality="MEG").label == "other"


@pytest.mark.parametrize(
    ("option", "value"), [("times", [0.0, 0.1]), ("unit", "V"), ("ids", list("abcabc"))], ids=["times", "unit", "ids"]
)
def test_what_recordings_say_themselves_is_no_option(option: str, value: Any) -> None:
    with pytest.raises(SpecError, match=f"{option} was given, but recordings have {option} of their own"):
        own_recording(None, trials=_of_people(), **{option: value})


def test_ids_that_contradict_those_of_rdms_are_refused() -> None:
    rdms = RDMs.from_matrices(1 - np.eye(4), list("abcd"), "correlation")
    with pytest.raises(SpecError, match="ids was given, but RDMs have ids of their own"):
        own_recording(None, rdms=rdms, ids=list("dcba"))
    assert own_recording(None, rdms=rdms, ids=list("abcd")).stimulus_ids() == tuple("abcd")

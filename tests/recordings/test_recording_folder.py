"""A recording in a folder: read as its file says; its key follows the bytes; mistakes are told in one line."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brainalign.comparisons.nuisance import motion_distance
from brainalign.errors import BrainalignError
from brainalign.own_data import add_data
from brainalign.rdms import compute_rdms
from brainalign.recordings.brain import Brain
from brainalign.recordings.recording_folder import recording_folder
from brainalign.recordings.source import recording_source, recording_sources
from brainalign.shipped import read_toml
from brainalign.specs import RecordingSpec
from brainalign.study import run_study
from brainalign.study_file import read_study
from tests.readers.assemblies import write_assembly

IDS = tuple(f"p{k:02d}" for k in range(20))
TIMES = (-0.1, 0.0, 0.1)
DOCS = Path(__file__).parents[2] / "docs" / "own-data.md"
TOML = """
title = "Faces, EEG"
modality = "EEG"
unit = "uV"
citation = "Us (2026)"
subjects = ["s01", "s02", "s03"]
trials = "{subject}.npy"
ids = "{subject}-ids.txt"
runs = "runs.csv"
channels = "channels.txt"
times = "times.csv"

[stimuli]
folder = "images"
labels = "labels.txt"

[rois]
back = ["O1", "Oz"]
mask = "mask.npy"
"""


def write(folder: Path, toml: str = TOML) -> Path:
    """Write a recording of three subjects, each with every picture twice."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    for name in IDS:
        Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(folder / "images" / f"{name}.png")
    for subject in ("s01", "s02", "s03"):
        np.save(folder / f"{subject}.npy", rng.normal(size=(40, 4, 3)).astype(np.float32))
        (folder / f"{subject}-ids.txt").write_text("\n".join(IDS[::-1] + IDS) + "\n", encoding="utf-8")
    (folder / "runs.csv").write_text("1\n" * 20 + "2\n" * 20, encoding="utf-8")
    (folder / "channels.txt").write_text("Fz\nO1\nOz\nO2\n", encoding="utf-8")
    (folder / "labels.txt").write_text("face\n" * 10 + "house\n" * 10, encoding="utf-8")
    np.savetxt(folder / "times.csv", TIMES, delimiter=",")
    np.save(folder / "mask.npy", np.array([True, False, False, True]))
    (folder / "recording.toml").write_text(toml, encoding="utf-8")
    return folder


RDM_TOML = """
modality = "fMRI"
dissimilarity = "correlation"

[rdms]
EVC = "evc.npy"
IT = "rdms.npz:it"

[stimuli]
folder = "images"
"""


def write_rdms(folder: Path, toml: str = RDM_TOML) -> Path:
    """Write the RDMs of four subjects in two ROIs."""
    write(folder, toml)
    rng = np.random.default_rng(1)
    made = [compute_rdms(rng.normal(size=(4, 20, 6)), IDS, sets=True) for _ in range(2)]
    np.save(folder / "evc.npy", made[0].matrices())
    np.savez(folder / "rdms.npz", it=made[1].dissimilarities, other=np.zeros(3))
    return folder


def test_trials_are_read_as_the_file_says(tmp_path: Path) -> None:
    folder = write(tmp_path / "my_eeg")
    source = recording_folder(folder)
    assert (source.label, source.title, source.modality) == ("my_eeg", "Faces, EEG", "EEG")
    assert (source.subjects, source.rois, source.notes) == (("s01", "s02", "s03"), ("back", "mask"), ())
    one = source.recording("s02")
    assert one is not None
    np.testing.assert_array_equal(one.data, np.load(folder / "s02.npy"))
    assert isinstance(one.data.base, np.memmap)  # not read as a whole
    assert (one.times, one.channels, one.unit) == (TIMES, ("Fz", "O1", "Oz", "O2"), "uV")
    assert one.stimulus_ids == IDS[::-1] + IDS
    assert one.runs == ("1",) * 20 + ("2",) * 20
    assert one.rois["back"].tolist() == [False, True, True, False]
    assert one.rois["mask"].tolist() == [True, False, False, True]
    facts = source.facts("s03", "mask")
    assert (facts.n_trials, facts.n_channels, facts.runs, facts.times) == (40, 2, ("1", "2"), TIMES)
    shown = source.stimuli()
    assert shown is not None
    assert (shown.ids, shown.labels) == (IDS, ("face",) * 10 + ("house",) * 10)


def test_motion_of_trials_is_read_as_the_file_says(tmp_path: Path) -> None:
    folder = write(tmp_path / "my_fmri")
    before = recording_folder(folder).key
    _moved((40, 6))(folder)
    source = recording_folder(folder)
    assert source.key != before
    one = source.recording("s02")
    assert one is not None
    np.testing.assert_array_equal(one.motion, np.load(folder / "s02-motion.npy"))
    (distance,) = motion_distance(one, IDS).dissimilarities
    assert distance.shape == (190,)
    assert distance.min() > 0
    key = recording_folder(folder).key
    np.save(folder / "s03-motion.npy", np.zeros((40, 6)))
    assert recording_folder(folder).key != key


def test_rois_may_be_masks_of_each_subject(tmp_path: Path) -> None:
    folder = write(tmp_path / "my_eeg")
    for k, subject in enumerate(("s01", "s02", "s03")):
        np.save(folder / f"{subject}-mask.npy", np.arange(4) <= k)
    _text("recording.toml", '"mask.npy"', '"{subject}-mask.npy"')(folder)
    source = recording_folder(folder)
    found = [source.recording(subject).rois["mask"].sum() for subject in source.subjects]
    assert found == [1, 2, 3]
    assert source.facts("s02", "mask").n_channels == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"evc.npy"', '"evc-{subject}.npy"', r'\{subject\} in rdms needs subjects\. Write subjects = \["s01"\]'),
        ("[rdms]", 'ids = "{subject}-ids.txt"\n[rdms]', r"ids is '\{subject\}-ids.txt', and all subjects share it"),
    ],
)
def test_rdms_are_named_by_subject_where_subjects_are(tmp_path: Path, old: str, new: str, message: str) -> None:
    folder = write_rdms(tmp_path / "mine", RDM_TOML.replace(old, new))
    with pytest.raises(BrainalignError, match=message):
        recording_folder(folder)


def test_rdms_have_no_motion(tmp_path: Path) -> None:
    folder = write_rdms(tmp_path / "mine", 'motion = "evc.npy"\n' + RDM_TOML)
    with pytest.raises(BrainalignError, match=r"motion is of trials, and rdms are given\. Leave motion out"):
        recording_folder(folder)


def test_rdms_are_read_as_the_file_says(tmp_path: Path) -> None:
    source = recording_folder(write_rdms(tmp_path / "my_fmri"))
    assert (source.rois, source.subjects) == (("EVC", "IT"), ("s01", "s02", "s03", "s04"))
    assert "my_fmri: no ids were given" in source.notes[0]
    rng = np.random.default_rng(1)
    for roi in source.rois:
        found = source.published_rdms(roi)
        assert found is not None
        expected = compute_rdms(rng.normal(size=(4, 20, 6)), IDS, sets=True)
        np.testing.assert_allclose(found.dissimilarities, expected.dissimilarities)
        assert found.measure == "correlation"


def test_rdms_may_be_one_file_per_subject_in_text_and_without_pictures(tmp_path: Path) -> None:
    toml = 'subjects = ["a", "b"]\nrdms = "{subject}.csv"\nrois = "IT"\n[stimuli]\nids = ["x", "y", "z", "w"]\n'
    folder = write(tmp_path / "mine", toml)
    for k, subject in enumerate("ab"):
        np.savetxt(folder / f"{subject}.csv", np.arange(6.0)[None] + k, delimiter=",")
    source = recording_folder(folder)
    assert (source.stimuli(), source.stimulus_ids(), source.rois) == (None, ("x", "y", "z", "w"), ("IT",))
    found = source.published_rdms("IT")
    assert found is not None
    assert found.descriptors == {"subject": ("a", "b")}
    np.testing.assert_array_equal(found.dissimilarities, [np.arange(6.0), np.arange(6.0) + 1])


def test_a_recording_is_found_by_name_in_a_folder_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "lab" / "recordings" / "my_eeg")
    monkeypatch.setenv("BRAINALIGN_PATH", str(tmp_path / "lab"))
    assert recording_source("my_eeg").subjects == ("s01", "s02", "s03")
    assert recording_sources()["my_eeg"].title == "Faces, EEG"
    monkeypatch.delenv("BRAINALIGN_PATH")
    with pytest.raises(BrainalignError, match="Unknown recording 'my_eeg'"):
        recording_source("my_eeg")


# -- the key ----------------------------------------------------------------------------------------------------------


def _touch(folder: Path) -> None:
    (folder / "notes.md").write_text("nothing", encoding="utf-8")


def _data(folder: Path) -> None:
    data = np.load(folder / "s02.npy")
    data[3, 2, 1] += 1e-3
    np.save(folder / "s02.npy", data)


def _text(file: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / file
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

    return change


def _picture(folder: Path) -> None:
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "images" / "p03.png")


STUDY = """
name = "mine"
readout_only = false
plausibility = "none"
[training]
dataset = "digits"
network = "mlp"
network_options = { widths = [8] }
seeds = 2
epochs = 0.1
n_checkpoints = 2
[rules.untrained]
[rules.backprop]
[[recordings]]
path = "my_eeg"
subjects = "fixed"
rois = ["back"]
windows = [[-0.05, 0.15]]
[scoring]
low_level = false
n_bootstrap = 100
"""

CHANGES = {
    "data": (_data, True),
    "an id": (_text("s01-ids.txt", "p00\np01", "p01\np00"), True),
    "a run": (_text("runs.csv", "1\n2", "1\n1"), True),
    "a picture": (_picture, True),
    "a word of the file": (_text("recording.toml", "Us (2026)", "We (2026)"), True),
    "a file beside": (_touch, False),
}


def test_a_study_scores_again_what_changed_and_nothing_else(tmp_path: Path) -> None:
    folder = write(tmp_path / "my_eeg")
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")

    def scored() -> bool:
        said: list[str] = []
        run_study(
            read_study(tmp_path / "study.toml"), tmp_path / "out", progress=lambda done, of, text: said.append(text)
        )
        return any("my_eeg" in text for text in said)

    assert scored()
    assert not scored()
    page = (tmp_path / "out" / "study.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in page
    assert "responses were averaged over a window of time, -50 to 150 ms" in page
    table = (tmp_path / "out" / "alignment.csv").read_text(encoding="utf-8")
    assert ",0.05," in table
    for name, (change, again) in CHANGES.items():
        change(folder)
        assert scored() is again, name
        assert not scored(), name


def test_networks_are_not_shown_a_recording_without_pictures_and_nothing_is_trained(tmp_path: Path) -> None:
    toml = RDM_TOML.replace('folder = "images"', "ids = " + str(list(IDS)))
    write_rdms(tmp_path / "my_eeg", toml)
    text = STUDY.replace('rois = ["back"]\nwindows = [[-0.05, 0.15]]\n', "")
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BrainalignError, match="'my_eeg' comes without pictures, so that no network can be shown them"):
        run_study(read_study(tmp_path / "study.toml"), tmp_path / "out")
    assert not (tmp_path / "out" / "populations").exists()


# -- mistakes ---------------------------------------------------------------------------------------------------------


def _remove(file: str) -> Callable[[Path], None]:
    return lambda folder: (folder / file).unlink()


def _broken(file: str, text: bytes = b"\x93NUMPY cut") -> Callable[[Path], None]:
    return lambda folder: (folder / file).write_bytes(text) and None


def _moved(shape: tuple[int, int]) -> Callable[[Path], None]:
    """Write the motion of each subject, and name it."""

    def change(folder: Path) -> None:
        for k, subject in enumerate(("s01", "s02", "s03")):
            np.save(folder / f"{subject}-motion.npy", np.random.default_rng(k).normal(size=shape))
        _text("recording.toml", "times =", 'motion = "{subject}-motion.npy"\ntimes =')(folder)

    return change


def _shared_motion(folder: Path) -> None:
    _moved((40, 6))(folder)
    _text("recording.toml", "{subject}-motion", "s01-motion")(folder)


def _named(file: str) -> Callable[[Path], None]:
    """Give each subject a file of its own, where all share one."""

    def change(folder: Path) -> None:
        for subject in ("s01", "s02", "s03"):
            (folder / f"{subject}-{file}").write_bytes((folder / file).read_bytes())
        _text("recording.toml", f'"{file}"', f'"{{subject}}-{file}"')(folder)

    return change


def _mask(folder: Path) -> None:
    np.save(folder / "mask.npy", np.array([1, 0, 0, 1]))


MISTAKES: list[tuple[Callable[[Path], None], str]] = [
    (_text("recording.toml", "modality", "modalty"), r"unknown key 'modalty'\. Choose .* The nearest is 'modality'\."),
    (_text("recording.toml", "[stimuli]", "[stimulli]"), r"unknown key 'stimulli'.* The nearest is 'stimuli'"),
    (_text("recording.toml", 'folder = "', 'foldr = "'), r"\[stimuli\]: unknown key 'foldr'.*nearest is 'folder'"),
    (
        _text("recording.toml", '"channels.txt"', '"chanels.txt"'),
        r"no file 'chanels.txt' .*Did you mean 'channels.txt'",
    ),
    (_text("recording.toml", '"images"', '"pictures"'), r"'.*pictures' is no folder; expected one with pictures"),
    (_text("recording.toml", '"EEG"', "3"), r"modality is 3; expected text"),
    (_text("recording.toml", "{subject}.npy", "s01.npy"), r"3 subjects have trials in one file, 's01.npy'\. Write"),
    (
        _text("recording.toml", "{subject}.npy", "{subject}.mat"),
        r"trials is '.*mat'; expected a file with .npy or .npz",
    ),
    (_text("recording.toml", '"s03"]', '"s03", "s03"]'), r"subjects repeat \(s01, s02, s03, s03\)"),
    (_text("recording.toml", 'subjects = ["s01", "s02", "s03"]', ""), r"trials need subjects\. Write subjects"),
    (_text("recording.toml", "trials =", 'rdms = "s01.npy"\ntrials ='), r"expected trials or rdms, one of them"),
    (_text("recording.toml", "unit", "dissimilarity"), r"dissimilarity is of rdms, and trials are given\. Leave"),
    (_text("recording.toml", "title =", "title ="[:-1]), r"is not valid TOML"),
    (_text("recording.toml", '"Oz"', '"Pz"'), r"ROI 'back' names the channel 'Pz', which is not among the 4 channels"),
    (_text("s02-ids.txt", "p03\np04\np05", "p03"), r"my_eeg/s02: 40 trials for 38 ids; expected one id per trial"),
    (_text("s02-ids.txt", "p03", "q03"), r"subject 's02' lacks 1 \(p03\) and has 1 that are not shown \(q03\)"),
    (_text("times.csv", "\n", "\n5\n"), r"data has 3 times and 6 are given; expected one each"),
    (_remove("s03.npy"), r"there is no file 's03.npy' in .* Did you mean 's0\d"),
    (_broken("s03.npy"), r"'.*s03.npy' cannot be read \(.*\); expected numbers alone"),
    (_moved((40, 5)), r"my_eeg/s01: motion is \(40, 5\) for 40 trials; expected \(n_trials, 6\)"),
    (_moved((20, 6)), r"my_eeg/s01: motion is \(20, 6\) for 40 trials; expected \(n_trials, 6\)"),
    (
        _text("recording.toml", "times =", 'motion = "{subject}-moved.npy"\ntimes ='),
        r"motion: there is no file 's01-moved.npy'",
    ),
    (_shared_motion, r"3 heads do not move alike, and motion is one file, 's01-motion.npy'\. Write \{subject\} in it"),
    (_named("times.csv"), r"times is '\{subject\}-times.csv', and all subjects share it\. Leave \{subject\} out"),
    (_named("labels.txt"), r"\[stimuli\]: labels is '\{subject\}-labels.txt', and all subjects share it"),
    (_text("recording.toml", '"{subject}-ids.txt"', "[]"), r"ids is empty \(\[\]\); expected a value"),
    (_text("recording.toml", '["O1", "Oz"]', "[]"), r"\[rois\]: back is empty \(\[\]\); expected a value"),
    (_text("recording.toml", '"EEG"', '""'), r"modality is empty \(''\); expected a value\. Leave modality out"),
    (_mask, r"the mask of ROI 'mask' holds whole numbers; expected one boolean per channel"),
]


@pytest.mark.parametrize(("mistake", "message"), MISTAKES, ids=[str(k) for k in range(len(MISTAKES))])
def test_a_mistake_is_one_line_with_the_remedy(tmp_path: Path, mistake: Callable[[Path], None], message: str) -> None:
    folder = write(tmp_path / "my_eeg")
    mistake(folder)
    with pytest.raises(BrainalignError, match=message) as caught:
        Brain(recording_folder(folder), RecordingSpec("my_eeg")).movies("back")
    assert "\n" not in str(caught.value)


def test_an_array_of_several_must_be_named(tmp_path: Path) -> None:
    toml = RDM_TOML.replace("rdms.npz:it", "rdms.npz")
    with pytest.raises(BrainalignError, match=r"holds the arrays it, other, and none is named\. Write 'rdms.npz:it'"):
        recording_folder(write_rdms(tmp_path / "mine", toml)).published_rdms("IT")


def test_a_folder_that_is_no_recording_or_has_a_taken_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrainalignError, match=r"'.*none' is no folder; expected one with a recording\.toml"):
        add_data("recordings", tmp_path / "none")
    with pytest.raises(BrainalignError, match=r"has no recording\.toml; expected one, which says what"):
        add_data("recordings", tmp_path)
    add_data("recordings", write(tmp_path / "one" / "mine"))
    with pytest.raises(BrainalignError, match="have one name, 'mine'; rename one of them"):
        add_data("recordings", write(tmp_path / "two" / "mine"))
    add_data("recordings", write(tmp_path / "cichy92"))
    with pytest.raises(BrainalignError, match=r"Recording 'cichy92' is in '.*cichy92.py' and in .*; rename your own"):
        recording_source("cichy92")


def test_a_recording_of_a_study_is_named_in_one_way(tmp_path: Path) -> None:
    write(tmp_path / "my_eeg")
    text = STUDY.replace('path = "my_eeg"', 'path = "my_eeg"\ndataset = "cichy92"')
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BrainalignError, match=r"\[\[recordings\]\]: dataset and path are given; expected one of them"):
        read_study(tmp_path / "study.toml")


def test_the_example_of_the_documentation_is_read(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    trials, rdms = (next(one for one in blocks if word in one) for word in ('trials = "{subject}.npy"', "[rdms]"))
    folder = write(tmp_path / "my_eeg", trials)
    for subject in ("s01", "s02"):
        data = np.random.default_rng(0).normal(size=(40, 6, 4))
        np.save(folder / f"{subject}.npy", data)
        (folder / f"{subject}-runs.txt").write_text("1\n" * 20 + "2\n" * 20, encoding="utf-8")
    (folder / "channels.txt").write_text("F3\nFz\nF4\nO1\nOz\nO2\n", encoding="utf-8")
    (movie,) = Brain(recording_folder(folder), RecordingSpec("my_eeg")).movies("occipital")
    assert movie.values.shape == (2, 4, 190)
    folder = write_rdms(tmp_path / "my_fmri", rdms)
    np.save(folder / "it.npy", np.load(folder / "evc.npy"))
    (folder / "order.txt").write_text("\n".join(IDS), encoding="utf-8")
    assert recording_folder(folder).published_rdms("IT") is not None
    assert read_toml(folder / "recording.toml", "recording file")["ids"] == "order.txt"


# -- assemblies -------------------------------------------------------------------------------------------------------


def _assembly(folder: Path, toml: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    coordinates = {
        "image": ("presentation", IDS * 2), "half": ("presentation", [1] * 20 + [2] * 20),
        "monkey": ("neuroid", ("b", "a", "b", "b")), "area": ("neuroid", ("IT", "V4", "V4", "IT")),
    }  # fmt: skip
    data = rng.normal(size=(4, 40)).astype(np.float32)
    write_assembly(folder / "rates.nc", data, ("neuroid", "presentation"), coordinates)
    (folder / "recording.toml").write_text(toml, encoding="utf-8")
    return folder


ASSEMBLY = """
title = "Objects"
unit = "spikes/s"

[assembly]
file = "rates.nc"
ids = "image"
animals = "monkey"
rois = "area"
runs = "half"

[stimuli]
ids = "ids.txt"
"""


def test_an_assembly_in_a_folder(tmp_path: Path) -> None:
    folder = _assembly(tmp_path / "objects", ASSEMBLY)
    (folder / "ids.txt").write_text("\n".join(IDS) + "\n", encoding="utf-8")
    one = recording_folder(folder)
    assert (one.subjects, one.rois, one.modality) == (("b", "a"), ("IT", "V4"), "unknown modality")
    assert one.stimulus_ids() == IDS
    trials = one.recording("b")
    assert trials is not None
    assert (trials.data.shape, trials.unit, trials.modality) == ((40, 3, 1), "spikes/s", "spikes")
    assert (trials.runs or ())[19:21] == ("1", "2")
    assert one.facts("b", "IT").n_channels == 2
    assert one.published_rdms("IT") is None
    key = one.key
    _assembly(folder, ASSEMBLY)
    assert recording_folder(folder).key == key
    (folder / "rates.nc").write_bytes((folder / "rates.nc").read_bytes() + b" ")
    assert recording_folder(folder).key != key
    some = _assembly(folder, ASSEMBLY.replace("unit", 'subjects = ["a"]\nunit'))
    assert recording_folder(some).subjects == ("a",)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('file = "rates.nc"', "", 'expected file. Write file = "assembly.nc", say.'),
        ('file = "rates.nc"', 'file = "rate.nc"', "there is no file 'rate.nc'"),
        ('animals = "monkey"', 'animal = "monkey"', "animal"),
        ('unit = "spikes/s"', 'motion = "m.npy"', "motion is of other recordings, and an assembly is given"),
        ('unit = "spikes/s"', 'runs = "half.txt"', "runs is of other recordings, and an assembly is given"),
        ('unit = "spikes/s"', 'trials = "a.npy"', "trials is of other recordings, and an assembly is given"),
        ('unit = "spikes/s"', 'subjects = ["c"]', "the assembly has no animal 'c'; choose among b, a"),
        ('ids = "image"', 'ids = "picture"', "has no coordinate picture of presentation; choose one of: image, half"),
        ('rois = "area"', 'rois = "region_name"', "has no coordinate region_name of neuroid"),
    ],
)
def test_mistakes_of_an_assembly(tmp_path: Path, old: str, new: str, said: str) -> None:
    folder = _assembly(tmp_path / "objects", ASSEMBLY.replace(old, new))
    (folder / "ids.txt").write_text("\n".join(IDS) + "\n", encoding="utf-8")
    with pytest.raises(BrainalignError) as caught:
        [each.data for each in recording_folder(folder).each()]
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_assembly_of_the_documentation_is_read(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    (told,) = [one for one in blocks if "[assembly]" in one]
    folder = _assembly(tmp_path / "objects", told)
    coordinates = {
        "stimulus_id": ("presentation", IDS), "session": ("presentation", ["1", "2"] * 10),
        "animal": ("neuroid", ["Chabo", "Tito"]), "region": ("neuroid", ["IT", "IT"]),
    }  # fmt: skip
    data = np.random.default_rng(0).normal(size=(20, 2))
    write_assembly(folder / "assy_objects.nc", data, ("presentation", "neuroid"), coordinates)
    (folder / "ids.txt").write_text("\n".join(IDS), encoding="utf-8")
    one = recording_folder(folder)
    assert (one.subjects, one.rois, one.recording("Tito").runs[:2]) == (("Chabo", "Tito"), ("IT",), ("1", "2"))  # type: ignore[union-attr,index]

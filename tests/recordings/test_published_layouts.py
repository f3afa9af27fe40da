"""Sources that users fetch: read from small files in the exact published layout, with its traps.

Axes differ in length, ids are shuffled, and each file holds the trap that makes a careless reader wrong.
"""

from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from brainalign.datasets.manifest import load_manifest
from brainalign.errors import DataError, SpecError
from brainalign.recordings.nsd import Nsd
from brainalign.recordings.source import recording_source, recording_sources

NAMES = (
    *("things_eeg2", "kaneshiro2015", "cichy92_meg", "generic_object_decoding", "algonauts2023"),
    *("tvsd", "nod_eeg", "things_meg", "nsd"),
    *("things_eeg1", "grootswagers_rsvp", "features_eeg_raw", "erp_core_n170"),  # in test_published_meeg.py
    *("things_fmri", "bold5000", "algonauts2019", "majaj_hong2015", "visual92_categories"),  # test_published_maps.py
)
_OF_RDMS = {"cichy92_meg": "sensors", "algonauts2019": "EVC"}


@pytest.mark.parametrize("name", NAMES)
def test_what_was_not_read_from_real_bytes_says_so(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest, one = load_manifest(name), recording_source(name, {"folder": str(tmp_path)})
    assert manifest.cautions[0].startswith("Not read from real bytes")
    assert (manifest.title, manifest.citation, manifest.modality) == (one.title, one.citation, one.modality)
    assert not manifest.files
    monkeypatch.setenv("BRAINALIGN_DATA", str(tmp_path))
    away = recording_source(name, {"data_dir": str(tmp_path)})
    with pytest.raises(DataError) as caught:
        away.published_rdms(_OF_RDMS[name]) if name in _OF_RDMS else away.stimulus_ids()
    assert manifest.instructions in str(caught.value)
    assert manifest.licence in str(caught.value)


NOTHING = {
    "things_eeg2": "holds no sub-*/preprocessed_eeg_test.npy; expected one or more. Fetch them.",
    "things_meg": "preprocessed_P1-epo.fif' to P4 do not exist; expected one or more. Fetch them.",
    "kaneshiro2015": "holds no S1.mat to S10.mat; expected one or more. Fetch them.",
    "generic_object_decoding": "holds no Subject1.h5 to Subject5.h5; expected one or more. Fetch them.",
    "tvsd": "holds no monkeyN/THINGS_normMUA.mat or monkeyF/...; expected one. Fetch them.",
}


@pytest.mark.parametrize("name", NOTHING)
def test_a_folder_without_people_says_which_files_are_missing(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        recording_source(name, {"folder": str(tmp_path)}).subjects  # noqa: B018
    assert NOTHING[name] in str(caught.value)


def test_a_base_is_no_source_and_a_class_derived_from_one_keeps_its_folder(tmp_path: Path) -> None:
    assert not [name for name in recording_sources() if name.endswith("_source")]

    class MineOfNsd(Nsd):
        pass

    assert (MineOfNsd(str(tmp_path)).label, Nsd().label) == ("mine_of_nsd subj01", "nsd subj01")
    with pytest.raises(DataError, match=r"^nsd is not here"):
        MineOfNsd(str(tmp_path)).stimulus_ids()
    with pytest.raises(SpecError, match=r"person is .subj9.; expected one of subj01, .*, subj08"):
        recording_source("nsd", {"person": "subj9"})


def picture(path: Path, seed: int, side: int = 20) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


# -- THINGS-EEG2 ------------------------------------------------------------------------------------------------------


@pytest.fixture
def things(tmp_path: Path) -> Path:
    """Five test and six training pictures; the order of the data is not that of names."""
    test = ["zebra_06s.jpg", "apple_02b.jpg", "mango_13s.jpg", "cat_01b.jpg", "boat_09s.jpg"]
    train = [f"{name}_{k:02d}b.jpg" for name in ("drum", "ant") for k in (3, 1, 2)]
    concepts = {one: f"{k:05d}_{one.split('_')[0]}" for k, one in enumerate(test + train, 1)}
    metadata = {
        "test_img_files": test, "test_img_concepts": [concepts[one] for one in test],
        "train_img_files": train, "train_img_concepts": [concepts[one] for one in train],
    }  # fmt: skip
    np.save(tmp_path / "image_metadata.npy", metadata, allow_pickle=True)
    for k, one in enumerate(test + train):
        part = "test" if one in test else "training"
        picture(tmp_path / f"{part}_images" / concepts[one] / one, k)
    for s, subject in enumerate(("sub-01", "sub-03")):
        folder = tmp_path / "preprocessed_data" / subject
        folder.mkdir(parents=True)
        for part, n, repeats in (("test", 5, 8), ("training", 6, 4)):
            values = 1000 * np.arange(n)[:, None, None, None] + 100 * np.arange(repeats)[:, None, None] + s
            data = (values + 10.0 * np.arange(3)[:, None] + np.linspace(0, 1, 7)).astype(np.float64)
            content = {
                "preprocessed_eeg_data": data,
                "ch_names": ["Pz", "O1", "Oz"],
                "times": np.linspace(-0.2, 0.79, 7),
            }
            np.save(folder / f"preprocessed_eeg_{part}.npy", content, allow_pickle=True)
    return tmp_path


def test_things_eeg2(things: Path) -> None:
    one = recording_source("things_eeg2", {"folder": str(things)})
    assert one.subjects == ("sub-01", "sub-03")
    assert one.stimulus_ids() == ("zebra_06s", "apple_02b", "mango_13s", "cat_01b", "boat_09s")
    trials = one.recording("sub-03")
    assert trials is not None
    assert trials.data.shape == (40, 3, 7)
    assert (trials.channels, trials.unit, trials.runs) == (("Pz", "O1", "Oz"), "noise SD", None)
    assert (trials.times[0], trials.times[-1]) == (-0.2, 0.79)
    # picture 2, repeat 5, channel 1, first time, person 1
    row = [k for k, i in enumerate(trials.stimulus_ids) if i == "mango_13s"][5]
    assert trials.data[row, 1, 0] == 2000 + 500 + 1 + 10
    stimuli = one.stimuli()
    assert stimuli is not None
    assert (stimuli.images.shape, stimuli.labels) == ((5, 224, 224, 3), ("zebra", "apple", "mango", "cat", "boat"))
    train = recording_source("things_eeg2", {"folder": str(things), "part": "training"})
    assert train.recording("sub-01").data.shape == (24, 3, 7)  # type: ignore[union-attr]
    assert train.stimulus_ids()[0] == "drum_03b"


def test_things_eeg2_that_does_not_fit(things: Path) -> None:
    file = things / "preprocessed_data" / "sub-01" / "preprocessed_eeg_test.npy"
    np.save(file, {"preprocessed_eeg_data": np.zeros((4, 8, 3, 7)), "ch_names": ["a"], "times": [0]}, allow_pickle=True)
    one = recording_source("things_eeg2", {"folder": str(things)})
    with pytest.raises(DataError, match=r"has shape \(4, 8, 3, 7\) for 5 pictures; expected"):
        one.recording("sub-01")
    np.save(file, {"eeg": np.zeros(3)}, allow_pickle=True)
    with pytest.raises(DataError, match="has no 'preprocessed_eeg_data'; it holds eeg"):
        one.recording("sub-01")
    (things / "test_images" / "00003_mango" / "mango_13s.jpg").unlink()
    with pytest.raises(DataError, match=r"mango_13s.jpg' does not exist"):
        recording_source("things_eeg2", {"folder": str(things)}).stimuli()
    with pytest.raises(SpecError, match="part is 'train'; expected 'test' or 'training'"):
        recording_source("things_eeg2", {"folder": str(things), "part": "train"})


def test_pictures_of_things_eeg2_and_things_fmri_overlap(data_dir: str) -> None:
    import csv

    from brainalign.data_check.source import overlap
    from brainalign.readers.arrays_only import read_pickled
    from brainalign.readers.id_forms import file_name

    metadata = read_pickled(f"{data_dir}/things_ids/image_metadata.npy")
    eeg = {part: tuple(file_name(one) for one in metadata[f"{part}_img_files"]) for part in ("train", "test")}
    with open(f"{data_dir}/things_ids/things_fmri_sub-01_StimulusMetadata.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    fmri = {
        part: tuple(dict.fromkeys(file_name(row["stimulus"]) for row in rows if row["trial_type"] == part))
        for part in ("train", "test")
    }
    assert [len(one) for one in (*eeg.values(), *fmri.values())] == [16540, 200, 8640, 100]
    found = {
        (a, b): [str(one) for one in overlap(eeg[a], fmri[b], (f"EEG {a}", f"fMRI {b}"))]
        for a in ("train", "test")
        for b in ("train", "test")
    }
    assert "77 stimuli are in both, such as 'aircraft_carrier_06s' (200 and 8640 in all)" in found["test", "train"][0]
    assert "6330 stimuli are in both" in found["train", "train"][0]
    assert found["train", "test"] == found["test", "test"] == []


# -- Kaneshiro 2015 ---------------------------------------------------------------------------------------------------


def test_the_map_of_kaneshiro_keeps_the_categories_of_the_photographs(data_dir: str) -> None:
    import csv

    from brainalign.recordings.kriegeskorte92 import Kriegeskorte92

    stimuli = Kriegeskorte92(data_dir).stimuli()
    labels = dict(zip(stimuli.ids, stimuli.labels or (), strict=True))
    with open(f"{data_dir}/kaneshiro_map/stimulus_mapping.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 72
    for row in rows:
        label = labels[f"kriegeskorte92-{int(row['cichy_index']):02d}"]
        category = row["category"].replace("bodypart", "body part").removesuffix(" inanimate")
        assert label.split(": ")[1] == category


def test_kaneshiro2015(data_dir: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    exemplars = rng.permutation(np.repeat(np.arange(1, 73), 3))[:-1]  # one repeat is missing
    data = rng.standard_normal((124, 32, len(exemplars)))
    content = {
        "X_3D": data, "X_2D": data.reshape(-1, len(exemplars)).T, "exemplarLabels": exemplars[None],
        "categoryLabels": ((exemplars - 1) // 12 + 1)[None], "Fs": 62.5, "N": 32, "T": len(exemplars), "sub": "S4",
    }  # fmt: skip
    savemat(tmp_path / "S4.mat", content)
    savemat(tmp_path / "S10.mat", {**content, "X_3D": data[:, :, 1:]})
    text = Path(data_dir, "kaneshiro_map", "stimulus_mapping.csv").read_text("utf-8")
    (tmp_path / "stimulus_mapping.csv").write_text(text)
    one = recording_source("kaneshiro2015", {"folder": str(tmp_path), "data_dir": data_dir})
    assert one.subjects == ("S4", "S10")
    trials, stimuli = one.recording("S4"), one.stimuli()
    assert trials is not None
    assert stimuli is not None
    assert (trials.data.shape, trials.unit, trials.times[1]) == ((215, 124, 32), "uV", 0.016)
    np.testing.assert_array_equal(trials.data[7], data[:, :, 7])
    assert trials.stimulus_ids[7] == one.stimulus_ids()[exemplars[7] - 1]
    assert (len(stimuli), stimuli.ids[71]) == (72, "kriegeskorte92-91")
    with pytest.raises(DataError, match=r"X_3D is \(124, 32, 214\) for 215 exemplarLabels"):
        one.recording("S10")


# -- Cichy 2014 MEG ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("percent", [1.0, 100.0])
def test_cichy92_meg(data_dir: str, tmp_path: Path, percent: float) -> None:
    rng = np.random.default_rng(0)
    values = 0.5 + 0.1 * rng.random((92, 92, 31, 2, 3))  # fewer times and people than published
    values[np.arange(92), np.arange(92)] = np.nan
    lower = np.tril_indices(92, -1)
    values[lower] = values.transpose(1, 0, 2, 3, 4)[lower]
    with h5py.File(tmp_path / "MEG_decoding_RDMs.mat", "w") as file:
        file["MEG_decoding_RDMs"] = percent * values
    one = recording_source("cichy92_meg", {"folder": str(tmp_path), "data_dir": data_dir, "step": 10})
    rdms = one.published_rdms("sensors")
    assert rdms is not None
    assert (len(rdms), rdms.measure, one.subjects) == (12, "decoding_accuracy", ("s01", "s02", "s03"))
    assert rdms.descriptors["time"][::3] == ("-0.1", "-0.09", "-0.08", "-0.07")
    expected = values[3, 50, 20, :, 1].mean()  # times 0, 10, 20: the third, second person
    matrix = rdms.select(subject="s02", time="-0.08").matrices()[0]
    assert matrix[3, 50] == pytest.approx(expected)
    assert one.stimulus_ids() == one.stimuli().ids  # type: ignore[union-attr]


def test_cichy92_meg_of_another_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "MEG_decoding_RDMs.mat", "w") as file:
        file["RDM"] = np.zeros((2, 2))
    with pytest.raises(DataError, match=r"holds RDM \(2, 2\); expected MEG_decoding_RDMs \(92, 92, time, session"):
        recording_source("cichy92_meg", {"folder": str(tmp_path)}).published_rdms("sensors")


# -- Generic Object Decoding ------------------------------------------------------------------------------------------


def test_generic_object_decoding(tmp_path: Path) -> None:
    labels = [1518878.01491, 1970164.028566, 1518878.01491, 2766534.0159, 1970164.028566, 2690373.0]
    kinds = [2, 2, 2, 1, 2, 3]  # training, test and imagery among each other
    voxels = np.random.default_rng(0).standard_normal((6, 4))
    samples = np.column_stack([np.arange(6), voxels, kinds, [1, 1, 2, 1, 2, 9], labels])
    columns = {
        "VoxelData": [np.nan, 1, 1, 1, 1, np.nan, np.nan, np.nan],
        "ROI_V1": [np.nan, 1, 0, 0, 1, np.nan, np.nan, np.nan],
        "ROI_FFA": [np.nan, 0, 0, 0, 0, np.nan, np.nan, np.nan],
        "DataType": [np.nan] * 5 + [1, np.nan, np.nan], "Run": [np.nan] * 6 + [1, np.nan], "Label": [np.nan] * 7 + [1],
    }  # fmt: skip
    with h5py.File(tmp_path / "Subject2.h5", "w") as file:
        file["dataset"] = samples
        file["metadata/key"] = np.array([name.encode() for name in columns])
        file["metadata/description"] = np.array([b"" for _ in columns])
        file["metadata/value"] = np.array(list(columns.values()), dtype=float)
    one = recording_source("generic_object_decoding", {"folder": str(tmp_path)})
    trials = one.recording("Subject2")
    assert trials is not None
    assert trials.stimulus_ids == ("n01518878_14910", "n01970164_28566", "n01518878_14910", "n01970164_28566")
    np.testing.assert_array_equal(trials.data[:, :, 0], voxels[[0, 1, 2, 4]])
    assert trials.runs == ("1", "1", "2", "2")
    assert {roi: mask.tolist() for roi, mask in trials.rois.items()} == {"V1": [True, False, False, True]}
    assert one.stimuli() is None
    for k, name in enumerate(one.stimulus_ids()):
        picture(tmp_path / "images" / f"{name}.JPEG", k)
    assert one.stimuli().images.shape == (2, 224, 224, 3)  # type: ignore[union-attr]
    train = recording_source("generic_object_decoding", {"folder": str(tmp_path), "part": "training"})
    assert train.stimulus_ids() == ("n02766534_15900",)


# -- Algonauts 2023 ---------------------------------------------------------------------------------------------------


def test_algonauts2023(tmp_path: Path) -> None:
    root = tmp_path / "subj03"
    rng = np.random.default_rng(0)
    numbers = [4013, 13, 72999]
    for k, number in enumerate(numbers, 1):
        picture(root / "training_split" / "training_images" / f"train-{k:04d}_nsd-{number:05d}.png", number, side=30)
    left, right = rng.standard_normal((3, 5)).astype("f4"), rng.standard_normal((3, 7)).astype("f4")
    for folder in ("training_split/training_fmri", "roi_masks"):
        (root / folder).mkdir(parents=True)
    np.save(root / "training_split/training_fmri/lh_training_fmri.npy", left)
    np.save(root / "training_split/training_fmri/rh_training_fmri.npy", right)
    mappings = {
        "prf-visualrois": {0: "Unknown", 1: "V1v", 2: "V1d", 3: "V2v", 4: "V2d", 5: "V3v", 6: "V3d", 7: "hV4"},
        "floc-bodies": {0: "Unknown", 1: "EBA"}, "floc-faces": {0: "Unknown", 2: "FFA-1", 3: "FFA-2"},
        "floc-places": {0: "Unknown", 2: "PPA"},
    }  # fmt: skip
    for kind, mapping in mappings.items():
        np.save(root / "roi_masks" / f"mapping_{kind}.npy", mapping, allow_pickle=True)
        masks = {"lh": [0, 1, 2, 3, 0], "rh": [2, 0, 0, 1, 0, 0, 0]}
        for side, mask in masks.items():
            np.save(root / "roi_masks" / f"{side}.{kind}_challenge_space.npy", np.array(mask))
    one = recording_source("algonauts2023", {"folder": str(tmp_path), "person": "subj03"})
    trials = one.recording("subj03")
    assert trials is not None
    assert one.stimulus_ids() == trials.stimulus_ids == ("nsd-04013", "nsd-00013", "nsd-72999")
    np.testing.assert_array_equal(trials.data[:, :, 0], np.hstack([left, right]))
    assert [trials.channels[k] for k in np.flatnonzero(trials.rois["V1"])] == ["lh-1", "lh-2", "rh-0", "rh-3"]
    assert [trials.channels[k] for k in np.flatnonzero(trials.rois["FFA"])] == ["lh-2", "lh-3", "rh-0"]
    assert "hV4" not in trials.rois
    assert one.stimuli().images.shape == (3, 224, 224, 3)  # type: ignore[union-attr]
    (root / "training_split" / "training_images" / "train-0002_nsd-00013.png").unlink()
    with pytest.raises(DataError, match=r"holds 2 pictures .*; expected 1 to n, none missing"):
        recording_source("algonauts2023", {"folder": str(tmp_path), "person": "subj03"}).stimulus_ids()
    with pytest.raises(SpecError, match="person is 'subj9'"):
        recording_source("algonauts2023", {"person": "subj9"})


# -- TVSD -------------------------------------------------------------------------------------------------------------


def test_tvsd_areas_are_in_another_order_in_each_animal(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    paths = np.array(["boat\\boat_03s.jpg", "cat\\cat_01b.jpg", "ant\\ant_09s.jpg"], dtype=object)
    reps = rng.standard_normal((1024, 3, 5))
    reps[320:384] = np.nan  # an array without activity
    reps[:, 1, 4] = np.nan  # a repeat that is missing
    for animal in ("monkeyN", "monkeyF"):
        (tmp_path / animal / "_logs").mkdir(parents=True)
        content = {"train_MUA": rng.standard_normal((1024, 2)), "test_MUA": reps.mean(axis=2), "test_MUA_reps": reps}
        savemat(tmp_path / animal / "THINGS_normMUA.mat", content)
        images = {"class": np.array(["boat", "cat", "ant"], dtype=object), "things_path": paths}
        savemat(tmp_path / animal / "_logs" / "things_imgs.mat", {"test_imgs": images, "train_imgs": images})
    one = recording_source("tvsd", {"folder": str(tmp_path)})
    assert (one.subjects, one.stimulus_ids()) == (("monkeyN", "monkeyF"), ("boat_03s", "cat_01b", "ant_09s"))
    sizes = {}
    for animal in one.subjects:
        trials = one.recording(animal)
        assert trials is not None
        assert trials.data.shape == (14, 960, 1)
        assert trials.stimulus_ids.count("cat_01b") == 4
        assert "64 electrodes without activity were left out." in trials.notes
        sizes[animal] = {area: [trials.channels[k] for k in np.flatnonzero(mask)] for area, mask in trials.rois.items()}
        row = [k for k, i in enumerate(trials.stimulus_ids) if i == "ant_09s"][3]
        where = trials.channels.index("electrode-900")
        assert trials.data[row, where, 0] == reps[899, 2, 3]
    assert (sizes["monkeyN"]["IT"][0], sizes["monkeyN"]["IT"][-1]) == ("electrode-769", "electrode-1024")
    assert (sizes["monkeyF"]["IT"][0], sizes["monkeyF"]["IT"][-1]) == ("electrode-513", "electrode-832")
    assert (sizes["monkeyF"]["V4"][0], len(sizes["monkeyF"]["V1"])) == ("electrode-833", 448)
    with pytest.raises(DataError, match=r"train_MUA is \(1024, 2, 1\) for 3 pictures"):
        recording_source("tvsd", {"folder": str(tmp_path), "part": "training"}).recording("monkeyN")


# -- NOD-EEG and THINGS-MEG -------------------------------------------------------------------------------------------


def epochs(path: Path, kinds: list[str], n: int, scale: float, metadata: dict | None = None) -> np.ndarray:
    import mne
    import pandas as pd

    path.parent.mkdir(parents=True, exist_ok=True)
    info = mne.create_info([f"{kind}{k}" for k, kind in enumerate(kinds)], 200.0, kinds, verbose="error")
    data = scale * np.random.default_rng(0).standard_normal((n, len(kinds), 30))
    table = None if metadata is None else pd.DataFrame(metadata)
    mne.EpochsArray(data, info, tmin=-0.1, metadata=table, verbose="error").save(path, verbose="error")
    return mne.read_epochs(path, verbose="error").get_data()


def test_nod_eeg(tmp_path: Path) -> None:
    names = [f"n0144{k}764_{10026 + k}.JPEG" for k in (3, 1, 2, 1)]  # one picture comes twice
    path = tmp_path / "derivatives" / "preprocessed" / "epochs" / "sub-05_eeg_epo.fif"
    metadata = {
        "image_id": names,
        "class_id": ["n1"] * 4,
        "super_class": ["bird"] * 4,
        "session": [1] * 4,
        "run": [1, 1, 2, 2],
    }
    data = epochs(path, ["eeg", "eeg", "eog"], 4, 1e-5, metadata)
    one = recording_source("nod_eeg", {"folder": str(tmp_path), "person": "sub-05"})
    trials = one.recording("sub-05")
    assert trials is not None
    assert trials.stimulus_ids == tuple(name.removesuffix(".JPEG") for name in names)
    assert (len(one.stimulus_ids()), trials.runs, trials.unit) == (3, ("1/1", "1/1", "1/2", "1/2"), "V")
    np.testing.assert_array_equal(trials.data, data[:, :2])
    assert one.stimuli() is None
    for k, name in enumerate(set(names)):
        picture(tmp_path / "stimuli" / "ImageNet" / name, k)
    assert one.stimuli().images.shape == (3, 224, 224, 3)  # type: ignore[union-attr]
    epochs(tmp_path / "derivatives" / "preprocessed" / "epochs" / "sub-06_eeg_epo.fif", ["eeg"], 2, 1e-5)
    with pytest.raises(DataError, match="has no metadata image_id"):
        recording_source("nod_eeg", {"folder": str(tmp_path), "person": "sub-06"}).recording("sub-06")


def test_things_meg_is_not_in_tesla_and_has_catch_trials(tmp_path: Path) -> None:
    path = tmp_path / "derivatives" / "preprocessed" / "preprocessed_P2-epo.fif"
    data = epochs(path, ["mag", "mag", "mag"], 7, 1.0)
    (path.parent / "._preprocessed_P1-epo.fif").write_bytes(b"\0\5\26\7")
    rows = [
        ("exp", "images_meg/ant/ant_03s.jpg"), ("test", "images_test_meg/cat_01b.jpg"), ("catch", "images_catch/1.jpg"),
        ("test", "images_test_meg/boat_02b.jpg"), ("catch", "images_catch/1.jpg"),
        ("test", "images_test_meg/cat_01b.jpg"),
        ("exp", "images_meg/drum/drum_01b.jpg"),
    ]  # fmt: skip
    table = tmp_path / "sourcedata" / "sample_attributes_P2.csv"
    table.parent.mkdir()
    text = "trial_type,session_nr,run_nr,image_path\n" + "".join(
        f"{a},1,{k // 4 + 1},{b}\n" for k, (a, b) in enumerate(rows)
    )
    table.write_text(text)
    one = recording_source("things_meg", {"folder": str(tmp_path)})
    trials = one.recording("P2")
    assert trials is not None
    assert (one.subjects, trials.unit) == (("P2",), "z")
    assert (trials.stimulus_ids, trials.runs) == (("cat_01b", "boat_02b", "cat_01b"), ("1/1", "1/1", "1/2"))
    np.testing.assert_array_equal(trials.data, data[[1, 3, 5]])
    train = recording_source("things_meg", {"folder": str(tmp_path), "part": "training"})
    assert train.stimulus_ids() == ("ant_03s", "drum_01b")
    table.write_text(text.rsplit("exp", 1)[0])
    with pytest.raises(DataError, match=r"sample_attributes_P2.csv has 6 rows for 7 epochs"):
        one.recording("P2")


# -- NSD --------------------------------------------------------------------------------------------------------------


def test_nsd_scale_axes_and_numbers(tmp_path: Path) -> None:
    import nibabel

    rng = np.random.default_rng(0)
    shape = (4, 5, 3)  # x, y, z
    stored = [rng.integers(-3000, 3000, (n, *shape[::-1])).astype(np.int16) for n in (6, 4)]
    folder = tmp_path / "nsddata_betas" / "ppdata" / "subj02" / "func1pt8mm" / "betas_fithrf_GLMdenoise_RR"
    rois = tmp_path / "nsddata" / "ppdata" / "subj02" / "func1pt8mm" / "roi"
    design = tmp_path / "nsddata" / "experiments" / "nsd"
    stimuli = tmp_path / "nsddata_stimuli" / "stimuli" / "nsd"
    for one in (folder, rois, design, stimuli):
        one.mkdir(parents=True)
    for session, values in enumerate(stored, 1):
        with h5py.File(folder / f"betas_session{session:02d}.hdf5", "w") as file:
            file["betas"] = values
    labels = np.zeros(shape, "i2")
    labels[1, 4, 2], labels[3, 0, 1], labels[2, 2, 0] = 1, 2, 7
    nibabel.save(nibabel.Nifti1Image(labels, np.eye(4)), rois / "prf-visualrois.nii.gz")
    ordering = np.array([3, 1, 2, 3, 1, 2, 4, 3, 1, 4])  # from 1, pictures of the person
    subjectim = np.vstack([np.arange(11, 15), [8, 2, 5, 7], np.arange(21, 25)])  # from 1, pictures of all
    savemat(design / "nsd_expdesign.mat", {"masterordering": ordering[None], "subjectim": subjectim})
    with h5py.File(stimuli / "nsd_stimuli.hdf5", "w") as file:
        file["imgBrick"] = rng.integers(0, 255, (10, 9, 9, 3), dtype=np.uint8)
        bricks = file["imgBrick"][()]
    regions = {"V1": ["prf-visualrois", 1, 2], "hV4": ["prf-visualrois", 7]}
    source = recording_source("nsd", {"folder": str(tmp_path), "person": "subj02", "regions": regions})
    trials = source.recording("subj02")
    assert trials is not None
    numbers = (subjectim[1] - 1)[ordering - 1]
    assert trials.stimulus_ids == tuple(f"nsd-{k:05d}" for k in numbers)
    assert (trials.data.shape, trials.runs) == ((10, 3, 1), ("01",) * 6 + ("02",) * 4)
    where = trials.channels.index("1-4-2")
    np.testing.assert_allclose(trials.data[:6, where, 0], stored[0][:, 2, 4, 1] / 300, rtol=1e-6)
    assert {trials.channels[k] for k in np.flatnonzero(trials.rois["V1"])} == {"1-4-2", "3-0-1"}
    shown = source.stimuli()
    assert shown is not None
    assert (shown.ids, shown.images.shape) == (source.stimulus_ids(), (4, 5, 5, 3))
    np.testing.assert_array_equal(shown.images[0], bricks[1, ::2, ::2])
    with h5py.File(folder / "betas_session02.hdf5", "w") as file:
        file["betas"] = stored[1].astype("f4") / 300
    with pytest.raises(DataError, match="holds float32; expected whole numbers"):
        recording_source("nsd", {"folder": str(tmp_path), "person": "subj02", "regions": regions}).recording("subj02")
    with pytest.raises(SpecError, match="Region 'V1' is"):
        recording_source("nsd", {"folder": str(tmp_path), "regions": {"V1": ["prf-visualrois"]}})

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
from brainalign.recordings.source import recording_source

NAMES = ("things_eeg2", "kaneshiro2015", "cichy92_meg", "generic_object_decoding", "algonauts2023")


@pytest.mark.parametrize("name", NAMES)
def test_what_was_not_read_from_real_bytes_says_so(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest, one = load_manifest(name), recording_source(name, {"folder": str(tmp_path)})
    assert manifest.cautions[0].startswith("Not read from real bytes")
    assert (manifest.title, manifest.citation, manifest.modality) == (one.title, one.citation, one.modality)
    assert not manifest.files
    monkeypatch.setenv("BRAINALIGN_DATA", str(tmp_path))
    away = recording_source(name, {"data_dir": str(tmp_path)})
    with pytest.raises(DataError) as caught:
        away.stimulus_ids() if name != "cichy92_meg" else away.published_rdms("sensors")
    assert manifest.instructions in str(caught.value)
    assert manifest.licence in str(caught.value)


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

"""Published fMRI, spikes and MEG that users fetch: small files in the published layout, with the trap of each."""

import io
import pickle
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.io import savemat

from brainalign.errors import DataError, SpecError
from brainalign.readers.pandas_frame import read_frame
from brainalign.recordings.kriegeskorte92 import Kriegeskorte92, stimulus_ids
from brainalign.recordings.source import recording_source
from tests.readers.assemblies import write_assembly


def picture(path: Path, seed: int, side: int = 12) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


# -- tables of pandas -------------------------------------------------------------------------------------------------


def frame(path: Path, voxels: np.ndarray, data: np.ndarray, names: str = "integer", upright: bool = True) -> None:
    """Write a table of voxel_id and a column for each trial as pandas stores it in its fixed form."""
    with h5py.File(path, "w") as file:
        group = file.create_group("ResponseData")
        group.attrs["pandas_type"], group.attrs["nblocks"] = np.bytes_(b"frame"), 2
        group["axis1"] = np.arange(len(data))
        trials = np.arange(data.shape[1])
        group["axis0"] = np.array([b"voxel_id", *(str(k).encode() for k in trials)])
        if names == "integer":
            group["block0_items"] = trials
        elif names == "string":
            group["block0_items"] = np.array([str(k).encode() for k in trials])
        else:
            stored = group.create_dataset("block0_items", (1,), dtype=h5py.vlen_dtype(np.uint8))
            held = io.BytesIO()
            pickle.dump(np.array([int(k) for k in trials], dtype=object), held, protocol=2)
            stored[0] = np.frombuffer(held.getvalue(), dtype=np.uint8)
            stored.attrs["PSEUDOATOM"] = np.bytes_(b"object")
        group["block0_values"] = data if upright else data.T
        group["block1_items"] = np.array([b"voxel_id"])
        group["block1_values"] = voxels[:, None] if upright else voxels[None]


@pytest.mark.parametrize("upright", [True, False])
@pytest.mark.parametrize("names", ["integer", "string", "object"])
def test_a_table_of_pandas_is_read_in_parts(tmp_path: Path, names: str, upright: bool) -> None:
    data = np.random.default_rng(0).standard_normal((7, 5))
    voxels = np.array([4, 0, 6, 1, 3, 2, 5])
    frame(tmp_path / "one.h5", voxels, data, names, upright)
    found = read_frame(tmp_path / "one.h5")
    assert list(found.columns) == ["0", "1", "2", "3", "4", "voxel_id"]
    np.testing.assert_array_equal(found.numbers(["voxel_id"])[:, 0], voxels)
    rows = voxels > 2
    np.testing.assert_array_equal(found.numbers(["3", "0"], rows), data[rows][:, [3, 0]])
    np.testing.assert_array_equal(found.numbers(["1", "voxel_id"]), np.column_stack([data[:, 1], voxels]))
    with pytest.raises(DataError, match="has no column '7'; its 6 begin 0, 1, 2, 3"):
        found.numbers(["7"])


def test_what_is_no_table_of_pandas_gives_one_line(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["betas"] = np.zeros(3)
    frame(tmp_path / "cut.h5", np.arange(3), np.zeros((3, 2)))
    (tmp_path / "cut.h5").write_bytes((tmp_path / "cut.h5").read_bytes()[:900])
    with pytest.raises(DataError, match="holds betas; expected one table of pandas"):
        read_frame(tmp_path / "other.h5")
    with pytest.raises(DataError, match="cannot be read"):
        read_frame(tmp_path / "cut.h5")


# -- THINGS-fMRI ------------------------------------------------------------------------------------------------------


@pytest.fixture
def things(tmp_path: Path) -> Path:
    """Five voxels and nine trials; voxels are in another order in the responses, trials are not in order of number."""
    folder = tmp_path / "betas_csv"
    folder.mkdir()
    for subject, shift in (("sub-01", 0), ("sub-03", 1000)):
        data = 100.0 * np.arange(5)[:, None] + np.arange(9) + shift  # voxel * 100 + trial
        order = np.array([3, 0, 4, 2, 1])
        frame(folder / f"{subject}_ResponseData.h5", order, data[order])
        trials = pd.DataFrame({
            "trial_type": ["train", "test", "test", "train", "test", "train", "test", "test", "train"],
            "session": [1, 1, 1, 1, 2, 2, 2, 3, 3], "run": [1, 1, 2, 2, 1, 1, 1, 1, 1], "subject_id": 1,
            "trial_id": [0, 1, 3, 2, 4, 5, 6, 7, 8],
            "stimulus": [f"{one}.jpg" for one in ("dog_12s", "mango_14s", "boat_13s", "ant_01b", "mango_14s", "cup_02s",
                                                  "boat_13s", "mango_14s", "axe_03b")],
        })  # fmt: skip
        trials.to_csv(folder / f"{subject}_StimulusMetadata.csv", index=False)
        voxels = pd.DataFrame({
            "voxel_id": range(5), "voxel_x": [9, 8, 7, 6, 5], "voxel_y": 1, "voxel_z": [0, 0, 2, 2, 2],
            "V1": [1, 0, 0, 0, 0], "lFFA": [0, 0, 1, 0, 0], "rFFA": [0, 0, 0, 1, 0], "glasser-V1": [0, 1, 0, 0, 0],
            "rLOC": [0.0, 0.0, 0.0, 1.0, 0.0],
        })  # fmt: skip
        voxels.to_csv(folder / f"{subject}_VoxelMetadata.csv", index=False)
    return tmp_path


def test_things_fmri_joins_voxels_and_trials_by_number(things: Path) -> None:
    one = recording_source("things_fmri", {"folder": str(things)})
    assert (one.subjects, one.stimulus_ids()) == (("sub-01", "sub-03"), ("boat_13s", "mango_14s"))
    trials = one.recording("sub-03")
    assert trials is not None
    assert trials.stimulus_ids == ("mango_14s", "boat_13s", "mango_14s", "boat_13s", "mango_14s")
    assert trials.channels == ("6-1-2", "9-1-0", "7-1-2")  # voxels 3, 0 and 2, in the order of the responses
    np.testing.assert_array_equal(
        trials.data[:, :, 0], 1000 + np.array([[300, 0, 200]]) + np.array([[1, 3, 4, 6, 7]]).T
    )
    assert trials.runs == ("1/1", "1/2", "2/1", "2/1", "3/1")
    assert {roi: mask.tolist() for roi, mask in trials.rois.items()} == {
        "V1": [False, True, False], "LOC": [True, False, False], "FFA": [True, False, True],
    }  # fmt: skip
    assert one.stimuli() is None
    train = recording_source("things_fmri", {"folder": str(things), "part": "training"})
    assert train.stimulus_ids() == ("ant_01b", "axe_03b", "cup_02s", "dog_12s")
    assert train.recording("sub-01").data[:, 1, 0].tolist() == [0, 2, 5, 8]  # type: ignore[union-attr]


def test_things_fmri_that_does_not_fit(things: Path) -> None:
    table = things / "betas_csv" / "sub-01_VoxelMetadata.csv"
    voxels = pd.read_csv(table)
    voxels[:4].to_csv(table, index=False)
    one = recording_source("things_fmri", {"folder": str(things)})
    with pytest.raises(DataError, match=r"5 voxels of ResponseData.h5 and 4 of VoxelMetadata.csv differ"):
        one.recording("sub-01")
    voxels.drop(columns="voxel_x").to_csv(table, index=False)
    with pytest.raises(DataError, match=r"sub-01_VoxelMetadata.csv has no column 'voxel_x'"):
        one.recording("sub-01")


def test_things_fmri_real_table_of_trials(data_dir: str, tmp_path: Path) -> None:
    (tmp_path / "betas_csv").mkdir()
    real = Path(data_dir, "things_ids", "things_fmri_sub-01_StimulusMetadata.csv").read_text("utf-8")
    (tmp_path / "betas_csv" / "sub-01_StimulusMetadata.csv").write_text(real, "utf-8")
    (tmp_path / "betas_csv" / "sub-01_ResponseData.h5").write_bytes(b"not read here")
    for part, n in (("test", 100), ("training", 8640)):
        one = recording_source("things_fmri", {"folder": str(tmp_path), "part": part})
        assert len(one.stimulus_ids()) == n


# -- BOLD5000 ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def bold(tmp_path: Path) -> Path:
    import nibabel

    rng = np.random.default_rng(0)
    shape = (3, 4, 2)
    for person, sizes in (("CSI2", (4, 3)), ("CSI4", (2,))):
        for session, n in enumerate(sizes, 1):
            betas = rng.standard_normal((*shape, n)).astype("f4")
            betas[0, 0, 0] = np.nan
            name = f"{person}_GLMbetas-TYPED-FITHRF-GLMDENOISE-RR_ses-{session:02d}.nii.gz"
            nibabel.save(nibabel.Nifti1Image(betas, np.eye(4)), tmp_path / name)
        names = ["COCO_train2014_000000420713.jpg", "homeoffice2.jpg", "n01930112_19568.JPEG", "rep_homeoffice2.jpg",
                 "airport7.jpg", "rep_n01930112_19568.JPEG", "rep_homeoffice2.jpg"]  # fmt: skip
        (tmp_path / f"{person}_imgnames.txt").write_text("\n".join(names[: sum(sizes)]) + "\n")
        (tmp_path / f"sub-{person}").mkdir()
        for side in ("LH", "RH"):
            for k, roi in enumerate(("EarlyVis", "LOC", "OPA", "PPA", "RSC")):
                mask = np.zeros(shape, "u1")
                mask[k % 3, k % 4, 0 if side == "LH" else 1] = 1
                misnamed = {"LHLOC": "LHLO", "RHLOC": "RHLO", "RHRSC": "RHRRSC"}.get(f"{side}{roi}")
                name = misnamed if misnamed and person == "CSI2" else f"{side}{roi}"
                nibabel.save(
                    nibabel.Nifti1Image(mask, np.eye(4)),
                    tmp_path / f"sub-{person}" / f"sub-{person}_mask-{name}.nii.gz",
                )
    return tmp_path


def test_bold5000_masks_are_misnamed_and_repeats_have_a_prefix(bold: Path) -> None:
    import nibabel

    one = recording_source("bold5000", {"folder": str(bold)})
    assert one.subjects == ("CSI2", "CSI4")
    assert one.stimulus_ids() == ("COCO_train2014_000000420713", "airport7", "homeoffice2", "n01930112_19568")
    trials = one.recording("CSI2")
    assert trials is not None
    assert trials.stimulus_ids[3:] == ("homeoffice2", "airport7", "n01930112_19568", "homeoffice2")
    assert (trials.data.shape, trials.unit) == ((7, 9, 1), "% signal change")
    assert trials.notes == ("1 voxels without a number were left out.",)
    assert trials.runs == ("01",) * 4 + ("02",) * 3
    sizes = {roi: int(mask.sum()) for roi, mask in trials.rois.items()}
    assert sizes == {"EarlyVis": 1, "LOC": 2, "OPA": 2, "PPA": 2, "RSC": 2}
    file = bold / "CSI2_GLMbetas-TYPED-FITHRF-GLMDENOISE-RR_ses-02.nii.gz"
    stored = np.asarray(nibabel.load(file).dataobj)  # type: ignore[attr-defined]
    assert trials.data[5, trials.channels.index("1-1-1"), 0] == stored[1, 1, 1, 1]
    assert trials.rois["LOC"][trials.channels.index("1-1-1")]
    assert len(one.responses("shared")[1].data) == 2
    for k, name in enumerate(("COCO/COCO_train2014_000000420713.jpg", "Scene/airport7.jpg", "Scene/homeoffice2.jpg")):
        picture(bold / "Presented_Stimuli" / name, k)
    picture(bold / "Presented_Stimuli" / "ImageNet" / "n01930112_19568.JPEG", 9)
    assert one.stimuli().images.shape == (4, 224, 224, 3)  # type: ignore[union-attr]


def test_bold5000_that_does_not_fit(bold: Path) -> None:
    one = recording_source("bold5000", {"folder": str(bold)})
    (bold / "CSI4_imgnames.txt").write_text("a.jpg\n")
    with pytest.raises(DataError, match=r"CSI4_imgnames.txt names 1 pictures for 2 betas"):
        one.recording("CSI4")
    (bold / "CSI2_GLMbetas-TYPED-FITHRF-GLMDENOISE-RR_ses-01.nii.gz").unlink()
    with pytest.raises(DataError, match=r"holds sessions 02 of CSI2_GLMbetas.*expected 01 on, none missing"):
        one.recording("CSI2")
    for side in ("LH", "RH"):
        (bold / "sub-CSI4" / f"sub-CSI4_mask-{side}PPA.nii.gz").unlink()
    with pytest.raises(DataError, match=r"holds no sub-CSI4/sub-CSI4_mask-LHPPA.nii.gz; expected the masks of PPA"):
        one.recording("CSI4")


# -- Algonauts 2019 ---------------------------------------------------------------------------------------------------


def test_algonauts2019_real_fmri_is_that_of_the_other_sources(data_dir: str, tmp_path: Path) -> None:
    for part, other in (("92", "cichy92"), ("118", "algonauts118")):
        folder = tmp_path / "Training_Data" / f"{part}_Image_Set"
        folder.mkdir(parents=True)
        (folder / "target_fmri.mat").symlink_to(Path(data_dir, other, "target_fmri.mat"))
        one = recording_source("algonauts2019", {"folder": str(tmp_path), "part": part})
        expected = recording_source(other, {"data_dir": data_dir})
        assert (one.stimulus_ids(), one.rois) == (expected.stimulus_ids(), ("EVC", "IT"))
        for roi in one.rois:
            found, known = one.published_rdms(roi), expected.published_rdms(roi)
            assert found is not None
            assert known is not None
            np.testing.assert_array_equal(found.dissimilarities, known.dissimilarities)
            assert found.descriptors["subject"] == known.descriptors["subject"]
        assert one.stimuli() is None


def test_algonauts2019_test_sets_are_two_sets_of_78(tmp_path: Path) -> None:
    folder, values = tmp_path / "Test_Data", np.random.default_rng(1).random((4, 2, 78, 78))
    values = values + values.swapaxes(2, 3)
    for k in range(78):
        picture(folder / "78images" / f"image_{k + 1}.png", k, side=40)
    savemat(folder / "target_fmri.mat", {"EVC_RDMs": values[:, 0], "IT_RDMs": values[:, 1]})
    savemat(folder / "target_meg_TS2.mat", {"MEG_RDMs_early": 50 * values[:3], "MEG_RDMs_late": 50 * values})
    challenge = recording_source("algonauts2019", {"folder": str(tmp_path), "part": "78"})
    hidden = recording_source("algonauts2019", {"folder": str(tmp_path), "part": "78 hidden", "brain": "meg"})
    assert not set(challenge.stimulus_ids()) & set(hidden.stimulus_ids())
    assert (challenge.stimulus_ids()[9], hidden.label) == ("algonauts78-010", "algonauts2019 78 hidden meg")
    rdms, windows = challenge.published_rdms("IT"), hidden.published_rdms("early")
    assert rdms is not None
    assert windows is not None
    assert (len(rdms), len(windows)) == (4, 3)
    assert rdms.matrices()[2][3, 50] == pytest.approx(values[2, 1, 3, 50])
    assert windows.matrices()[1][3, 50] == pytest.approx(values[1, :, 3, 50].mean() / 2)
    shown = challenge.stimuli()
    assert shown is not None
    expected = Image.open(folder / "78images" / "image_10.png").resize((175, 175), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(shown.images[9], np.asarray(expected))
    assert hidden.stimuli() is None
    with pytest.raises(DataError, match=r"Test_Data/target_fmri_TS2\.mat"):
        recording_source("algonauts2019", {"folder": str(tmp_path), "part": "78 hidden"}).published_rdms("IT")


def test_algonauts2019_meg_and_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "Training_Data" / "92_Image_Set"
    for k in range(92):
        picture(folder / "92images" / f"image_{k + 1}.jpg", k)  # 10 comes before 2 among names
    values = 50 + 30 * np.random.default_rng(0).random((3, 4, 92, 92))
    values = (values + values.swapaxes(2, 3)) / 2
    with h5py.File(folder / "target_meg.mat", "w", userblock_size=512) as file:
        for name in ("MEG_RDMs_early", "MEG_RDMs_late"):
            file[name] = values.T[:, :, :2] if name.endswith("early") else values.T  # windows may differ in length
            file[name].attrs["MATLAB_class"] = np.bytes_(b"double")
    head = b"MATLAB 7.3 MAT-file".ljust(116) + bytes(8) + b"\x00\x02IM"
    raw = bytearray((folder / "target_meg.mat").read_bytes())
    raw[: len(head)] = head
    (folder / "target_meg.mat").write_bytes(bytes(raw))
    one = recording_source("algonauts2019", {"folder": str(tmp_path), "brain": "meg"})
    assert (one.rois, one.label, one.subjects) == (("early", "late"), "algonauts2019 92 meg", ("s01", "s02", "s03"))
    rdms = one.published_rdms("late")
    assert rdms is not None
    assert (rdms.measure, len(rdms)) == ("decoding_accuracy", 3)
    assert rdms.matrices()[1][7, 40] == pytest.approx(values[1, :, 7, 40].mean() / 100)
    assert one.published_rdms("early").matrices()[2][0, 1] == pytest.approx(values[2, :2, 0, 1].mean() / 100)  # type: ignore[union-attr]
    shown = one.stimuli()
    assert shown is not None
    assert shown.images.shape == (92, 175, 175, 3)
    expected = np.asarray(Image.open(folder / "92images" / "image_2.jpg").resize((175, 175), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(shown.images[1], expected)
    (folder / "92images" / "image_5.jpg").unlink()
    with pytest.raises(DataError, match="holds 91 pictures; expected 1 to 92 in their names"):
        one.stimuli()
    with h5py.File(folder / "target_meg.mat", "r+") as file:
        del file["MEG_RDMs_early"]
        file["MEG_RDMs_early"] = values.T[:5]
    with pytest.raises(DataError, match=r"MEG_RDMs_early is \(3, 4, 92, 5\); expected \(person, time, picture"):
        one.published_rdms("early")
    with pytest.raises(SpecError, match="brain is 'eeg'; expected 'fmri' or 'meg'"):
        recording_source("algonauts2019", {"brain": "eeg"})


# -- MajajHong2015 ----------------------------------------------------------------------------------------------------


def test_majaj_hong2015(tmp_path: Path) -> None:
    names = ("a1", "b2", "c3", "d4")
    shown = ("c3", "a1", "b2", "a1", "d4", "c3", "b2")  # d4 once
    data = np.random.default_rng(0).random((5, 7, 1))
    data[1, 3] = np.nan
    coordinates = {
        "image_id": ("presentation", shown), "neuroid_id": ("neuroid", [f"site_{k}" for k in range(5)]),
        "region": ("neuroid", ("IT", "V4", "IT", "IT", "V4")),
        "animal": ("neuroid", ("Tito", "Chabo", "Chabo", "Tito", "Chabo")),
        "time_bin_start": ("time_bin", [70]), "time_bin_end": ("time_bin", [170]),
    }  # fmt: skip
    path = tmp_path / "assy_dicarlo_MajajHong2015_public.nc"
    write_assembly(path, data, ("neuroid", "presentation", "time_bin"), coordinates)
    one = recording_source("majaj_hong2015", {"folder": str(tmp_path)})
    assert (one.subjects, one.stimulus_ids(), one.stimuli()) == (("Chabo", "Tito"), names, None)
    trials = one.recording("Chabo")
    assert trials is not None
    assert (trials.data.shape, trials.times, trials.runs) == ((6, 3, 1), (0.12,), None)
    np.testing.assert_array_equal(trials.data[:, :, 0], data[[1, 2, 4], :, 0].T[[0, 1, 2, 4, 5, 6]])
    assert trials.notes == ("1 presentations that a neuroid lacks were left out.",)
    assert trials.rois["V4"].tolist() == [True, False, True]
    table = pd.DataFrame({"image_id": names[::-1], "object_name": ["dog", "car", "bear", "apple"],
                          "filename": [f"{one}.png" for one in names[::-1]]})  # fmt: skip
    table.to_csv(tmp_path / "stimulus_hvm-public.csv", index=True)
    for k, name in enumerate(names):
        picture(tmp_path / "stimulus_hvm-public" / f"{name}.png", k)
    stimuli = one.stimuli()
    assert stimuli is not None
    assert (stimuli.ids, stimuli.labels) == (names, ("apple", "bear", "car", "dog"))
    table[1:].to_csv(tmp_path / "stimulus_hvm-public.csv", index=True)
    with pytest.raises(DataError, match="lacks 1 of 4 stimuli, first 'd4'"):
        one.stimuli()
    with pytest.raises(DataError, match=r"MajajHong2015_temporal_public.nc' does not exist"):
        recording_source("majaj_hong2015", {"folder": str(tmp_path), "part": "temporal"}).stimulus_ids()


# -- MNE visual_92_categories -----------------------------------------------------------------------------------------


@pytest.fixture
def meg(tmp_path: Path, data_dir: str) -> Path:
    """Four runs of a few trials; triggers are one more than in the table, and the first file names a missing part."""
    import mne

    shown = ((4, 92, 1, 4), (92, 4, 1), (1, 4, 92, 200), (4, 1))
    info = mne.create_info(["MEG0111", "MEG0112", "STI101"], 1000.0, ["mag", "grad", "stim"], verbose="error")
    for run, codes in enumerate(shown):
        n = 2000 if run else 250_000
        data = np.zeros((3, n))
        for k, code in enumerate(codes):
            start = 150 + 200 * k
            data[:2, start + 100 : start + 200] = np.array([[1e-13], [2e-12]]) * code
            data[2, start : start + 10] = code
        data[2, 120] = 7  # a glitch of one sample
        data[:2] += 1e-16 * np.random.default_rng(run).standard_normal((2, n))
        raw = mne.io.RawArray(data, info, verbose="error")
        path = tmp_path / f"made_{run}_raw.fif"
        raw.save(path, split_size="2MB" if run == 0 else "2GB", buffer_size_sec=1.0, verbose="error")
        path.rename(tmp_path / f"sample_subject_{run}_tsss_mc.fif")
        for part in tmp_path.glob("made_*-1.fif"):
            part.unlink()
    labels = Kriegeskorte92(data_dir).stimuli().labels or ()
    rows = [
        (k, label.split(": ")[1], int("human" in label and "nonhuman" not in label), int(label.endswith("face")),
         int(label.startswith("animate")), int(not label.endswith("artificial")))
        for k, label in enumerate(labels)
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["trigger", "condition", "human", "face", "animal", "natural"])
    table.to_csv(tmp_path / "visual_stimuli.csv", index=False)
    return tmp_path


def test_visual92_categories_triggers_are_one_more(meg: Path, data_dir: str) -> None:
    assert (meg / "sample_subject_0_tsss_mc.fif").exists()
    one = recording_source("visual92_categories", {"folder": str(meg), "data_dir": data_dir})
    trials = one.recording("subject_0")
    assert trials is not None
    codes = [4, 92, 1, 4, 92, 4, 1, 1, 4, 92, 4, 1]
    assert trials.stimulus_ids == tuple(stimulus_ids()[code - 1] for code in codes)
    assert trials.runs == ("0",) * 4 + ("1",) * 3 + ("2",) * 3 + ("3",) * 2
    assert (trials.unit, trials.times[0], trials.times[-1]) == ("T, T/m", -0.1, 0.5)
    late = (np.array(trials.times) > 0.11) & (np.array(trials.times) < 0.19)
    np.testing.assert_allclose(1e13 * trials.data[:, 0, late].mean(axis=1), codes, atol=0.05)
    assert [trials.rois[kind].tolist() for kind in ("mag", "grad")] == [[True, False], [False, True]]
    assert one.stimulus_ids() == one.stimuli().ids  # type: ignore[union-attr]
    table = meg / "visual_stimuli.csv"
    rows = table.read_text().splitlines()
    table.write_text("\n".join([rows[0], *(f"{k},{row.split(',', 1)[1]}" for k, row in enumerate(rows[:0:-1]))]))
    with pytest.raises(DataError, match="trigger 0 is not a photograph of 'animate: human body part'"):
        one.recording("subject_0")

"""From a BIDS folder to recordings and to a report; folders are written by mne-bids and nibabel."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import pytest

from brainalign.errors import DataError, SpecError
from brainalign.readers.bids_fmri import FmriLayout, read_bids_fmri
from brainalign.readers.bids_meeg import MeegEvents, read_bids_meeg
from brainalign.readers.confounds import PEAK
from brainalign.readers.first_level import FirstLevel
from brainalign.readers.preprocess import Preprocess
from brainalign.recordings.source import recording_source
from tests.readers.meeg_folder import meeg_folder, pictures
from tests.readers.volumes import TR, bids_folder, patterns, save

IDS = [f"img{k:02d}.png" for k in range(12)]
OBJECTS = [f"img{k:02d}.png" for k in range(20)]
EPOCHS = Preprocess(tmin=-0.1, tmax=0.4, baseline=(-0.1, 0.0))


@pytest.fixture(scope="module")
def eeg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three people, two runs each, every run in another order, with pictures; one bad channel in one run."""
    root = meeg_folder(tmp_path_factory.mktemp("bids") / "faces", IDS, ("01", "02", "03"), bad=("02", "2"))
    pictures(root / "stimuli", IDS)
    return root


@pytest.fixture
def options(eeg: Path) -> dict:
    how = {"tmin": -0.1, "tmax": 0.4, "baseline": [-0.1, 0.0]}
    return {"root": str(eeg), "ids": "stim_file", "preprocess": how, "pictures": "stimuli"}


def test_trials_of_all_runs_under_their_ids(eeg: Path) -> None:
    found = read_bids_meeg(eeg, "01", MeegEvents("stim_file"), EPOCHS)
    assert found.data.shape == (48, 4, 51)
    assert sorted(set(found.stimulus_ids)) == IDS
    assert (found.unit, found.channels, sorted(set(found.runs or ()))) == ("V", ("Oz", "O1", "O2", "Fz"), ["1", "2"])
    late = found.data[:, :, 22:28].mean(axis=2)  # 0.12 to 0.17 s
    for row, stimulus in enumerate(found.stimulus_ids):
        pattern = np.random.default_rng(int(stimulus[3:5])).standard_normal(4)
        assert np.corrcoef(late[row], pattern)[0, 1] > 0.8
    assert "1 of 25 events have no stim_file and were left out." in found.notes


def test_a_channel_that_is_bad_in_one_run_is_left_out_of_all(eeg: Path) -> None:
    found = read_bids_meeg(eeg, "02", MeegEvents("stim_file"), EPOCHS)
    assert found.channels == ("Oz", "O1", "Fz")
    assert "1 channels were left out of all runs because a run lacks them: O2." in found.notes


def test_what_a_folder_lacks_gives_one_line(eeg: Path, tmp_path: Path, options: dict) -> None:
    with pytest.raises(DataError, match=r"no column 'image' \(it has onset, duration, trial_type"):
        read_bids_meeg(eeg, "01", MeegEvents("image"), EPOCHS)
    with pytest.raises(DataError, match=r"no recording of sub-09"):
        read_bids_meeg(eeg, "09", MeegEvents("stim_file"), EPOCHS)
    with pytest.raises(DataError, match=r"holds no sub-./eeg or sub-./meg; expected the root"):
        recording_source("bids_meeg", {**options, "root": str(tmp_path)}).subjects  # noqa: B018
    with pytest.raises(SpecError, match="bids_meeg needs root, ids, preprocess; expected options such as"):
        recording_source("bids_meeg").subjects  # noqa: B018
    with pytest.raises(DataError, match=r"12 of 12 stimuli have no picture in '.*eeg', first 'img00.png'"):
        recording_source("bids_meeg", {**options, "pictures": "sub-01/eeg"}).stimuli()


def test_a_misspelt_field_of_preprocess_gives_one_line(eeg: Path) -> None:
    options = {"root": str(eeg), "ids": "stim_file", "preprocess": {"tmin": -0.1, "tmx": 0.4}}
    with pytest.raises(SpecError, match=r"Option preprocess of bids_meeg has no field 'tmx'; expected among .*tmax"):
        recording_source("bids_meeg", options).recording("01")


def test_onsets_in_samples_are_refused_by_the_length_of_the_recording(eeg: Path, tmp_path: Path) -> None:
    import shutil

    root = tmp_path / "copy"
    shutil.copytree(eeg, root)
    table = root / "sub-01" / "eeg" / "sub-01_task-view_run-1_events.tsv"
    events = pd.read_csv(table, sep="\t")
    events["onset"] = (events["onset"] * 100).astype(int)
    events.to_csv(table, sep="\t", index=False, na_rep="n/a")
    with pytest.raises(DataError, match=r"but the recording lasts 51.99 s. Give onset_unit = 'samples'"):
        read_bids_meeg(root, "01", MeegEvents("stim_file"), EPOCHS)


def test_an_annex_pointer_is_named(eeg: Path, tmp_path: Path) -> None:
    import shutil

    root = tmp_path / "copy"
    shutil.copytree(eeg, root)
    data = root / "sub-01" / "eeg" / "sub-01_task-view_run-1_eeg.eeg"
    data.unlink()
    data.symlink_to("../../.git/annex/objects/7p/m3/MD5E-s5518--e1.eeg/MD5E-s5518--e1.eeg")
    with pytest.raises(DataError, match=r"run-1_eeg.eeg' is a link to a file that is not here.*datalad get"):
        read_bids_meeg(root, "01", MeegEvents("stim_file"), EPOCHS)


STUDY = {
    "name": "bids",
    "readout_only": False,
    "training": {
        "dataset": "digits", "network": "mlp", "network_options": {"widths": [16, 12]}, "seeds": 2, "epochs": 0.2,
        "n_checkpoints": 2,
    },
    "rules": {"untrained": {}, "backprop": {}},
    "plausibility": "none",
}  # fmt: skip


def test_from_a_folder_of_eeg_to_a_report(options: dict, tmp_path: Path) -> None:
    from brainalign.report.page import write_report
    from brainalign.study import run_study
    from brainalign.study_file import study_from_table

    options = {**options, "groups": {"posterior": ["O*"]}}
    options["preprocess"] = {**options["preprocess"], "resample": 20.0}
    study = study_from_table({**STUDY, "recordings": [{"dataset": "bids_meeg", "options": options}]})
    page = write_report(run_study(study, tmp_path / "out")).read_text("utf-8")
    assert "bids_meeg faces" in page
    assert "posterior" in page


@pytest.fixture(scope="module")
def fmri(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    root = tmp_path_factory.mktemp("bids") / "objects"
    made = bids_folder(root, ["01", "02"], OBJECTS)
    pictures(root / "stimuli", OBJECTS)
    return root, made


def test_betas_of_all_runs_under_their_ids(fmri: tuple[Path, dict]) -> None:
    root, made = fmri
    found = read_bids_fmri(root, "02", FmriLayout("image"), FirstLevel())
    assert (found.data.shape, sorted(set(found.runs or ()))) == ((40, 75, 1), ["1", "2"])
    for row, stimulus in enumerate(found.stimulus_ids):
        assert np.corrcoef(found.data[row, :, 0], made["02"][stimulus].ravel())[0, 1] > 0.9


def test_volumes_of_fmriprep_with_mask_confounds_and_regions(fmri: tuple[Path, dict], tmp_path: Path) -> None:
    import shutil

    root, made = tmp_path / "copy", fmri[1]
    shutil.copytree(fmri[0], root)
    folder = root / "derivatives" / "fmriprep" / "sub-01" / "func"
    for run in (1, 2):
        source = root / "sub-01" / "func" / f"sub-01_task-view_run-{run}_bold.nii.gz"
        data = np.asanyarray(nibabel.load(source).dataobj)
        stem = f"sub-01_task-view_run-{run}"
        drift = 20 * np.sin(np.arange(data.shape[3]) / 4)
        save((data + drift).astype("f4"), folder / f"{stem}_space-T1w_desc-preproc_bold.nii.gz")
        mask = np.ones(data.shape[:3], "f4")
        mask[0] = run - 1  # a plane that the mask of the first run leaves out
        save(mask, folder / f"{stem}_space-T1w_desc-brain_mask.nii.gz")
        end = "timeseries" if run == 1 else "regressors"  # as new and old versions call them
        (folder / f"{stem}_desc-confounds_{end}.tsv").write_text(
            "csf\ttrans_x\ttrans_x_derivative1\n"
            + "".join(f"{v}\t{k}\t{'n/a' if k == 0 else 1 + (k % 3)}\n" for k, v in enumerate(drift))
        )
    atlas = np.zeros(data.shape[:3], "i2")
    atlas[2] = 5
    save(atlas, root / "atlas.nii.gz")
    layout = FmriLayout(
        "image", derivatives="derivatives/fmriprep", space="T1w", confounds=("csf", "trans_x_derivative1"),
        atlas="atlas.nii.gz", atlas_names="names.tsv",
    )  # fmt: skip
    (root / "names.tsv").write_text("index\tname\n5\tV1\n")
    found = read_bids_fmri(root, "01", layout, FirstLevel())
    assert found.data.shape == (40, 45, 1)  # the plane is in no run
    assert "15 channels were left out of all runs because a run lacks them" in " ".join(found.notes)
    assert int(found.rois["V1"].sum()) == 15
    truth = {name: pattern[1:].ravel() for name, pattern in made["01"].items()}
    for row, stimulus in enumerate(found.stimulus_ids):
        assert np.corrcoef(found.data[row, :, 0], truth[stimulus])[0, 1] > 0.9
    with pytest.raises(DataError, match="has no column 'trans_y'"):  # motion is asked for, and is not all there
        read_bids_fmri(root, "01", replace(layout, motion=True), FirstLevel())
    moved = np.arange(6 * data.shape[3]).reshape(-1, 6)
    names = [f"{kind}_{axis}" for kind in ("trans", "rot") for axis in "xyz"]
    for file in folder.glob("*confounds*.tsv"):
        rows = ["\t".join(["csf", "trans_x_derivative1", *names])]
        rows += ["\t".join([str(k % 7), str(k % 3), *map(str, own)]) for k, own in enumerate(moved)]
        file.write_text("\n".join(rows) + "\n")
    with_motion = read_bids_fmri(root, "01", replace(layout, motion=True), FirstLevel())
    assert with_motion.motion is not None
    assert with_motion.motion.shape == (40, 6)
    onset = _first_onset(root, with_motion.stimulus_ids[0])
    middles = (np.arange(data.shape[3]) + 0.5) * TR
    first = moved[(middles >= onset[0] + 5) & (middles < onset[0] + 5 + max(onset[1], TR))].mean(axis=0)
    np.testing.assert_allclose(with_motion.motion[0], first)
    later = read_bids_fmri(root, "01", replace(layout, motion=True, motion_after=8), FirstLevel())
    first = moved[(middles >= onset[0] + 8) & (middles < onset[0] + 8 + max(onset[1], TR))].mean(axis=0)
    assert later.motion is not None
    np.testing.assert_allclose(later.motion[0], first)
    np.testing.assert_array_equal(later.data, with_motion.data)
    with pytest.raises(DataError, match=r"in space 'MNI'; its spaces are T1w"):
        read_bids_fmri(root, "01", FmriLayout("image", derivatives="derivatives/fmriprep", space="MNI"), FirstLevel())


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"motion_after": 4}, r"motion_after is 4 without motion\. Add motion = true"),
        ({"motion": True, "motion_after": -1}, "motion_after is -1; expected 0 or more"),
        ({"motion": True, "motion_after": "5 s"}, "motion_after is '5 s'; expected a finite number"),
    ],
    ids=["alone", "negative", "text"],
)
def test_a_time_of_motion_that_says_nothing_is_refused(given: dict[str, Any], line: str) -> None:
    with pytest.raises(SpecError, match=line):
        FmriLayout("image", **given)


def test_motion_is_taken_where_the_response_peaks() -> None:
    """5 s unless told otherwise: the peak of the canonical responses of nilearn, to a tenth of a second."""
    from nilearn.glm.first_level import glover_hrf, spm_hrf

    assert FmriLayout("image").motion_after == PEAK
    for response in (spm_hrf, glover_hrf):
        assert np.argmax(response(1.0, 100)) / 100 == pytest.approx(PEAK, abs=0.1)


def _first_onset(root: Path, stimulus: str) -> tuple[float, float]:
    """Return onset and duration of the first presentation of a stimulus in the first run."""
    table = pd.read_csv(root / "sub-01" / "func" / "sub-01_task-view_run-1_events.tsv", sep="\t")
    own = table[table.image == stimulus]
    assert len(own) == 1
    return float(own.onset.iloc[0]), float(own.duration.iloc[0])


def test_a_sidecar_says_the_repetition_time(fmri: tuple[Path, dict], tmp_path: Path) -> None:
    import shutil

    root = tmp_path / "copy"
    shutil.copytree(fmri[0], root)
    for file in (root / "sub-01" / "func").glob("*_bold.nii.gz"):
        save(np.asanyarray(nibabel.load(file).dataobj), file, seconds=2000.0)  # milliseconds, called seconds
    found = read_bids_fmri(root, "01", FmriLayout("image"), FirstLevel())
    expected = read_bids_fmri(fmri[0], "01", FmriLayout("image"), FirstLevel())
    np.testing.assert_array_equal(found.data, expected.data)
    (root / "task-view_bold.json").write_text(json.dumps({"TaskName": "view"}))
    with pytest.raises(DataError, match="2000 s between volumes"):
        read_bids_fmri(root, "01", FmriLayout("image"), FirstLevel())
    assert TR == 2.0
    assert patterns(["a"])["a"].shape == (4, 5, 3)


def test_from_a_folder_of_fmri_to_a_report(fmri: tuple[Path, dict], tmp_path: Path) -> None:
    from brainalign.report.page import write_report
    from brainalign.study import run_study
    from brainalign.study_file import study_from_table

    options = {"root": str(fmri[0]), "ids": "image", "pictures": "stimuli", "model": {"noise": "ols"}}
    recordings = [{"dataset": "bids_fmri", "options": options, "measures": ["rsa", "encoding"]}]
    study = study_from_table({**STUDY, "recordings": recordings})
    page = write_report(run_study(study, tmp_path / "out")).read_text("utf-8")
    assert "bids_fmri objects" in page
    with pytest.raises(SpecError, match="Option model of bids_fmri has no field 'hrfs'"):
        recording_source("bids_fmri", {**options, "model": {"hrfs": "spm"}}).recording("01")

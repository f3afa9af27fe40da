from pathlib import Path

import numpy as np
import pytest

from brainalign.errors import DataError, SpecError
from brainalign.readers.bids_meeg import joined_runs
from brainalign.readers.confounds import read_confounds
from brainalign.readers.events import read_events
from brainalign.readers.first_level import FirstLevel, event_means
from brainalign.readers.maps import read_maps
from tests.readers.volumes import events, patterns, save, volumes

IDS = ["cat", "dog", "cat", "house", "dog", "house"]


def run(folder: Path, noise: float = 0.0, ids: list[str] = IDS, step: float = 8.0):
    made = patterns(sorted(set(ids)))
    bold = save(volumes(ids, made, int(step) * len(ids) // 2 + 10, noise, step=step), folder / "bold.nii.gz")
    (folder / "events.tsv").write_text(events(ids, step))
    return read_maps(bold), read_events(folder / "events.tsv", "image"), made


def test_planted_patterns_come_back(tmp_path: Path) -> None:
    maps, shown, made = run(tmp_path)
    found = FirstLevel().run(maps, shown)
    assert found.stimulus_ids == ("cat", "dog", "house")
    for row, name in enumerate(found.stimulus_ids):
        np.testing.assert_allclose(found.data[row, :, 0], made[name].ravel(), atol=2e-3)
    assert (found.unit, found.modality, set(found.runs or ())) == ("a.u.", "fMRI", {"1"})


def test_one_beta_per_trial(tmp_path: Path) -> None:
    maps, shown, made = run(tmp_path)
    found = FirstLevel(estimate="trial", noise="ols").run(maps, shown, run="7")
    assert found.stimulus_ids == tuple(IDS)
    for row, name in enumerate(IDS):
        np.testing.assert_allclose(found.data[row, :, 0], made[name].ravel(), atol=0.05)
    percent = FirstLevel(estimate="trial", noise="ols", values="percent").run(maps, shown)
    np.testing.assert_allclose(percent.data, found.data * 100 / maps.data.mean(axis=0)[None, :, None], rtol=1e-3)


def test_confounds_take_out_what_they_explain(tmp_path: Path) -> None:
    maps, shown, made = run(tmp_path)
    drift = np.sin(np.arange(len(maps)) / 3)[:, None]
    maps.data[:] += 30 * drift
    without = FirstLevel().run(maps, shown)
    found = FirstLevel().run(maps, shown, confounds=drift)
    error = [np.abs(one.data[0, :, 0] - made["cat"].ravel()).max() for one in (without, found)]
    assert error[0] > 1 > 0.01 > error[1]
    with pytest.raises(DataError, match="33 rows of confounds for 34 volumes"):
        FirstLevel().run(maps, shown, confounds=drift[1:])
    with pytest.raises(DataError, match="depend on each other"):
        FirstLevel().run(maps, shown, confounds=np.hstack([drift, 2 * drift]))


def test_events_outside_the_run_and_unknown_options_are_refused(tmp_path: Path) -> None:
    maps, _, _ = run(tmp_path)
    (tmp_path / "events.tsv").write_text(events(IDS, step=800))
    with pytest.raises(DataError, match="5 of 6 events lie outside the run, first 804 s; it lasts 68 s"):
        FirstLevel().run(maps, read_events(tmp_path / "events.tsv", "image"))
    with pytest.raises(DataError, match=r"but the recording lasts 68 s"):
        read_events(tmp_path / "events.tsv", "image", lasts=68.0)
    with pytest.raises(SpecError, match="hrf is 'canonical'; expected one of glover"):
        FirstLevel(hrf="canonical")
    with pytest.raises(SpecError, match="high_pass"):
        FirstLevel(high_pass=128.0)


def test_one_specification_one_key() -> None:
    assert FirstLevel().key == FirstLevel().key != FirstLevel(hrf="glover").key
    assert str(FirstLevel()) in FirstLevel().sentence()


def test_volumes_follow_events_by_the_delay(tmp_path: Path) -> None:
    maps, shown, made = run(tmp_path, noise=1e-3, step=20.0)  # volumes without any noise are refused as blank
    found = event_means(maps, shown, shift=4.0, length=4.0)
    assert found.data.shape == (6, 60, 1)
    for row, name in enumerate(IDS):
        pattern = found.data[row, :, 0]
        own = {other: np.corrcoef(pattern, made[other].ravel())[0, 1] for other in made}
        assert max(own, key=own.get) == name
    with pytest.raises(DataError, match="the event at 44 s has no volume from 144 to 148 s"):
        event_means(maps, shown, shift=100.0, length=4.0)


def test_real_runs_tell_faces_from_houses(data_dir: str) -> None:
    """From volumes and events: z maps of nilearn's model, left one run out; .9 is what chance does not reach."""
    from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
    from sklearn.svm import SVC

    parts = []
    for k in range(1, 13):
        folder = f"{data_dir}/haxby_openfmri/sub001/BOLD/task001_run{k:03d}"
        shown = read_events(f"{folder}/bold_events.tsv", "trial_type")
        parts.append(FirstLevel(values="z").run(read_maps(f"{folder}/bold_1slice.nii.gz"), shown, run=str(k)))
    found = joined_runs(parts, "sub001")
    assert found.data.shape == (96, 530, 1)
    ids, groups = np.array(found.stimulus_ids), np.array(found.runs)
    kept = np.isin(ids, ["face", "house"])
    scores = cross_val_score(
        SVC(kernel="linear"), found.data[kept, :, 0], ids[kept], groups=groups[kept], cv=LeaveOneGroupOut()
    )
    assert scores.mean() >= 0.9
    eight = cross_val_score(SVC(kernel="linear"), found.data[:, :, 0], ids, groups=groups, cv=LeaveOneGroupOut())
    assert eight.mean() == pytest.approx(0.55, abs=0.03)


# -- confounds --------------------------------------------------------------------------------------------------------


def test_confounds_of_old_and_new_versions(data_dir: str) -> None:
    folder = f"{data_dir}/formats/confounds"
    new, names = read_confounds(f"{folder}/test-v21_desc-confounds_timeseries.tsv", ["motion24", "acompcor5"])
    assert (new.shape[1], len(names)) == (29, 29)
    assert np.isfinite(new).all()
    old, _ = read_confounds(f"{folder}/test_desc-confounds_regressors.tsv", ["motion6", "tissue", "outliers"])
    assert np.isfinite(old).all()
    with pytest.raises(DataError, match=r"has no column 'trans_w'; near it: trans_x"):
        read_confounds(f"{folder}/test_desc-confounds_regressors.tsv", ["trans_w"])
    with pytest.raises(DataError, match=r"framewise_displacement has no value in 1 volumes, first 0"):
        read_confounds(f"{folder}/test_desc-confounds_regressors.tsv", ["framewise_displacement"])

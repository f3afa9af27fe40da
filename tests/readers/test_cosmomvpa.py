from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from brainalign.errors import DataError
from brainalign.readers.cosmomvpa import read_cosmomvpa


def test_the_published_example(data_dir: str) -> None:
    found = read_cosmomvpa(f"{data_dir}/formats/cosmomvpa/ds_tiny.mat")
    assert found.samples.tolist() == [[1, 2, 3], [4, 5, 6]]
    trials = found.trials("targets", "fMRI", "a.u.", runs="chunks")
    assert (trials.stimulus_ids, trials.runs) == (("1", "2"), ("2", "2"))
    assert trials.channels == ("1-1", "2-2", "3-2")


def test_version_7_3_is_read_in_the_order_of_matlab(data_dir: str) -> None:
    found = read_cosmomvpa(f"{data_dir}/features_eeg/sub-01_decoding.mat")
    assert found.samples.shape == (8, 175)
    assert list(found.sa["targetname"][:4]) == ["ori", "sf", "color", "contrast"]
    assert found.dimensions["time"][0] == -100


def dataset(folder: Path, times: np.ndarray, order: np.ndarray | None = None, **change: object) -> Path:
    """Write an EEG data set of 3 trials, 2 channels and 4 times whose columns are in ``order``."""
    chan, time = (one.ravel() for one in np.meshgrid([1, 2], np.arange(1, 5), indexing="ij"))
    samples = 100 * np.arange(3)[:, None] + 10 * chan + time
    order = np.arange(8) if order is None else order
    labels = np.array([["chan"], ["time"]], dtype=object)
    values = np.empty((2, 1), dtype=object)
    values[0, 0], values[1, 0] = np.array([["Oz", "O1"]], dtype=object), times[None]
    struct = {
        "samples": samples[:, order].astype(float), "sa": {"stim": np.array([[4], [2], [4]])},
        "fa": {"chan": chan[order][None], "time": time[order][None]},
        "a": {"fdim": {"labels": labels, "values": values}},
    } | change  # fmt: skip
    savemat(folder / "ds.mat", {"ds": struct})
    return folder / "ds.mat"


def test_columns_in_any_order_become_channels_by_times(tmp_path: Path) -> None:
    times = np.array([-0.1, 0.0, 0.1, 0.2])
    path = dataset(tmp_path, times, np.random.default_rng(0).permutation(8))
    trials = read_cosmomvpa(path).trials("stim", "EEG", "uV")
    assert trials.stimulus_ids == ("4", "2", "4")
    assert (trials.channels, trials.times) == (("Oz", "O1"), tuple(times))
    assert trials.data[2].tolist() == [[211, 212, 213, 214], [221, 222, 223, 224]]


def test_milliseconds_are_declared(tmp_path: Path) -> None:
    found = read_cosmomvpa(dataset(tmp_path, np.array([-100.0, 0, 100, 200])))
    with pytest.raises(DataError, match=r"times run from -100 to 200 s from onset.*time_unit = 'ms'"):
        found.trials("stim", "EEG", "uV")
    assert found.trials("stim", "EEG", "uV", time_unit="ms").times == (-0.1, 0.0, 0.1, 0.2)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    times = np.arange(4) / 10
    found = read_cosmomvpa(dataset(tmp_path, times, np.array([0, 1, 2, 3, 4, 5, 6])))
    with pytest.raises(DataError, match="7 features for 2 channels by 4 times; expected each once"):
        found.trials("stim", "EEG", "uV")
    with pytest.raises(DataError, match="no sample attribute 'target'; choose one of stim"):
        found.trials("target", "EEG", "uV")
    with pytest.raises(DataError, match=r"sa.stim has 2 values for samples \(3, 8\); expected 3"):
        read_cosmomvpa(dataset(tmp_path, times, sa={"stim": np.array([[1], [2]])}))
    savemat(tmp_path / "other.mat", {"x": np.eye(2)})
    with pytest.raises(DataError, match="holds x; expected one struct with samples"):
        read_cosmomvpa(tmp_path / "other.mat")
    (tmp_path / "cut.mat").write_bytes(dataset(tmp_path, times).read_bytes()[:300])
    with pytest.raises(DataError, match="cannot be read as a MATLAB file"):
        read_cosmomvpa(tmp_path / "cut.mat")

import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from brainalign.errors import DataError
from brainalign.readers.arrays import read_array
from brainalign.readers.bdpy import read_bdpy
from brainalign.readers.betas import of_betas
from brainalign.recordings.recording import Recording


def test_one_array_in_every_format(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((5, 4, 3))
    np.save(tmp_path / "a.npy", values)
    savemat(tmp_path / "a.mat", {"betas": values})
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["group/betas"] = values
    with h5py.File(tmp_path / "b.mat", "w", userblock_size=512) as file:  # MATLAB v7.3 reverses axes
        file["betas"] = values.T
        file["betas"].attrs["MATLAB_class"] = np.bytes_("double")
    with (tmp_path / "b.mat").open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, made by a test".ljust(124) + b"\x00\x02IM")
    for name in ("a.npy", "a.mat", "a.h5", "b.mat"):
        np.testing.assert_array_equal(read_array(tmp_path / name), values)
    assert isinstance(read_array(tmp_path / "a.npy"), np.memmap)


def test_what_is_no_array_gives_one_line(tmp_path: Path) -> None:
    np.save(tmp_path / "dict.npy", {"a": 1}, allow_pickle=True)
    with pytest.raises(DataError, match="pickled Python objects, which may run code"):
        read_array(tmp_path / "dict.npy")
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["a"], file["b"] = np.eye(2), np.eye(3)
    with pytest.raises(DataError, match=r"holds a \(2, 2\), b \(3, 3\); expected one array. Name it"):
        read_array(tmp_path / "two.h5")
    assert read_array(tmp_path / "two.h5", "b").shape == (3, 3)
    savemat(tmp_path / "two.mat", {"x": np.eye(2), "y": np.eye(3)})
    with pytest.raises(DataError, match="holds x, y; expected one array of numbers"):
        read_array(tmp_path / "two.mat")
    (tmp_path / "cut.h5").write_bytes((tmp_path / "two.h5").read_bytes()[:900])
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY\x01\x00")
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"a": 1}))
    for name in ("cut.h5", "cut.npy", "x.pkl"):
        with pytest.raises(DataError, match=name) as caught:
            read_array(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_betas_of_any_order_of_axes(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(-3000, 3000, (2, 3, 4, 6)).astype(np.int16)  # voxels, then trials
    ids = ["a", "b", "a", "c", "b", "c"]
    with pytest.raises(DataError, match=r"holds whole numbers .int16.*1 / 300 in NSD"):
        of_betas(values, ids, trial_axis=3)
    mask = np.zeros((2, 3, 4), dtype=bool)
    mask[1, 2, 3] = mask[0, 1, 2] = True
    region = np.zeros((2, 3, 4), dtype=bool)
    region[1] = True
    found = of_betas(values, ids, trial_axis=3, mask=mask, rois={"V1": region}, scale=1 / 300, unit="%")
    one = Recording.of(found, "s01", "mine")
    assert one.channels == ("0-1-2", "1-2-3")
    np.testing.assert_allclose(one.data[:, 1, 0], values[1, 2, 3] / 300, rtol=1e-6)
    assert one.rois["V1"].tolist() == [False, True]
    with pytest.raises(DataError, match="6 ids for axes of 2, 3, 4, 6; expected as many as axis 0 has"):
        of_betas(values.astype("f4"), ids)
    with pytest.raises(DataError, match=r"the mask is bool \(2, 3\)"):
        of_betas(values.astype("f4"), ids, trial_axis=3, mask=np.ones((2, 3), bool))


def test_the_published_example_of_bdpy(data_dir: str) -> None:
    found = read_bdpy(f"{data_dir}/formats/bdpy/sample_vmap.h5")
    assert found.samples.shape == (8, 11)
    assert found.select("Data").shape == (8, 10)
    assert found.labels("Label")[:2] == ("label-01", "label-03")
    with pytest.raises(DataError, match="has no columns 'VoxelData'; its kinds are Data, Label"):
        found.mask("VoxelData")


def test_a_damaged_file_of_bdpy_gives_one_line(data_dir: str, tmp_path: Path) -> None:
    content = Path(data_dir, "formats/bdpy/sample_vmap.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"cut.h5' cannot be read"):
        read_bdpy(tmp_path / "cut.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.eye(2)
    with pytest.raises(DataError, match="has no 'dataset'; expected a file of bdpy"):
        read_bdpy(tmp_path / "other.h5")

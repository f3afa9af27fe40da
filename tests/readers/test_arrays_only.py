import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from brainalign.errors import DataError
from brainalign.readers.arrays_only import read_pickled


def test_the_real_order_of_pictures_is_read(data_dir: str) -> None:
    found = read_pickled(f"{data_dir}/things_ids/image_metadata.npy")
    assert (len(found["train_img_files"]), len(found["test_img_files"])) == (16540, 200)
    assert found["test_img_files"][0] == "aircraft_carrier_06s.jpg"
    assert found["train_img_concepts"][0] == "00001_aardvark"


def test_arrays_numbers_and_containers_are_read(tmp_path: Path) -> None:
    content = {
        "data": np.arange(6.0).reshape(2, 3),
        "n": np.int64(4),
        "names": ["Oz", "O1"],
        "big": np.arange(2, dtype=">i4"),
    }
    np.save(tmp_path / "a.npy", content, allow_pickle=True)
    found = read_pickled(tmp_path / "a.npy")
    np.testing.assert_array_equal(found["data"], content["data"])
    assert (found["n"], found["names"], found["big"].tolist()) == (4, ["Oz", "O1"], [0, 1])
    for protocol in (0, 2, 5):
        (tmp_path / "b.pkl").write_bytes(pickle.dumps(content, protocol=protocol))
        np.testing.assert_array_equal(read_pickled(tmp_path / "b.pkl")["data"], content["data"])
    np.save(tmp_path / "c.npy", np.eye(2))
    np.testing.assert_array_equal(read_pickled(tmp_path / "c.npy"), np.eye(2))


class Harm:
    def __reduce__(self):
        return os.mkdir, ("harm",)


@pytest.mark.parametrize("wrapped", [lambda o: o, lambda o: {"a": [o]}, lambda o: np.array([o, 1], dtype=object)])
def test_code_in_a_file_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrapped) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(wrapped(Harm())))
    np.save(tmp_path / "evil.npy", np.array(wrapped(Harm()), dtype=object), allow_pickle=True)
    for name in ("evil.pkl", "evil.npy"):
        with pytest.raises(DataError, match=r"it names \w+.mkdir, which is no array.*Do not open it"):
            read_pickled(tmp_path / name)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01", b"no pickle", b"cbuiltins\neval\n(S'1'\ntR."])
def test_damaged_files_give_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.npy") as caught:
        read_pickled(tmp_path / "x.npy")
    assert "\n" not in str(caught.value)

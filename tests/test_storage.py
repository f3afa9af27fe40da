"""Nothing is ever half written, and a hash names content."""

import errno
import hashlib
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from brainalign.errors import DataError, SpecError, StorageError
from brainalign.storage import (
    atomic_path,
    content_hash,
    file_hash,
    is_sealed,
    locked,
    read_tensors,
    seal,
    write_table,
    write_tensors,
    write_text,
)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_block_that_succeeds_leaves_the_whole_file_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "deep" / "notes.txt", "é")
    assert _files(tmp_path / "deep") == {"notes.txt": "é".encode()}
    assert os.stat(tmp_path / "deep" / "notes.txt").st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SpecError])
def test_a_block_that_fails_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "notes.txt"
    write_text(target, "before")
    with pytest.raises(error), atomic_path(target) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise error
    assert _files(tmp_path) == {"notes.txt": b"before"}


def _disk_full(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("existing", [True, False])
def test_a_full_disk_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, existing: bool
) -> None:
    target = tmp_path / "table.csv"
    if existing:
        write_table(target, pd.DataFrame({"a": [1]}))
    before = _files(tmp_path)
    monkeypatch.setattr(os, call, _disk_full)
    with pytest.raises(StorageError, match=r"table\.csv.*No space left") as caught:
        write_table(target, pd.DataFrame({"a": [2]}))
    assert "\n" not in str(caught.value)
    assert _files(tmp_path) == before


def test_a_full_disk_while_writing_tensors_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", _disk_full)
    with pytest.raises(StorageError, match="No space left"):
        write_tensors(tmp_path / "a.safetensors", {"a": torch.zeros(3)})
    assert _files(tmp_path) == {}


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(StorageError, match="choose another --out"):
        write_text(tmp_path / "taken" / "notes.txt", "")


def test_an_error_of_the_package_passes_through_unchanged(tmp_path: Path) -> None:
    for error in (DataError("the file ends early"), StorageError("another run")):
        with pytest.raises(type(error)) as caught, atomic_path(tmp_path / "a"):
            raise error
        assert caught.value is error


def test_table_floats_survive_to_nine_digits(tmp_path: Path) -> None:
    values = np.array([1 / 3, 1e-12, -2.5e8, np.nan])
    write_table(tmp_path / "t.csv", pd.DataFrame({"x": values}))
    np.testing.assert_allclose(pd.read_csv(tmp_path / "t.csv").x, values, rtol=1e-8)


def test_seventeen_digits_keep_every_bit(tmp_path: Path) -> None:
    values = np.array([1 / 3, np.nextafter(0.1, 1), -2.5e-308, 1e300])
    write_table(tmp_path / "t.csv", pd.DataFrame({"x": values}), digits=17)
    assert [float(text) for text in (tmp_path / "t.csv").read_text().split()[1:]] == values.tolist()


def test_a_sealed_folder_notices_every_change_and_no_leftover(tmp_path: Path) -> None:
    assert not is_sealed(tmp_path)
    assert not is_sealed(tmp_path / "nowhere")
    for name in ("a.csv", "b.csv"):
        write_text(tmp_path / name, name)
    assert not is_sealed(tmp_path)
    seal(tmp_path)
    assert is_sealed(tmp_path)
    assert file_hash(tmp_path / "a.csv") == hashlib.sha256(b"a.csv").hexdigest()
    (tmp_path / ".a-1.csv").write_text("what a killed write left")
    assert is_sealed(tmp_path)
    write_text(tmp_path / "a.csv", "a.csw")
    assert not is_sealed(tmp_path)
    write_text(tmp_path / "a.csv", "a.csv")
    assert is_sealed(tmp_path)
    (tmp_path / "b.csv").unlink()
    assert not is_sealed(tmp_path)
    (tmp_path / "contents.json").write_text("{")
    assert not is_sealed(tmp_path)


def test_a_lock_waits_for_the_other_one_and_readers_share_it(tmp_path: Path) -> None:
    seen: list[str] = []

    def reader() -> None:
        with locked(tmp_path, shared=True):
            seen.append("read")

    with locked(tmp_path) as held:
        assert held
        other = threading.Thread(target=reader)
        other.start()
        other.join(0.2)
        assert other.is_alive()
        seen.append("written")
    other.join(10)
    assert seen == ["written", "read"]
    with locked(tmp_path, shared=True) as one, locked(tmp_path, shared=True) as two:
        assert one
        assert two
    with locked(tmp_path / "nowhere") as held:
        assert not held


def test_tensors_come_back_with_their_metadata(tmp_path: Path) -> None:
    tensors = {"b": torch.arange(6.0).reshape(2, 3).T, "a": torch.tensor([True, False]), "z": torch.zeros(0, 4)}
    write_tensors(tmp_path / "t.safetensors", tensors, {"ids": ["é", "b"], "n": 3})
    found, metadata = read_tensors(tmp_path / "t.safetensors")
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) and found[name].dtype == tensors[name].dtype for name in tensors)
    assert metadata == {"ids": ["é", "b"], "n": 3}


@pytest.mark.parametrize("kept", [0, 4, 20, 0.5, 0.99])
def test_a_truncated_file_is_one_line(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "t.safetensors"
    write_tensors(path, {"a": torch.zeros(100)}, {"n": 1})
    whole = path.read_bytes()
    path.write_bytes(whole[: kept if isinstance(kept, int) else int(kept * len(whole))])
    with pytest.raises(DataError, match=r"t\.safetensors.*Delete it and run again") as caught:
        read_tensors(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.safetensors"):
        read_tensors(tmp_path / "none.safetensors")


ARRAY = np.arange(6, dtype=np.int32)

DIFFERENT: list[tuple[str, tuple[Any, ...], tuple[Any, ...]]] = [
    ("values", (ARRAY,), (ARRAY + 1,)),
    ("dtype", (ARRAY,), (ARRAY.astype(np.uint32),)),
    ("dtype of nothing", (np.zeros(0, np.float32),), (np.zeros(0, np.float64),)),
    ("byte order", (ARRAY,), (ARRAY.astype(">i4"),)),
    ("shape", (ARRAY.reshape(2, 3),), (ARRAY.reshape(3, 2),)),
    ("dimension", (ARRAY,), (ARRAY[None],)),
    ("order of elements", (ARRAY,), (ARRAY[::-1],)),
    ("order of parts", (ARRAY, "a"), ("a", ARRAY)),
    ("where a text ends", (["ab", "c"],), (["a", "bc"],)),
    ("where a part ends", ("ab", "c"), ("a", "bc")),
    ("nesting of lists", ([["a"], "b"],), (["a", ["b"]],)),
    ("nesting of mappings", ({"a": {"b": 1}},), ({"a": {}, "b": 1},)),
    ("depth of mappings", ({"a": {"b": {"c": 1}}},), ({"a": {"b": {}, "c": 1}},)),
    ("which mapping holds an item", ({"a": 1}, {"b": 2}), ({"a": 1, "b": 2}, {})),
    ("one mapping or two", ({"a": 1}, {"b": 2}), ({"a": 1, "b": 2},)),
    ("which name holds an array", ({"a": ARRAY, "b": ARRAY + 1},), ({"b": ARRAY, "a": ARRAY + 1},)),
    ("a name that looks like another item", ({"a": 1, "b": 2},), ({"avalue 1key b": 2},)),
    ("number and text", ("1",), (1,)),
    ("truth and number", (True,), (1,)),
    ("nothing and empty", (None,), ("",)),
    ("empty list and no part", ([],), ()),
    ("half precision", (torch.ones(2, dtype=torch.bfloat16),), (torch.full((2,), 2.0, dtype=torch.bfloat16),)),
    ("objects", (np.array(["a", None], dtype=object),), (np.array(["b", None], dtype=object),)),
    ("number and array of one", (np.float64(1.5),), (np.array([1.5]),)),
]


@pytest.mark.parametrize(("one", "other"), [item[1:] for item in DIFFERENT], ids=[item[0] for item in DIFFERENT])
def test_different_content_has_different_hashes(one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    assert content_hash(*one) != content_hash(*other)


def test_equal_content_has_equal_hashes() -> None:
    assert content_hash({"a": 1, "b": {"c": 2, "d": 3}}) == content_hash({"b": {"d": 3, "c": 2}, "a": 1})
    assert content_hash([{"a": 1, "b": 2}]) == content_hash([{"b": 2, "a": 1}])
    assert content_hash(torch.arange(6).reshape(2, 3)) == content_hash(np.arange(6).reshape(2, 3))
    assert content_hash(np.asfortranarray(ARRAY.reshape(2, 3))) == content_hash(ARRAY.reshape(2, 3))
    assert content_hash(torch.arange(12)[::2]) == content_hash(np.arange(0, 12, 2))
    assert content_hash(np.int64(3), [np.float64(0.5), np.bool_(True)]) == content_hash(3, [0.5, True])
    assert content_hash(np.array(2.5)) == content_hash(torch.tensor(2.5, dtype=torch.float64))
    assert content_hash((1, 2)) == content_hash([1, 2])  # a specification read back from JSON has lists


def test_what_cannot_be_named_by_content_says_so() -> None:
    with pytest.raises(TypeError, match="a set has no content hash"):
        content_hash({1, 2})

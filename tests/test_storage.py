"""Nothing is ever half written, and a hash names content."""

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from brainalign.errors import DataError, SpecError, StorageError
from brainalign.storage import atomic_path, content_hash, read_tensors, write_table, write_tensors, write_text


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
    assert content_hash((1, 2)) == content_hash([1, 2])  # a specification read back from JSON has lists

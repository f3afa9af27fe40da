"""Assemblies in netCDF: axes by their names, coordinates under ids, and what is missing said."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

import brainalign as ba
from brainalign.errors import DataError
from brainalign.readers import assembly
from brainalign.readers.assembly import read_assembly
from tests.readers.assemblies import write_assembly

DIMS = ("presentation", "neuroid", "time_bin")
IDS = ("car", "face", "car", "apple", "face", "car", "apple")
ANIMALS = ("Tito", "Chabo", "Tito", "Tito", "Chabo")
COORDINATES = {
    "stimulus_id": ("presentation", IDS),
    "repetition": ("presentation", [0, 0, 1, 0, 1, 2, 1]),
    "neuroid_id": ("neuroid", ("T_1", "C_1", "T_2", "T_3", "C_2")),
    "region": ("neuroid", ("IT", "V4", "V4", "IT", "IT")),
    "animal": ("neuroid", ANIMALS),
    "good": ("neuroid", [True, False, True, True, True]),
    "time_bin_start": ("time_bin", [70, 90, 110]),
    "time_bin_end": ("time_bin", [90, 110, 130]),
}
DATA = np.random.default_rng(0).standard_normal((7, 5, 3)).astype("f4")


def written(path: Path, order: tuple[int, ...] = (0, 1, 2), data: np.ndarray = DATA, **named) -> Path:
    dims = tuple(DIMS[k] for k in order)
    return write_assembly(path, data.transpose(order), dims, {**COORDINATES, **named.pop("more", {})}, **named)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("block", [2**26, 40])
def test_axes_go_by_their_names(
    tmp_path: Path, order: tuple[int, ...], block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assembly, "_BLOCK_BYTES", block)
    found = read_assembly(written(tmp_path / "one.nc", order))
    trials = found.trials(found.animals() == "Tito", runs="repetition", unit="spikes/s")
    np.testing.assert_array_equal(trials.data, DATA[:, [0, 2, 3]])
    assert (trials.stimulus_ids, trials.channels) == (IDS, ("T_1", "T_2", "T_3"))
    assert (trials.times, trials.unit, trials.modality) == ((0.08, 0.1, 0.12), "spikes/s", "spikes")
    assert {roi: mask.tolist() for roi, mask in trials.rois.items()} == {
        "IT": [True, False, True],
        "V4": [False, True, False],
    }
    assert (trials.runs, trials.notes) == (("0", "0", "1", "0", "1", "2", "1"), ())


def test_what_was_averaged_over_time_has_one_time(tmp_path: Path) -> None:
    coordinates = {name: one for name, one in COORDINATES.items() if one[0] != "time_bin"}
    path = write_assembly(
        tmp_path / "flat.nc", DATA[:, :, 0].T, ("neuroid", "presentation"), coordinates, "__xarray_dataarray_variable__"
    )
    trials = read_assembly(path).trials()
    assert (trials.times, trials.data.shape) == ((0.0,), (7, 5, 1))
    np.testing.assert_array_equal(trials.data[:, :, 0], DATA[:, :, 0])
    assert read_assembly(path).of("neuroid", "good").tolist() == [True, False, True, True, True]


def test_missing_numbers_are_left_out_and_said(tmp_path: Path) -> None:
    data = DATA.copy()
    data[:, 3] = np.nan  # a site that was lost
    data[5, 0, 1] = np.nan  # a repeat that is missing
    found = read_assembly(written(tmp_path / "one.nc", (1, 0, 2), data))
    trials = found.trials(found.animals() == "Tito")
    np.testing.assert_array_equal(trials.data, DATA[[0, 1, 2, 3, 4, 6]][:, [0, 2]])
    assert trials.stimulus_ids == (*IDS[:5], "apple")
    assert trials.notes == (
        "1 neuroids without a number were left out.",
        "1 presentations that a neuroid lacks were left out.",
    )
    assert trials.rois["IT"].tolist() == [True, False]
    data[:, 0, 0] = np.nan
    one = read_assembly(written(tmp_path / "two.nc", (0, 1, 2), data))
    with pytest.raises(DataError, match="no presentation has a number for each of 3 neuroids"):
        one.trials(one.animals() == "Tito")


def test_a_recording_of_one_animal(tmp_path: Path) -> None:
    path = written(tmp_path / "one.nc", (2, 1, 0))
    one = ba.Recording.from_assembly(path, animal="Chabo", dataset="objects", unit="spikes/s")
    assert (one.subject, one.dataset, one.data.shape, one.unit) == ("Chabo", "objects", (7, 2, 3), "spikes/s")
    assert one.means(["apple"])[0, 0, 2] == pytest.approx(DATA[[3, 6], 1, 2].mean())
    for animal in ("", "Nano"):
        with pytest.raises(DataError, match=r"holds Tito, Chabo, not '.*'. Give animal = 'Tito', say."):
            ba.Recording.from_assembly(path, animal=animal)


def test_older_names_and_names_of_levels(tmp_path: Path) -> None:
    coordinates = {
        "image_id": COORDINATES["stimulus_id"],
        "region_": COORDINATES["region"],
        "neuroid": ("neuroid", [3.0, 1.0, 2.0, 7.0, 9.0]),
        "time_bin_start_": COORDINATES["time_bin_start"],
        "time_bin_end_": COORDINATES["time_bin_end"],
    }
    found = read_assembly(write_assembly(tmp_path / "old.nc", DATA, DIMS, coordinates))
    trials = found.trials()
    assert (trials.stimulus_ids, list(trials.rois)) == (IDS, ["IT", "V4"])
    assert (trials.channels[:2], found.animals().tolist()) == (("neuroid-0", "neuroid-1"), ["all"] * 5)
    with pytest.raises(DataError, match="has no coordinate session of presentation; choose one of: image_id"):
        found.trials(runs="session")
    with pytest.raises(DataError, match="has no coordinate monkey of neuroid; choose one of: neuroid, region_"):
        found.animals("monkey")


def test_what_is_no_assembly_gives_one_line(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole.nc")
    (tmp_path / "cut.nc").write_bytes(whole.read_bytes()[:2000])
    (tmp_path / "old.nc").write_bytes(b"CDF\x01" + bytes(2000))
    (tmp_path / "empty.nc").write_bytes(b"")
    (tmp_path / "pointer.nc").write_text("../.git/annex/objects/aa/bb/SHA256E-s1--c.nc")
    activations = write_assembly(tmp_path / "model.nc", DATA[:, :, 0], ("stimulus_path", "neuroid"), {})
    events = write_assembly(tmp_path / "events.nc", DATA, ("presentation", "neuroid", "event"), {})
    for path, said in (
        (tmp_path / "cut.nc", "cannot be read"), (tmp_path / "old.nc", "it is netCDF of version 3"),
        (tmp_path / "empty.nc", "is empty"), (tmp_path / "pointer.nc", "is a git-annex pointer"),
        (activations, r"holds data \(stimulus_path, neuroid\); expected one array of presentation, neuroid"),
        (events, r"holds data \(presentation, neuroid, event\); expected one array"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=said) as caught:
            read_assembly(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="Name it: variable, or give another file"):
        read_assembly(whole, "rates")

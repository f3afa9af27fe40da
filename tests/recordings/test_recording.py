from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from brainalign.errors import DataError, SpecError, StimulusMismatchError
from brainalign.recordings import recording_checks
from brainalign.recordings.recording import Recording


def recording() -> Recording:
    return Recording(
        data=np.array([[[1.0], [10.0]], [[2.0], [20.0]], [[5.0], [50.0]]]),
        stimulus_ids=("b", "a", "b"),
        channels=("u1", "u2"),
        times=(0.0,),
        subject="s",
        dataset="toy",
        modality="spikes",
        unit="spikes/s",
        rois={"V4": np.array([False, True])},
    )


def test_average_groups_trials_by_id_in_order_of_first_presentation() -> None:
    ids, responses = recording().average()
    assert ids == ("b", "a")
    np.testing.assert_array_equal(responses, [[[3.0], [30.0]], [[2.0], [20.0]]])
    ids, responses = recording().average("V4")
    np.testing.assert_array_equal(responses, [[[30.0]], [[20.0]]])


def test_unknown_roi_lists_the_alternatives() -> None:
    with pytest.raises(DataError, match="'IT'; choose one of V4"):
        recording().average("IT")


@pytest.mark.parametrize(
    "change",
    [
        {"stimulus_ids": ("a", "b")},
        {"channels": ("u1",)},
        {"times": (0.0, 0.1)},
        {"rois": {"V4": np.array([True])}},
        {"runs": ("1",)},
    ],
)
def test_disagreeing_lengths_are_refused(change: dict) -> None:
    with pytest.raises(StimulusMismatchError):
        replace(recording(), **change)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_trials_that_are_not_finite_are_refused(bad: float) -> None:
    data = recording().data.copy()
    data[1, 0] = bad
    with pytest.raises(DataError, match="1 of 3 trials"):
        replace(recording(), data=data)


# -- what is taken in -------------------------------------------------------------------------------------------------

DATA = recording().data


@pytest.mark.parametrize(
    "data",
    [
        DATA.tolist(),
        DATA.astype(">f8"),
        DATA.astype(np.float16),
        DATA.astype(np.longdouble),
        DATA.astype(np.int16),
        DATA.astype(np.uint8),
        DATA[::-1].copy()[::-1],  # reversed in memory
        np.asfortranarray(DATA),
        np.ma.masked_invalid(DATA),
        DATA.astype(object),
        torch.tensor(DATA, requires_grad=True),
        torch.tensor(DATA).bfloat16(),
    ],
    ids=["list", "big-endian", "half", "long", "int16", "uint8", "reversed", "fortran", "unmasked", "objects", "grad",
         "bfloat16"],
)  # fmt: skip
def test_numbers_in_any_container_give_the_same_means(data: Any) -> None:
    one = replace(recording(), data=data)
    np.testing.assert_array_equal(one.average()[1], recording().average()[1])
    assert one.data.dtype.isnative


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (np.ma.masked_greater(DATA, 40), DataError, "toy/s: data: 1 values are masked"),
        (DATA.astype(str), DataError, "toy/s: data: the values are text; expected real numbers"),
        (np.where(DATA > 40, None, DATA), DataError, "toy/s: data: a value is None; expected numbers"),
        (DATA.astype(complex), DataError, "toy/s: data: the values are complex numbers; expected real"),
        ([[[1.0]], [[2.0, 3.0]]], DataError, "toy/s: data: the values form no regular array"),
        (pd.DataFrame(DATA[:, :, 0]), StimulusMismatchError, r"shape \(3, 2\).*add the axis: data\[:, :, None\]"),
    ],
    ids=["masked", "text", "None", "complex", "ragged", "frame"],
)
def test_what_is_not_numbers_is_refused_in_one_line(data: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        replace(recording(), data=data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rois": {"V4": np.array(["V1", "V4"])}}, r"mask of ROI 'V4' holds text.*labels == 'V4'"),
        ({"rois": {"V4": np.array([0.2, 0.7])}}, r"mask of ROI 'V4' holds decimal numbers.*values > 0\.5"),
        ({"rois": {"V4": [0, 1]}}, r"holds whole numbers.*mask\.astype\(bool\) for ones and zeros, np\.isin"),
        ({"rois": {"V4": [1]}}, "holds whole numbers"),
        ({"rois": {"V4": np.array([False, False])}}, "mask of ROI 'V4' is empty: none of 2 channels"),
        ({"rois": {"V4": np.array([], dtype=bool)}}, "is empty: none of 2 channels"),
        ({"rois": {"V4": []}}, "is empty: none of 2 channels"),
        ({"rois": [True, False]}, "rois is list; expected a mapping"),
        ({"channels": ("u", "u")}, r"channels \['u'\] repeat"),
        ({"channels": "ab"}, "channels is 'ab'; expected a list of names"),
        ({"channels": ("a", 1.5)}, "channels holds 1.5"),
        ({"times": ("now",)}, "times is .*expected seconds from onset"),
        ({"times": (np.nan,)}, "times hold NaN"),
        ({"times": 0.0}, "times is 0.0; expected seconds"),
        ({"subject": 3}, "subject is 3; expected text"),
        ({"subject": " "}, "subject is ' '; expected text"),
        ({"dataset": None}, "dataset is None; expected text"),
        ({"runs": ("1", "2", None)}, "runs holds None"),
        ({"runs": ("1", "2", True)}, "runs holds True"),
        ({"data": np.empty((0, 2, 1)), "stimulus_ids": ()}, "0 trials, 2 channels, 1 times; expected at least one"),
        ({"data": np.empty((3, 0, 1)), "channels": (), "rois": {}}, "3 trials, 0 channels"),
        ({"data": np.empty((3, 2, 0)), "times": ()}, "3 trials, 2 channels, 0 times"),
        ({"stimulus_ids": (1.5, "a", "b")}, "toy/s: id 0 is 1.5"),
    ],
)
def test_what_names_a_recording_is_checked(change: dict[str, Any], message: str) -> None:
    with pytest.raises((DataError, StimulusMismatchError), match=message) as caught:
        replace(recording(), **change)
    assert "\n" not in str(caught.value)


def test_times_must_increase() -> None:
    data = np.zeros((3, 2, 3))
    with pytest.raises(DataError, match=r"time 2 is 0\.05 s after 0\.1 s; expected increasing times"):
        replace(recording(), data=data, times=(0.0, 0.1, 0.05))


def test_whole_numbers_name_stimuli_channels_and_runs() -> None:
    ids, runs = np.array([7, 3, 7]), np.array([1, 1, 2])
    one = replace(recording(), stimulus_ids=ids, runs=runs, channels=np.arange(2), times=np.float32([0.5]))
    assert (one.stimulus_ids, one.runs, one.channels, one.times) == (
        ("7", "3", "7"),
        ("1", "1", "2"),
        ("0", "1"),
        (0.5,),
    )
    assert type(one.stimulus_ids[0]) is type(one.runs[0]) is str
    np.testing.assert_array_equal(one.means(["7"], run=2), [[[5.0], [50.0]]])


def test_fine_data_are_not_copied_and_memory_maps_are_read_in_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert replace(recording(), data=DATA).data is DATA
    np.save(tmp_path / "data.npy", DATA)
    mapped = np.load(tmp_path / "data.npy", mmap_mode="r")
    one = replace(recording(), data=mapped)
    assert np.shares_memory(one.data, mapped)
    monkeypatch.setattr(recording_checks, "_BLOCK", 2)  # one trial at a time
    again = replace(recording(), data=mapped)
    np.testing.assert_array_equal(again.average("V4")[1], recording().average("V4")[1])
    np.testing.assert_array_equal(again.means(["a", "b"])[:, 1, 0], [20.0, 30.0])
    bad = DATA.copy()
    bad[1:, 0] = np.nan
    with pytest.raises(DataError, match="2 of 3 trials"):
        replace(recording(), data=bad)


def test_the_key_follows_content() -> None:
    base = replace(recording(), runs=("1", "1", "2"))
    assert base.key == replace(recording(), runs=[1, 1, 2], data=DATA.astype(">f8")).key
    assert base.key == replace(base, data=np.asfortranarray(DATA)).key
    moved = DATA.copy()
    moved[0, 0] += 1e-9
    others = [
        {"data": moved}, {"stimulus_ids": ("a", "b", "b")}, {"channels": ("u2", "u1")}, {"times": (0.1,)},
        {"rois": {"V4": np.array([True, False])}}, {"rois": {"V1": np.array([False, True])}}, {"rois": {}},
        {"runs": None}, {"runs": ("1", "2", "2")}, {"subject": "t"}, {"dataset": "other"}, {"unit": "Hz"},
        {"simulated": True}, {"data": DATA.astype(np.float32)},
    ]  # fmt: skip
    assert len({base.key, *(replace(base, **change).key for change in others)}) == len(others) + 1


# -- verbs ------------------------------------------------------------------------------------------------------------


def test_means_follow_the_ids_that_are_asked_for() -> None:
    one = replace(recording(), runs=("1", "1", "2"))
    np.testing.assert_array_equal(one.means(["a", "b"])[:, :, 0], [[2, 20], [3, 30]])
    np.testing.assert_array_equal(one.means(["b"], run="1")[:, :, 0], [[1, 10]])
    np.testing.assert_array_equal(one.means(["b"], roi="V4")[:, :, 0], [[30]])
    with pytest.raises(StimulusMismatchError, match=r"1 of 2 stimuli are not in 'toy/s, run 2'.*'a'"):
        one.means(["a", "b"], run="2")
    with pytest.raises(DataError, match="no run '3'; choose one of 1, 2"):
        one.means(["a"], run="3")
    with pytest.raises(DataError, match="no run '1'; choose one of none"):
        recording().means(["a"], run="1")


def test_parts_keep_everything_in_step() -> None:
    one = replace(
        recording(), runs=("1", "1", "2"), rois={"V4": np.array([False, True]), "V1": np.array([True, False])}
    )
    part = one.select("V4")
    assert (part.channels, list(part.rois)) == (("u2",), ["V4"])
    np.testing.assert_array_equal(part.data[:, :, 0], [[10], [20], [50]])
    assert one.drop_channels(["u1"]).channels == ("u2",)
    assert list(one.drop_channels(["u1"]).rois) == ["V4"]
    fewer = one.drop_trials(one.data[:, 0, 0] > 4)
    assert (fewer.stimulus_ids, fewer.runs) == (("b", "a"), ("1", "1"))
    assert one.subset(["b"]).runs == ("1", "2")
    np.testing.assert_array_equal(one.subset(["b"]).data[:, 0, 0], [1, 5])
    assert one.data.shape == (3, 2, 1)  # as it was


def test_parts_that_are_not_there_are_refused() -> None:
    with pytest.raises(DataError, match=r"has no channels \['u9'\]; its 2 channels begin with u1, u2"):
        recording().drop_channels(["u9"])
    with pytest.raises(DataError, match="3 trials, 0 channels"):
        recording().drop_channels(["u1", "u2"])
    with pytest.raises(DataError, match=r"trials to drop are int64 \(3,\); expected one boolean for each of 3 trials"):
        recording().drop_trials(np.array([0, 1, 1]))
    with pytest.raises(DataError, match="0 trials"):
        recording().drop_trials(np.ones(3, dtype=bool))
    with pytest.raises(StimulusMismatchError, match="'z'"):
        recording().subset(["a", "z"])


def test_a_window_is_the_mean_over_its_times() -> None:
    data = np.arange(24, dtype=np.float32).reshape(3, 2, 4)
    course = replace(recording(), data=data, times=(-0.1, 0.0, 0.1, 0.2))
    part = course.window(0.0, 0.1)
    assert part.times == (0.05,)
    np.testing.assert_array_equal(part.data[:, :, 0], data[:, :, 1:3].mean(axis=2))
    with pytest.raises(DataError, match=r"no time from 0\.3 to 0\.4 s; its 4 times run from -0\.1 to 0\.2 s"):
        course.window(0.3, 0.4)


def test_centring_needs_runs_and_knows_only_runs() -> None:
    with pytest.raises(DataError, match="has no runs to centre by"):
        recording().centred()
    with pytest.raises(SpecError, match="by = 'session', expected 'run'"):
        replace(recording(), runs=("1", "1", "2")).centred("session")


def test_patterns_are_mean_responses_with_times_joined() -> None:
    one = recording()
    ids, means = one.average()
    found = one.patterns()
    assert found.stimulus_ids == ids
    np.testing.assert_array_equal(found.values, means.reshape(len(ids), -1))

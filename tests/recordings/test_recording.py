from dataclasses import replace

import numpy as np
import pytest

from brainalign.errors import DataError, StimulusMismatchError
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

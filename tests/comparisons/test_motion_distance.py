"""Head motion as an RDM: distances in mm within runs, from confounds of fMRIPrep."""

import numpy as np
import pytest

from brainalign.comparisons.motion_distance import motion_distance, motion_of_events
from brainalign.errors import DataError, StimulusMismatchError
from brainalign.readers.confounds import read_confounds
from brainalign.recordings.recording import Recording


def recording(ids: tuple[str, ...], runs: tuple[str, ...] | None = None) -> Recording:
    return Recording(np.ones((len(ids), 1, 1)), ids, ("v",), (0.0,), "s", "toy", "fMRI", "a.u.", runs=runs)


def test_distances_are_means_over_pairs_of_trials_of_one_run() -> None:
    rng = np.random.default_rng(0)
    ids, runs = tuple("abcabcaab"), tuple("111222333")
    moved = rng.normal(size=(9, 6)) * np.array([1, 1, 1, 0.02, 0.02, 0.02])
    found = motion_distance(recording(ids, runs), moved, ("a", "b", "c")).matrices()[0]
    scaled = moved * [1, 1, 1, 50, 50, 50]
    for k, one in enumerate("abc"):
        for j, other in enumerate("abc"):
            apart = [
                np.linalg.norm(scaled[p] - scaled[q])
                for p in range(9)
                for q in range(9)
                if (ids[p], ids[q]) == (one, other) and runs[p] == runs[q]
            ]
            if k != j:
                assert found[k, j] == pytest.approx(np.mean(apart))
    # a jump between runs is none: parameters of runs refer to different images
    jumped = moved + 100 * (np.array(runs) == "2")[:, None]
    again = motion_distance(recording(ids, runs), jumped, ("a", "b", "c")).matrices()[0]
    assert np.abs(again - found).max() < 1e-9


def test_motion_of_events_is_that_of_the_volumes_that_answer(data_dir: str) -> None:
    path = f"{data_dir}/formats/confounds/test-v21_desc-confounds_timeseries.tsv"
    motion, names = read_confounds(path, ["motion6"])
    assert names[:3] == ("trans_x", "trans_y", "trans_z")
    found = motion_of_events(motion, [0.0, 10.0], [4.0, 0.0], seconds=2.0, shift=5.0)
    assert found[0] == pytest.approx(motion[[2, 3]].mean(axis=0))  # middles at 5 and 7 s
    assert found[1] == pytest.approx(motion[7])  # 15 s
    with pytest.raises(DataError, match=r"The event at 1e\+06 s has no volume 5 s later"):
        motion_of_events(motion, [1e6], [1.0], seconds=2.0)


def test_what_does_not_fit_is_one_line() -> None:
    with pytest.raises(StimulusMismatchError, match=r"Motion is \(3, 5\) for 3 trials; expected \(n_trials, 6\)"):
        motion_distance(recording(tuple("abc")), np.zeros((3, 5)), ("a", "b"))
    with pytest.raises(DataError, match="has no trial of 'd'"):
        motion_distance(recording(tuple("abc")), np.zeros((3, 6)), ("a", "d"))

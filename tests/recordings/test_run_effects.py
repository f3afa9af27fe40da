"""What differs between runs is taken out, and nothing else."""

import numpy as np
import pytest

from brainalign.errors import DataError
from brainalign.recordings.recording import Recording

RNG = np.random.default_rng(0)
N_CHANNELS = 30
SIGNAL = RNG.standard_normal((12, N_CHANNELS))
IDS = tuple(f"s{k:02d}" for k in range(12))
DRIFT = {"1": np.zeros(N_CHANNELS), "2": 3 * RNG.standard_normal(N_CHANNELS), "3": -RNG.standard_normal(N_CHANNELS)}


def _recording(shown: list[tuple[int, str]], drift: bool = True, noise: float = 0.0) -> Recording:
    """Trials of (stimulus, run): signal, the run's drift, and noise."""
    rng = np.random.default_rng(1)
    data = [SIGNAL[k] + drift * DRIFT[run] + noise * rng.standard_normal(N_CHANNELS) for k, run in shown]
    return Recording(
        np.array(data)[:, :, None], tuple(IDS[k] for k, _ in shown), tuple(f"c{c}" for c in range(N_CHANNELS)), (0.0,),
        "s", "toy", "fMRI", "beta", {"all": np.ones(N_CHANNELS, dtype=bool)}, tuple(run for _, run in shown),
    )  # fmt: skip


UNEQUAL = (
    [(k, "1") for k in range(8)] + [(k, "2") for k in range(4, 12)] + [(k, "2") for k in range(6, 9)] + [(11, "3")]
)


def _distances(recording: Recording) -> np.ndarray:
    return 1 - np.corrcoef(recording.means(IDS)[:, :, 0])


def test_balanced_runs_lose_their_means_and_keep_the_mean_of_all() -> None:
    shown = [(k, run) for run in ("1", "2") for k in range(12)]
    one = _recording(shown, noise=0.5)
    found, run = one.centred().data, np.array(one.runs)
    mean = one.data.mean(axis=0)
    for name in ("1", "2"):
        np.testing.assert_allclose(found[run == name], one.data[run == name] - one.data[run == name].mean(0) + mean)
    np.testing.assert_allclose(one.centred(each=True).data, found, atol=1e-12)


def test_runs_that_show_stimuli_unequally_often_are_told_from_stimuli() -> None:
    found = _recording(UNEQUAL).centred().means(IDS)[:, :, 0]
    # the signal up to one pattern that all stimuli share
    np.testing.assert_allclose(found - found.mean(0), SIGNAL - SIGNAL.mean(0), atol=1e-12)
    naive = _recording(UNEQUAL).centred(each=True).means(IDS)[:, :, 0]
    assert np.abs(naive - naive.mean(0) - SIGNAL + SIGNAL.mean(0)).max() > 0.3


def test_runs_without_a_difference_and_a_single_run_stay_as_they_are() -> None:
    still = _recording(UNEQUAL, drift=False)
    np.testing.assert_allclose(still.centred().data, still.data, atol=1e-12)
    single = _recording([(k, "1") for k in range(12)], noise=1.0)
    np.testing.assert_array_equal(single.centred().data, single.data)


def test_a_drift_between_runs_of_different_stimuli_sets_them_apart_until_it_is_taken_out() -> None:
    many = np.random.default_rng(2).standard_normal((80, N_CHANNELS))
    run = np.repeat(["1", "2"], 40)
    data = many + np.where(run == "2", 1, 0)[:, None] * DRIFT["2"]
    ids = tuple(f"m{k}" for k in range(80))
    one = Recording(data[:, :, None], ids, tuple(map(str, range(N_CHANNELS))), (0.0,), "s", "toy", "fMRI", "beta",
                    runs=tuple(run))  # fmt: skip

    def apart(recording: Recording) -> float:
        """How much further apart stimuli of two runs are than those of one."""
        distances = 1 - np.corrcoef(recording.means(ids)[:, :, 0])
        same = run[:, None] == run
        off = ~np.eye(80, dtype=bool)
        return float(distances[~same].mean() - distances[same & off].mean())

    assert apart(one) > 0.4
    assert abs(apart(one.centred(each=True))) < 0.05
    message = (
        r"toy/s: runs '1' and '2' share no stimuli, so that nothing tells.*runs = \"centre_each\" if stimuli were dealt"
    )
    with pytest.raises(DataError, match=message):
        one.centred()


def test_runs_linked_through_a_third_are_centred() -> None:
    chain = [(k, "1") for k in range(5)] + [(k, "2") for k in range(4, 9)] + [(k, "3") for k in range(8, 12)]
    found = _recording(chain).centred().means(IDS)[:, :, 0]
    np.testing.assert_allclose(found - found.mean(0), SIGNAL - SIGNAL.mean(0), atol=1e-12)
    with pytest.raises(DataError, match="runs '1' and '3' share no stimuli"):
        _recording([trial for trial in chain if trial[1] != "2"]).centred()


def test_neither_the_order_of_trials_nor_names_of_runs_matter() -> None:
    one = _recording(UNEQUAL, noise=0.3)
    order = np.random.default_rng(3).permutation(len(UNEQUAL))
    shuffled = Recording(
        one.data[order], tuple(one.stimulus_ids[k] for k in order), one.channels, one.times, "s", "toy", "fMRI", "beta",
        runs=tuple({"1": "z", "2": "b", "3": "a"}[one.runs[k]] for k in order),
    )  # fmt: skip
    np.testing.assert_allclose(shuffled.centred().data, one.centred().data[order], atol=1e-12)


def test_whole_numbers_are_centred_too() -> None:
    one = _recording([(k, run) for run in ("1", "2") for k in range(12)])
    counts = Recording(
        np.round(one.data * 10).astype(np.int16), one.stimulus_ids, one.channels, one.times, "s", "toy", "spikes", "n",
        runs=one.runs,
    )  # fmt: skip
    means = [counts.centred().data[np.array(one.runs) == run].mean(axis=0) for run in ("1", "2")]
    np.testing.assert_allclose(means[0], means[1], atol=1e-12)

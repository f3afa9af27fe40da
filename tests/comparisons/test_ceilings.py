"""Every ceiling where the truth is known, on real neurons, and by name where there is none."""

import numpy as np
import pytest

from brainalign.comparisons.ceilings import brain_to_brain, ceilings_table, rsa_ceiling, variance_ceiling
from brainalign.comparisons.ncsnr import explainable_share, ncsnr
from brainalign.comparisons.noise_ceiling import noise_ceiling
from brainalign.comparisons.response_ceiling import response_ceiling
from brainalign.comparisons.split_half import (
    rdm_split_half_ceiling,
    spearman_brown,
    split_half_ceiling,
    split_half_correlations,
)
from brainalign.errors import DataError
from brainalign.rdms import RDMs
from brainalign.recordings.macaque_v4 import MacaqueV4
from brainalign.recordings.recording import Recording


def recording(
    n: int = 200, repeats: int = 4, noise: float = 1.0, channels: int = 8, seed: int = 0, signal: float = 1.0
) -> Recording:
    rng = np.random.default_rng(seed)
    truth = signal * rng.normal(size=(n, channels))
    data = np.concatenate([truth + noise * rng.normal(size=truth.shape) for _ in range(repeats)])[:, :, None]
    names = tuple(f"c{k}" for k in range(channels))
    ids = tuple(str(k) for k in range(n)) * repeats
    return Recording(data, ids, names, (0.0,), "p", "made up", "spikes", "Hz", {"all": np.ones(channels, bool)})


@pytest.mark.parametrize("noise", [0.5, 2.0])
def test_all_ways_find_the_correlation_of_the_truth_with_the_mean(noise: float) -> None:
    expected = 1 / np.sqrt(1 + noise**2 / 4)
    one = recording(noise=noise)
    for found in (split_half_ceiling(one, n_splits=30), variance_ceiling(one)):
        assert found.lower == found.upper == pytest.approx(expected, abs=0.03)
        assert found.low < expected < found.high
        assert found.high - found.low < 0.2
    np.testing.assert_allclose(ncsnr(one).mean(), 1 / noise, rtol=0.1)
    np.testing.assert_allclose(explainable_share(one, n_trials=1).mean(), 1 / (1 + noise**2), atol=0.04)


def test_intervals_hold_the_truth_in_most_worlds() -> None:
    expected = 1 / np.sqrt(1 + 1 / 4)
    found = [variance_ceiling(recording(60, seed=seed, channels=3)) for seed in range(60)]
    assert sum(one.low < expected < one.high for one in found) >= 52


def test_nothing_is_clipped_where_there_is_no_signal() -> None:
    found = [variance_ceiling(recording(40, 3, seed=seed, signal=0.0)) for seed in range(40)]
    values = np.array([one.lower for one in found])
    assert 5 < (values < 0).sum() < 35
    assert np.isfinite([one.low for one in found]).all()


def test_unequal_repeats_count_with_the_mean_of_their_inverse() -> None:
    rng = np.random.default_rng(0)
    ids = [k for k in range(400) for _ in range(10 if k % 2 else 1)]
    truth = rng.normal(size=(400, 30))
    data = (truth[ids] + 1.5 * rng.normal(size=(len(ids), 30)))[:, :, None]
    one = Recording(data, tuple(map(str, ids)), tuple(map(str, range(30))), (0.0,), "p", "x", "spikes", "Hz")
    expected = 1 / (1 + 1.5**2 * (0.5 * 1 + 0.5 / 10))
    assert explainable_share(one).mean() == pytest.approx(expected, abs=0.03)


def test_what_cannot_be_estimated_says_why() -> None:
    alone = recording(30, 1)
    for found in (split_half_ceiling(alone), variance_ceiling(alone), rdm_split_half_ceiling(alone, "corr")):
        assert np.isnan([found.lower, found.upper, found.low, found.high]).all()
        assert "shown twice" in found.reason
        assert "none, " in repr(found)
    with pytest.raises(DataError, match="shown twice"):
        ncsnr(alone)
    one = RDMs(np.random.default_rng(0).random((1, 45)), tuple(map(str, range(10))), "correlation")
    assert "two subjects or more" in rsa_ceiling(one, "corr").reason
    table = ceilings_table(one, [alone], "corr", "all")
    assert list(table.measure_kind) == ["geometry"] * 3 + ["prediction"] * 2
    assert (table.reason != "").all()


def test_between_subjects_the_bounds_are_those_of_the_ceiling_and_the_interval_holds_the_truth() -> None:
    inside = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        points = rng.normal(size=(20, 4))
        first, second = np.triu_indices(20, 1)
        truth = ((points[first] - points[second]) ** 2).sum(axis=1)
        rdms = RDMs(truth + 4 * rng.normal(size=(12, 190)), tuple(map(str, range(20))), "x")
        found, known = rsa_ceiling(rdms, "corr"), noise_ceiling(rdms, "corr")
        assert (found.lower, found.upper) == (pytest.approx(known.lower), pytest.approx(known.upper))
        more = truth + 4 * rng.normal(size=(200, 190))
        pool = truth + 4 * rng.normal(size=(11, 190)).mean(axis=0)
        inside += found.low < np.corrcoef(pool, more)[0, 1:].mean() < found.high
    assert inside >= 34


def test_one_brain_as_a_model_of_another_is_the_mean_of_all_pairs() -> None:
    rng = np.random.default_rng(1)
    rdms = RDMs(rng.random(45) + 0.5 * rng.random((6, 45)), tuple(map(str, range(10))), "x")
    found = brain_to_brain(rdms, "corr")
    expected = np.corrcoef(rdms.dissimilarities)[np.triu_indices(6, 1)].mean()
    assert found.lower == found.upper == pytest.approx(expected)
    assert found.low < expected < found.high
    assert found.lower < noise_ceiling(rdms, "corr").lower  # the mean of others is less noisy
    few = RDMs(rdms.dissimilarities[:2], rdms.stimulus_ids, "x")
    assert "3 subjects or more" in brain_to_brain(few, "corr").reason


def test_half_rdms_agree_less_than_whole_ones() -> None:
    one = recording(30, 8, channels=20)
    found = rdm_split_half_ceiling(one, "corr", measure="squared_euclidean")
    assert found.lower < found.upper == pytest.approx(spearman_brown(np.array(found.lower)))


def test_the_ceiling_of_real_neurons_from_their_repeats(data_dir: str) -> None:
    (one,) = MacaqueV4(data_dir).recordings()
    halves = split_half_correlations(one, "V4", n_splits=20)
    assert np.median(halves) == pytest.approx(0.63, abs=0.03)
    by_halves, by_variance = split_half_ceiling(one, "V4", n_splits=20), explainable_share(one, "V4")
    assert by_halves.lower == pytest.approx(response_ceiling(one, "V4"), abs=0.02)
    assert np.sqrt(by_variance.mean()) == pytest.approx(by_halves.lower, abs=0.02)
    assert by_halves.high - by_halves.low < 0.1
    (averaged,) = MacaqueV4(data_dir, session="201025").recordings()
    assert "shown twice" in split_half_ceiling(averaged, "V4").reason

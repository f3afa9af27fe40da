"""The noise ceiling of responses, where the truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from brainalign.comparisons.response_ceiling import response_ceiling, response_reliability
from brainalign.recordings.recording import Recording


def _recording(
    n_stimuli: int = 400, n_repeats: int = 4, noise: float = 1.0, n_channels: int = 6, signal: float = 1.0
) -> Recording:
    rng = np.random.default_rng(0)
    truth = signal * rng.standard_normal((n_stimuli, n_channels))
    data = np.concatenate([truth + noise * rng.standard_normal(truth.shape) for _ in range(n_repeats)])
    return Recording(
        data=data[:, :, None],
        stimulus_ids=tuple(str(k) for k in range(n_stimuli)) * n_repeats,
        channels=tuple(f"c{k}" for k in range(n_channels)),
        times=(0.0,),
        subject="s",
        dataset="made up",
        modality="made up",
        unit="arbitrary",
        rois={"last": np.arange(n_channels) == n_channels - 1},
    )


@pytest.mark.parametrize("noise", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("n_repeats", [2, 4, 10])
def test_it_is_the_correlation_of_the_signal_with_the_average(noise: float, n_repeats: int) -> None:
    expected = 1 / np.sqrt(1 + noise**2 / n_repeats)
    recording = _recording(n_repeats=n_repeats, noise=noise)
    assert response_reliability(recording).shape == (6,)
    assert response_ceiling(recording) == pytest.approx(expected, abs=0.03)


def test_unequal_repeats_count_as_they_are_scored() -> None:
    """Half of the stimuli shown once and half ten times: the best model reaches what it reaches on those averages."""
    rng = np.random.default_rng(0)
    n, channels, noise = 400, 40, 1.51
    truth = rng.standard_normal((n, channels))
    ids = [k for k in range(n) for _ in range(10 if k % 2 else 1)]
    data = truth[ids] + noise * rng.standard_normal((len(ids), channels))
    recording = replace(
        _recording(n_channels=channels),
        data=data[:, :, None],
        stimulus_ids=tuple(f"s{k:03d}" for k in ids),
        rois={},
    )
    order, means = recording.average()
    assert order == tuple(f"s{k:03d}" for k in range(n))
    reached = np.mean([np.corrcoef(truth[:, c], means[:, c, 0])[0, 1] for c in range(channels)])
    assert reached == pytest.approx(0.666, abs=0.01)
    assert response_ceiling(recording) == pytest.approx(reached, abs=0.01)


def test_noise_that_differs_between_stimuli_does_not_bias_it() -> None:
    rng = np.random.default_rng(1)
    truth = rng.standard_normal((300, 400))
    spread = rng.uniform(0.2, 3, (300, 1))
    ids = [k for k in range(300) for _ in range(2 + k % 5)]
    data = truth[ids] + spread[ids] * rng.standard_normal((len(ids), 400))
    recording = replace(
        _recording(n_channels=400), data=data[:, :, None], stimulus_ids=tuple(f"s{k:03d}" for k in ids), rois={}
    )
    means = recording.average()[1][:, :, 0]
    reached = np.mean([np.corrcoef(truth[:, c], means[:, c])[0, 1] for c in range(400)])
    assert response_ceiling(recording) == pytest.approx(reached, abs=0.01)


def test_without_noise_it_is_one() -> None:
    assert response_ceiling(_recording(noise=0)) == pytest.approx(1)


@pytest.mark.parametrize("n_repeats", [2, 4])
def test_without_signal_reliability_is_zero_on_average(n_repeats: int) -> None:
    recording = _recording(n_stimuli=60, n_repeats=n_repeats, n_channels=2000, signal=0)
    assert response_reliability(recording).mean() == pytest.approx(0, abs=0.01)
    assert abs(response_ceiling(recording)) < 0.1


def test_equal_trials_of_a_number_that_binary_cannot_hold_have_no_signal() -> None:
    """Means of .1 over 2 or 3 trials differ in the last digit; that is no signal."""
    data = np.full((27, 1, 1), 0.1)
    ids = tuple(f"s{k}" for k in [*range(9), *range(9), *range(5), *range(4)])
    recording = replace(_recording(n_channels=1), data=data, stimulus_ids=ids, rois={})
    assert np.isnan(response_ceiling(recording))


def test_a_constant_response_is_left_out() -> None:
    recording = _recording(n_stimuli=10)
    recording.data[:, 2] = 0.1
    found = response_reliability(recording)
    assert np.isnan(found[2])
    assert (found[[0, 1, 3]] > 0.25).all()
    assert response_ceiling(recording) == pytest.approx(np.sqrt(np.nanmean(found)))


def test_without_repeats_it_cannot_be_estimated() -> None:
    assert np.isnan(response_ceiling(_recording(n_repeats=1)))
    once = _recording(n_stimuli=10, n_repeats=1)
    twice = replace(once, data=once.data[[*range(10), 0, 1]], stimulus_ids=(*once.stimulus_ids, "0", "1"))
    assert np.isnan(response_ceiling(twice))


def test_a_roi_is_its_channels() -> None:
    recording = _recording(n_stimuli=30)
    last = response_reliability(recording)[-1:]
    np.testing.assert_allclose(response_reliability(recording, "last"), last, rtol=1e-12)


def test_the_order_of_trials_does_not_matter() -> None:
    recording = _recording(n_stimuli=30)
    order = np.random.default_rng(2).permutation(len(recording.data))
    shuffled = replace(
        recording, data=recording.data[order], stimulus_ids=tuple(recording.stimulus_ids[k] for k in order)
    )
    np.testing.assert_allclose(response_reliability(shuffled), response_reliability(recording), atol=1e-12)

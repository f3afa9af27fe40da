"""The noise ceiling of responses, where the truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from brainalign.comparisons.response_ceiling import response_ceiling
from brainalign.recordings.recording import Recording


def _recording(n_stimuli: int = 400, n_repeats: int = 4, noise: float = 1.0, n_channels: int = 6) -> Recording:
    rng = np.random.default_rng(0)
    signal = rng.standard_normal((n_stimuli, n_channels))
    data = np.concatenate([signal + noise * rng.standard_normal(signal.shape) for _ in range(n_repeats)])
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
    found = response_ceiling(_recording(n_repeats=n_repeats, noise=noise))
    assert found.shape == (6,)
    assert found.mean() == pytest.approx(expected, abs=0.03)


def test_without_noise_it_is_one() -> None:
    np.testing.assert_allclose(response_ceiling(_recording(noise=0)), 1)


def test_without_signal_it_is_low() -> None:
    recording = _recording(n_repeats=2)
    noise = np.random.default_rng(1).standard_normal(recording.data.shape)
    assert response_ceiling(replace(recording, data=noise)).mean() < 0.3


def test_halves_that_disagree_altogether_count_as_no_signal() -> None:
    data = np.random.default_rng(0).standard_normal((5, 2, 1))
    opposite = replace(_recording(n_stimuli=5, n_repeats=2, n_channels=2), data=np.concatenate([data, -data]), rois={})
    np.testing.assert_array_equal(response_ceiling(opposite), 0)


def test_a_constant_response_has_no_signal() -> None:
    recording = _recording(n_stimuli=10)
    recording.data[:, 2] = 3.0
    found = response_ceiling(recording)
    assert found[2] == 0
    assert (found[[0, 1, 3]] > 0.5).all()


def test_without_repeats_it_cannot_be_estimated() -> None:
    assert np.isnan(response_ceiling(_recording(n_repeats=1))).all()
    once = _recording(n_stimuli=10, n_repeats=1)
    twice = replace(once, data=once.data[[*range(10), 0, 1]], stimulus_ids=(*once.stimulus_ids, "0", "1"))
    assert np.isnan(response_ceiling(twice)).all()


def test_stimuli_shown_once_do_not_count() -> None:
    full = _recording(n_stimuli=50)
    rng = np.random.default_rng(3)
    more = replace(
        full,
        data=np.concatenate([full.data, 100 * rng.standard_normal((5, 6, 1))]),
        stimulus_ids=(*full.stimulus_ids, *"abcde"),
    )
    np.testing.assert_array_equal(response_ceiling(more), response_ceiling(full))


def test_a_roi_is_its_channels_and_the_estimate_is_reproducible() -> None:
    recording = _recording(n_stimuli=30)
    np.testing.assert_array_equal(response_ceiling(recording, "last"), response_ceiling(recording)[-1:])
    assert not np.array_equal(response_ceiling(recording), response_ceiling(recording, seed=1))

"""Whitening, pseudo-trials, reliability, scaling of runs, groups of sensors: what training trials may tell."""

from dataclasses import replace

import numpy as np
import pytest

from brainalign.errors import DataError, SpecError, StimulusMismatchError
from brainalign.recordings.noise_normalisation import whitened
from brainalign.recordings.pseudo_trials import pseudo_trials
from brainalign.recordings.recording import Recording
from brainalign.recordings.reliability import most_reliable, reliability
from brainalign.recordings.run_scaling import z_scored
from brainalign.recordings.sensor_groups import with_sensor_groups


def recording(
    n_stimuli: int = 8, n_runs: int = 6, n_channels: int = 5, n_times: int = 3, mixing: np.ndarray | None = None,
    noise: float = 1.0, seed: int = 0,
) -> Recording:  # fmt: skip
    rng = np.random.default_rng(seed)
    signal = rng.standard_normal((n_stimuli, n_channels, n_times))
    ids = [f"s{k}" for k in range(n_stimuli)] * n_runs
    drawn = rng.standard_normal((n_stimuli * n_runs, n_channels, n_times))
    drawn = drawn if mixing is None else np.einsum("ij,njt->nit", mixing, drawn)
    runs = tuple(str(k // n_stimuli) for k in range(n_stimuli * n_runs))
    names = ("Oz", "O1", "PO7", "Fz", "T7", "Cz")[:n_channels]
    return Recording(np.tile(signal, (n_runs, 1, 1)) + noise * drawn, tuple(ids), names, tuple(range(n_times)),
                     "s01", "made", "EEG", "V", runs=runs)  # fmt: skip


def covariance(one: Recording) -> np.ndarray:
    """Return the covariance of what differs from the mean of a stimulus, over trials and times."""
    means = dict(zip(*one.average(), strict=True))
    residuals = one.data - np.array([means[stimulus] for stimulus in one.stimulus_ids])
    flat = residuals.transpose(1, 0, 2).reshape(len(one.channels), -1)
    return flat @ flat.T / (flat.shape[1] - len(means) * len(one.times))


@pytest.mark.parametrize("noise", ["ledoit_wolf", "diagonal_target"])
def test_whitening_makes_noise_white(noise: str) -> None:
    mixing = np.array([[1, 0, 0], [0.8, 0.6, 0], [0, 0, 2.0]])
    one = recording(30, 40, 3, 2, mixing)
    np.testing.assert_allclose(covariance(one), mixing @ mixing.T, atol=0.2)
    white = whitened(one, np.ones(len(one.data), dtype=bool), noise)
    np.testing.assert_allclose(covariance(white), np.eye(3), atol=0.05)
    assert white.unit == "noise SD"


def test_whitening_looks_at_training_trials_only() -> None:
    one = recording()
    training = np.array([run != "5" for run in one.runs or ()])
    changed = one.data.copy()
    changed[~training] *= 1000
    first, second = whitened(one, training), whitened(replace(one, data=changed), training)
    np.testing.assert_array_equal(first.data[training], second.data[training])
    np.testing.assert_allclose(second.data[~training], 1000 * first.data[~training], rtol=1e-9)


def test_what_cannot_be_whitened_is_refused() -> None:
    one = recording()
    with pytest.raises(DataError, match="8 trials of 8 stimuli leave no residuals, expected repeats"):
        whitened(one, np.array([run == "0" for run in one.runs or ()]))
    with pytest.raises(StimulusMismatchError, match=r"training is int64 \(48,\); expected one boolean"):
        whitened(one, np.ones(48, dtype=int))
    with pytest.raises(DataError, match="Select a type of channels first"):
        whitened(replace(one, unit="T, T/m"), np.ones(48, dtype=bool))


def test_pseudo_trials_are_means_within_stimulus_and_run() -> None:
    one = recording(4, 2)
    runs = (one.runs or ()) * 5
    doubled = replace(one, data=np.concatenate([one.data] * 5), stimulus_ids=one.stimulus_ids * 5, runs=runs)
    found = pseudo_trials(doubled, 2, seed=1)
    assert len(found.data) == 4 * 2 * 2
    assert found.notes == ("Trials are means of 2; 8 of 40 were left over.",)
    for row, (stimulus, run) in enumerate(zip(found.stimulus_ids, found.runs or (), strict=True)):
        own = next(k for k in range(8) if (one.stimulus_ids[k], (one.runs or ())[k]) == (stimulus, run))
        np.testing.assert_allclose(found.data[row], one.data[own])
    assert pseudo_trials(doubled, 2, seed=1).key == found.key
    with pytest.raises(DataError, match=r"4 stimuli, such as 's0', have fewer than 6 trials in any run"):
        pseudo_trials(doubled, 6, seed=1)
    with pytest.raises(SpecError, match="size = 1"):
        pseudo_trials(doubled, 1, seed=1)


def test_reliable_channels_are_chosen_by_training_runs_only() -> None:
    one = recording(noise=0.3)
    data = one.data.copy()
    training = [str(k) for k in range(4)]
    data[:, 2] = np.random.default_rng(5).standard_normal(data[:, 2].shape)  # no signal
    made = replace(one, data=data)
    r = reliability(made, training)
    assert r[2] < 0.5 < min(np.delete(r, 2))
    changed = data.copy()
    changed[[run in ("4", "5") for run in one.runs or ()]] = 7.0
    np.testing.assert_array_equal(reliability(replace(one, data=changed), training), r)
    assert most_reliable(made, training, above=0.5).channels == ("Oz", "O1", "Fz", "T7")
    assert len(most_reliable(made, training, n=2).channels) == 2
    with pytest.raises(DataError, match=r"No channel has a reliability of 1.1 or more"):
        most_reliable(made, training, above=1.1)
    with pytest.raises(SpecError, match="expected one of them"):
        most_reliable(made, training)
    with pytest.raises(DataError, match=r"training runs are \['9'\]; expected two or more of its runs: 0, 1"):
        reliability(made, ["9"])


def test_runs_are_standardised_each_on_its_own() -> None:
    one = recording()
    scale = np.array([1.0 + int(run) for run in one.runs or ()])[:, None, None]
    found = z_scored(replace(one, data=one.data * scale + 100 * scale))
    for run in "05":
        own = found.data[[one == run for one in found.runs or ()]]
        np.testing.assert_allclose(own.mean(axis=(0, 2)), 0, atol=1e-10)
        np.testing.assert_allclose(own.std(axis=(0, 2)), 1, atol=1e-10)
    np.testing.assert_allclose(found.data, z_scored(one).data, atol=1e-9)
    flat = one.data.copy()
    flat[:8, 1] = 3.0
    with pytest.raises(DataError, match="1 channels, such as 'O1', are constant in run '0'"):
        z_scored(replace(one, data=flat))
    with pytest.raises(DataError, match="has no runs"):
        z_scored(replace(one, runs=None))


def test_sensors_are_grouped_by_their_names() -> None:
    found = with_sensor_groups(recording())
    assert {name: mask.tolist() for name, mask in found.rois.items()} == {
        "frontal": [False, False, False, True, False],
        "temporal": [False, False, False, False, True],
        "occipital": [True, True, True, False, False],
    }
    with pytest.raises(DataError, match=r"Group 'left' \(MLO\*\) has no sensor; the channels begin with Oz"):
        with_sensor_groups(recording(), {"left": ["MLO*"]})

"""Simulated EEG and fMRI: what was planted comes back."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from brainalign.errors import SpecError
from brainalign.randomness import numpy_stream
from brainalign.rdms import RDMs
from brainalign.recordings.simulated_eeg import SimulatedEeg
from brainalign.recordings.simulated_fmri import SimulatedFmri
from brainalign.recordings.source import recording_source

SMALL = {"training": {"epochs": 2}, "network_options": {"widths": [32, 24]}, "n_stimuli": 30}


def layer_rdm(source: SimulatedEeg | SimulatedFmri, layer: str) -> np.ndarray:
    return pdist(source.planted.features(layer), "correlation")


def mean_scores(rdms: RDMs, model: np.ndarray, key: str) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for row, label in enumerate(rdms.descriptors[key]):
        found.setdefault(label, []).append(float(spearmanr(rdms.dissimilarities[row], model)[0]))
    return {label: float(np.mean(values)) for label, values in found.items()}


@pytest.mark.parametrize("latencies", [{"hidden1": 0.1, "hidden2": 0.2}, {"hidden2": 0.1, "hidden1": 0.2}])
def test_planted_layers_answer_in_the_order_of_their_latencies(latencies: dict[str, float]) -> None:
    source = SimulatedEeg(latencies=latencies, n_subjects=4, n_repeats=6, rate=50.0, **SMALL)
    rdms = source.rdms("eeg")
    peaks = {}
    for layer in latencies:
        course = mean_scores(rdms, layer_rdm(source, layer), "time")
        peaks[layer] = float(max(course, key=lambda time: course[time]))
        early = [value for time, value in course.items() if float(time) < -0.02]
        assert max(early) < 0.5 * max(course.values())
    for layer, latency in latencies.items():
        assert peaks[layer] == pytest.approx(latency, abs=0.045)
    first, second = sorted(latencies, key=lambda layer: latencies[layer])
    assert peaks[first] < peaks[second]


def test_simulated_eeg_says_what_it_is_and_has_amplitudes_of_eeg() -> None:
    from brainalign.data_check.trials import check_trials

    source = SimulatedEeg(n_subjects=2, n_repeats=4, **SMALL)
    one = source.recording("simulated 2")
    assert one.simulated
    assert (one.unit, len(one.channels), len(set(one.runs or ()))) == ("V", 64, 4)
    assert set(source.rois) == set(one.rois)
    assert 1e-6 < one.data.std() < 2e-5
    assert list(check_trials(one)) == []
    assert one.key == SimulatedEeg(n_subjects=2, n_repeats=4, **SMALL).recording("simulated 2").key
    # noise of 1/f: more power in the lower half of the spectrum
    power = (np.abs(np.fft.rfft(one.data - one.data.mean(axis=0), axis=2)) ** 2).mean(axis=(0, 1))
    assert power[1:5].mean() > 4 * power[-5:].mean()
    with pytest.raises(SpecError, match=r"latency of hidden1 is 0.9"):
        recording_source("simulated_eeg", {"latencies": {"hidden1": 0.9}})


@pytest.mark.parametrize("regions", [{"V1": "hidden1", "IT": "hidden2"}, {"V1": "hidden2", "IT": "hidden1"}])
def test_planted_regions_are_told_by_their_layers(regions: dict[str, str]) -> None:
    source = SimulatedFmri(regions=regions, n_subjects=4, n_runs=4, noise=0.5, **SMALL)
    scores = {
        (roi, layer): float(np.mean(list(mean_scores(source.rdms(roi), layer_rdm(source, layer), "subject").values())))
        for roi in regions
        for layer in ("hidden1", "hidden2")
    }
    for roi, layer in regions.items():
        other = "hidden2" if layer == "hidden1" else "hidden1"
        assert scores[roi, layer] > scores[roi, other] + 0.02, scores


def test_simulated_fmri_is_betas_of_runs() -> None:
    source = SimulatedFmri(n_subjects=2, n_runs=3, noise=0.0, **SMALL)
    one = source.recording("simulated 1")
    assert one.simulated
    assert (one.data.shape, one.runs and len(set(one.runs))) == ((90, 200, 1), 3)
    assert {roi: int(mask.sum()) for roi, mask in one.rois.items()} == {"early": 100, "late": 100}
    truth = source._responses(numpy_stream(1000, "simulated fmri", "subject", 0))
    means = one.means(source.stimuli().ids)[:, :, 0]
    assert np.corrcoef(means.ravel(), truth.ravel())[0, 1] > 0.999
    with pytest.raises(SpecError, match=r"gap is 1.0; expected seconds, at least 3"):
        SimulatedFmri(gap=1.0)


def test_neighbouring_voxels_share_noise() -> None:
    drawn = SimulatedFmri(smoothness=1.5)._noise(400, np.random.default_rng(0)).reshape(400, 2, 5, 5, 4)
    near = np.corrcoef(drawn[:, 0, 1, 1, 1], drawn[:, 0, 2, 1, 1])[0, 1]
    far = np.corrcoef(drawn[:, 0, 1, 1, 1], drawn[:, 1, 3, 3, 3])[0, 1]
    assert near > 0.5 > 0.2 > abs(far)
    assert np.corrcoef(drawn[1:, 0, 0, 0, 0], drawn[:-1, 0, 0, 0, 0])[0, 1] == pytest.approx(0.3, abs=0.15)

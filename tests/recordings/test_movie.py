"""RDMs of trials at every time, as studies make them."""

import numpy as np
import pytest

from brainalign.activations import Activations
from brainalign.alignment.align import align
from brainalign.alignment.instance import Instance
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import DataError, SpecError
from brainalign.rdms import compute_trial_rdms
from brainalign.recordings.movie import Movie
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource
from brainalign.specs import RecordingSpec, ScoringSpec, to_dict

IDS = tuple(f"s{k}" for k in range(12))
TRIALS = IDS * 4
RUNS = tuple(f"r{r}" for r in range(4) for _ in IDS)
TRUTH = np.random.default_rng(99).normal(size=(12, 6))


def recording(seed: int, runs: tuple[str, ...] | None = RUNS, times: tuple[float, ...] = (0.0, 0.1)) -> Recording:
    rng = np.random.default_rng(seed)
    data = np.tile(TRUTH, (4, 1))[:, :, None] + rng.normal(size=(48, 6, len(times)))
    channels = tuple(f"c{k}" for k in range(6))
    rois = {"all": np.ones(6, bool), "some": np.arange(6) < 4}
    return Recording(data, TRIALS, channels, times, f"p{seed}", "lab", "EEG", "uV", rois, runs)


def test_crossnobis_at_every_time_has_one_noise_covariance() -> None:
    people = [recording(0), recording(1)]
    found = Movie.of_recordings(people, "some", IDS, "crossnobis", {"noise": "univariate"})
    assert found.values.shape == (2, 2, 66)
    assert found.measure == "crossnobis"
    assert (found.values < 0).any()
    plain = Movie.of_recordings(people, "some", IDS, "crossnobis", {"noise": "none"})
    one = compute_trial_rdms(people[1].data[:, :4, 1], TRIALS, "crossnobis", RUNS, {"noise": "none"}, IDS)
    np.testing.assert_allclose(plain.values[1, 1], one.dissimilarities[0])


def test_a_recording_without_runs_is_refused_in_one_line() -> None:
    with pytest.raises(DataError, match="lab/p0: no runs, expected two or more") as error:
        Movie.of_recordings([recording(0, None)], "all", IDS, "crossnobis")
    assert "\n" not in str(error.value)


class Lab(RecordingSource):
    """Three people."""

    title, modality, citation, rois = "Lab", "EEG", "nobody", ("all",)

    def stimuli(self) -> Stimuli:
        images = np.random.default_rng(1).integers(0, 255, (12, 8, 8, 1)).astype(np.uint8)
        return Stimuli(IDS, images, "lab")

    def recordings(self) -> tuple[Recording, ...]:
        return tuple(recording(seed, times=(0.0,)) for seed in range(3))


def shown(rule: str, seed: int) -> Instance:
    noise = np.random.default_rng(seed).normal(size=(12, 6))
    layers = {"hidden1": (TRUTH + (3 if rule == "untrained" else 1) * noise).astype(np.float32)}
    return Instance(rule, "mlp", seed, 1, 1.0, True, Activations(layers, IDS, f"{rule}{seed}"), (8, 8))


def test_crossnobis_of_brains_is_compared_with_squared_euclidean_distances_of_layers() -> None:
    spec = RecordingSpec(
        "cichy92", dissimilarity="crossnobis", dissimilarity_options={"noise": "univariate"}, subjects="fixed"
    )
    scoring = ScoringSpec("squared_euclidean", "cosine_cov", low_level=False, n_bootstrap=100)
    networks = [shown(rule, seed) for seed in range(3) for rule in ("untrained", "backprop")]
    found = align(networks, Lab(), spec, scoring)
    scores = found.scores.groupby("rule").score.mean()
    assert scores["backprop"] > scores["untrained"] + 0.1
    assert list(found.scores.measure.unique()) == ["rsa cosine_cov of squared euclidean distances"]
    with pytest.raises(SpecError, match="'crossnobis' needs runs of trials, which layers"):
        align(networks, Lab(), spec, ScoringSpec("crossnobis", "cosine_cov"))


def test_options_of_a_dissimilarity_enter_the_key_only_where_there_are_some() -> None:
    assert "dissimilarity_options" not in to_dict(RecordingSpec("cichy92"))
    assert to_dict(RecordingSpec("cichy92", dissimilarity_options={"noise": "none"}))["dissimilarity_options"]

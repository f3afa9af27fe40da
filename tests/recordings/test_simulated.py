"""The simulated brain: what is planted is there, and said to be simulated."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brainalign.activations import extract
from brainalign.comparisons.comparators import compare
from brainalign.comparisons.noise_ceiling import noise_ceiling
from brainalign.comparisons.response_ceiling import response_ceiling
from brainalign.errors import BrainalignError, DataError, SpecError
from brainalign.rdms import RDMs, compute_rdms
from brainalign.recordings.brain import Brain
from brainalign.recordings.simulated import Simulated
from brainalign.recordings.source import recording_source
from brainalign.specs import RecordingSpec, TrainSpec
from brainalign.training.train import train

OPTIONS: dict[str, Any] = {
    "layer": "hidden1",
    "network_options": {"widths": (24, 16)},
    "training": {"epochs": 0.5, "batch_size": 64, "learning_rate": 0.01},
    "n_subjects": 6,
    "n_stimuli": 30,
    "n_repeats": 2,
    "n_channels": 40,
}


@pytest.fixture(scope="module")
def source() -> Simulated:
    return Simulated(**OPTIONS)


def test_the_same_options_make_the_same_brain(source: Simulated) -> None:
    again = recording_source("simulated", OPTIONS)
    np.testing.assert_array_equal(again.rdms("planted").dissimilarities, source.rdms("planted").dissimilarities)
    for one, other in zip(again.recordings(), source.recordings(), strict=True):
        np.testing.assert_array_equal(one.data, other.data)
    assert again.stimuli().key == source.stimuli().key


def test_another_seed_makes_another_brain(source: Simulated) -> None:
    other = Simulated(**OPTIONS, seed=7)
    assert other.stimuli().ids != source.stimuli().ids
    assert not np.allclose(other.recordings()[0].data, source.recordings()[0].data)


def test_ids_join_stimuli_trials_and_rdms(source: Simulated) -> None:
    ids = source.stimuli().ids
    assert len(ids) == 30
    for recording in source.recordings():
        assert recording.average("planted")[0] == ids
        assert recording.data.shape == (60, 40, 1)
    rdms = source.rdms("planted")
    assert rdms.stimulus_ids == ids
    assert rdms.descriptors["subject"] == tuple(recording.subject for recording in source.recordings())


def test_it_says_everywhere_that_it_is_simulated(source: Simulated) -> None:
    assert source.simulated
    assert all(recording.simulated for recording in source.recordings())
    assert "SIMULATED" in source.title
    assert all("simulated" in recording.subject for recording in source.recordings())
    assert source.planted == "layer hidden1 of a mlp trained with backprop"


def test_responses_are_the_planted_signal_plus_noise_of_the_stated_size() -> None:
    clean, noisy = Simulated(**{**OPTIONS, "noise": 0.0}), Simulated(**{**OPTIONS, "noise": 2.0})
    for one, other in zip(clean.recordings(), noisy.recordings(), strict=True):
        assert np.array_equal(one.data[:30], one.data[30:])  # repeats of a stimulus
        assert (other.data - one.data).std() == pytest.approx(2.0, rel=0.05)
        assert one.data.std() == pytest.approx(1.0, abs=0.3)


def test_ceilings_fall_with_noise() -> None:
    base = Simulated(**{**OPTIONS, "n_repeats": 4})
    ceilings, reliabilities = [], []
    for noise in (0.2, 1.0, 3.0):
        one = replace(base, noise=noise)
        one.__dict__["_features"] = base._features  # the planted network is the same one
        ceilings.append(noise_ceiling(one.rdms("planted"), "spearman").lower)
        reliabilities.append(np.mean([response_ceiling(recording) for recording in one.recordings()]))
    for values in (ceilings, reliabilities):
        assert values[0] > values[1] + 0.05
        assert values[1] > values[2] + 0.05


def test_subjects_without_individuality_share_one_geometry() -> None:
    alike = Simulated(**{**OPTIONS, "noise": 0.0, "individuality": 0.0}).rdms("planted").dissimilarities
    np.testing.assert_allclose(alike, np.broadcast_to(alike[0], alike.shape), atol=1e-10)
    different = Simulated(**{**OPTIONS, "noise": 0.0, "individuality": 1.0}).rdms("planted").dissimilarities
    assert np.abs(different - different[0]).max() > 0.01


def test_the_planted_layer_itself_reaches_the_ceiling_and_its_neighbour_does_not(tmp_path: Path) -> None:
    # Random mixtures into many channels keep inner products of features, and have no mean over channels: the
    # correlation distance of responses tends to the cosine distance of features. Noise shrinks it where responses are
    # small, so there is little of it.
    source = Simulated(**{**OPTIONS, "n_channels": 1500, "noise": 0.3})
    spec = TrainSpec(
        "backprop", "mlp", "digits", network_options=OPTIONS["network_options"], seeds=(source.seed,),
        n_checkpoints=2, **OPTIONS["training"],
    )  # fmt: skip
    layers = extract(train(spec, tmp_path).checkpoint, source.stimuli())[0].layers
    brains, scores = source.rdms("planted"), {}
    for name, features in layers.items():
        standard = features[:, features.std(axis=0) > 0].astype(np.float64)
        standard = (standard - standard.mean(axis=0)) / standard.std(axis=0)
        scores[name] = compare(compute_rdms(standard, source.stimuli().ids, "cosine"), brains, "spearman").mean()
    assert scores["hidden1"] > noise_ceiling(brains, "spearman").lower - 0.01
    assert max(scores["hidden2"], scores["readout"]) < scores["hidden1"] - 0.05


REFUSED = [
    ({"layer": "hidden9"}, SpecError, r"Unknown layer 'hidden9' to plant\. Choose one of: hidden1, hidden2, readout"),
    ({"rule": "backprob"}, SpecError, "Unknown rule 'backprob'"),
    ({"training": {"epoch": 3}}, SpecError, "simulated, training: unknown key 'epoch'"),
    ({"training": {"epochs": "three"}}, SpecError, "epochs is 'three'; expected a finite number"),
    ({"network_options": {"width": 3}}, SpecError, "Unknown option 'width' of 'mlp'"),
    ({"n_stimuli": 5000}, SpecError, "Cannot draw 5000 balanced stimuli"),
]


@pytest.mark.parametrize(("options", "error", "message"), REFUSED, ids=[next(iter(item[0])) for item in REFUSED])
def test_what_cannot_be_planted_is_one_line(
    options: dict[str, Any], error: type[BrainalignError], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        Simulated(**{**OPTIONS, **options}).rdms("planted")
    assert "\n" not in str(caught.value)


def test_an_unknown_roi_is_one_line(source: Simulated) -> None:
    with pytest.raises(DataError, match="no ROI 'V1'; choose one of planted"):
        source.rdms("V1")


# -- times ------------------------------------------------------------------------------------------------------------

COURSE = {"n_subjects": 3, "n_stimuli": 30, "n_repeats": 3, "n_channels": 24, "training": {"epochs": 2}}


def test_with_times_the_planted_layer_answers_at_its_latency_and_not_before_onset() -> None:
    source = Simulated(**COURSE, n_times=25, noise=0.5)
    one = source.recordings()[0]
    assert one.data.shape == (90, 24, 25)
    assert one.times[0] == pytest.approx(-0.1)
    assert one.times[-1] == pytest.approx(0.5)
    power = one.average()[1].var(axis=(0, 1))
    assert one.times[int(power.argmax())] == pytest.approx(0.15, abs=0.026)
    before = power[np.array(one.times) < 0]
    assert before.max() < 0.2 * power.max()


def test_layers_answer_one_after_another_and_each_is_told_by_its_geometry() -> None:
    latencies = {"hidden1": 0.1, "readout": 0.4}
    source = Simulated(**COURSE, n_times=25, noise=0.5, latencies=latencies)
    brain = Brain(source, RecordingSpec("simulated"))
    movie = brain.movies("planted")[0]
    assert movie.values.shape == (3, 25, 435)
    layers = source._layers
    found = {}
    for layer in latencies:
        rdm = compute_rdms(layers[layer], source.stimuli().ids)
        found[layer] = [
            compare(rdm, RDMs(movie.values[:, k], movie.stimulus_ids, "correlation"), "corr").mean() for k in range(25)
        ]
    lead = np.array(found["readout"]) - np.array(found["hidden1"])
    early, late = (int(np.abs(np.array(movie.times) - time).argmin()) for time in (0.1, 0.4))
    assert lead[late] > lead[early] + 0.1


def test_noise_drifts_as_much_as_it_is_told_to() -> None:
    for drift in (0.0, 0.9):
        one = Simulated(**COURSE, n_times=40, noise=50.0, drift=drift).recordings()[0]
        neighbours = np.corrcoef(one.data[:, :, 20].ravel(), one.data[:, :, 21].ravel())[0, 1]
        assert neighbours == pytest.approx(drift, abs=0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_times": 0}, "n_times = 0 from -0.1 to 0.5 s"),
        ({"n_times": 10, "tmin": 0.5}, "n_times = 10 from 0.5 to 0.5 s, expected increasing times"),
        ({"n_times": 10, "drift": 1.0}, "drift = 1.0, expected a correlation"),
        ({"latencies": {"hidden1": 0.1}}, "with one time; set n_times to 100"),
        ({"drift": 0.5}, "tmin, tmax, drift = (-0.1, 0.5, 0.5) with one time"),
    ],
)
def test_times_that_make_no_sense_are_refused(options: dict, message: str) -> None:
    with pytest.raises(SpecError, match=re.escape(message)):
        Simulated(**options)

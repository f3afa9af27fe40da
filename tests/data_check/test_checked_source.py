from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from brainalign.data_check.source import check_source, overlap
from brainalign.data_check.trials import check_trials
from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import SpecError
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import RecordingSource, recording_source


def recording(n_stimuli: int = 10, n_repeats: int = 6, leak: float = 0.0, seed: int = 0) -> Recording:
    """EEG in volt that tells stimuli apart from onset on, in six runs; with ``leak``, before onset as well."""
    rng = np.random.default_rng(seed)
    times = tuple(np.round(np.arange(-0.1, 0.3, 0.02), 3).tolist())
    signal = rng.standard_normal((n_stimuli, 4, 1)) * np.where(np.array(times) < 0, leak, 1.0)
    data = np.tile(signal, (n_repeats, 1, 1)) + rng.standard_normal((n_stimuli * n_repeats, 4, len(times)))
    ids = tuple(f"s{k}" for k in range(n_stimuli)) * n_repeats
    runs = tuple(str(k // n_stimuli) for k in range(n_stimuli * n_repeats))
    mask = {"eeg": np.ones(4, dtype=bool)}
    return Recording(1e-5 * data, ids, ("Oz", "O1", "O2", "Fz"), times, "s01", "made", "EEG", "V", mask, runs)


def kinds(one: Recording) -> dict[str, str]:
    return {found.kind: found.text for found in check_trials(one)}


def test_a_sound_recording_has_no_finding() -> None:
    assert kinds(recording()) == {}


@pytest.mark.parametrize("seed", range(8))
def test_noise_before_onset_is_no_finding(seed: int) -> None:
    assert "before onset" not in kinds(recording(seed=seed))


def test_what_tells_stimuli_apart_before_onset_is_found() -> None:
    assert "responses before onset tell stimuli apart" in kinds(recording(leak=1.0))["before onset"]


def test_repeats_and_runs() -> None:
    one = recording()
    single = one.drop_trials(np.arange(60) >= 10)
    assert "every stimulus has one trial" in kinds(single)["repeats"]
    few = one.drop_trials(np.array([i == "s3" and r != "0" for i, r in zip(one.stimulus_ids, one.runs, strict=True)]))
    assert "1 of 10 stimuli have one trial" in kinds(few)["repeats"] or "1 to 6 trials" in kinds(few)["repeats"]
    assert "1 of 10 stimuli were shown in one run only" in kinds(few)["runs"]
    assert "repeats may share a run" in kinds(replace(one, runs=None))["runs"]
    nested = replace(one, runs=tuple(str(int(i[1:]) % 2) for i in one.stimulus_ids))
    assert "every stimulus was shown in one of 2 runs only" in kinds(nested)["runs"]


def test_channels_and_units() -> None:
    one = recording()
    flat = one.data.copy()
    flat[:, 1] = 3e-6
    assert "1 of 4 channels (O1) never vary" in kinds(replace(one, data=flat))["flat channel"]
    clipped = np.clip(one.data, -1e-5, 1e-5)
    assert (
        "4 of 4 channels (Oz, O1, O2, Fz) hold one extreme value"
        in kinds(replace(one, data=clipped))["saturated channel"]
    )
    assert "Give scale = 1e-6 if they are in microvolt" in kinds(replace(one, data=1e6 * one.data))["unit"]
    assert "unit" not in kinds(replace(one, data=1e6 * one.data, unit="uV"))


@dataclass(frozen=True)
class Made(RecordingSource):
    """A source of one recording with pictures, some of them one picture."""

    title: ClassVar[str] = "made"
    modality: ClassVar[str] = "EEG"
    citation: ClassVar[str] = "made by a test"
    rois: ClassVar[tuple[str, ...]] = ("eeg",)

    def stimuli(self) -> Stimuli:
        images = np.random.default_rng(3).integers(0, 255, (11, 32, 32, 1), dtype=np.uint8)
        images[1] = images[0]
        images[3] = images[2] + (images[2] < 200)  # nearly the same
        return Stimuli(tuple(f"s{k}" for k in range(11)), images, "made")

    def recordings(self) -> tuple[Recording, ...]:
        return (recording(),)


def test_pictures_and_stimuli_without_trials() -> None:
    found = {one.kind: one.text for one in check_source(Made())}
    assert "1 stimuli are pictures that others show too" in found["identical stimuli"]
    assert "1 pairs of pictures are nearly identical" in found["near-identical stimuli"]
    assert "s2 and s3" in found["near-identical stimuli"]
    assert "1 of 11 stimuli have no trial, such as 's10'" in found["missing stimuli"]


def test_pictures_that_networks_were_trained_on() -> None:
    from brainalign.datasets.dataset import dataset

    learnt = dataset("digits").train().images
    shown = learnt[[5, 70]].transpose(0, 2, 3, 1)
    other = np.random.default_rng(0).integers(0, 255, shown.shape, dtype=np.uint8)

    @dataclass(frozen=True)
    class Digits(Made):
        def stimuli(self) -> Stimuli:
            return Stimuli(tuple(f"s{k}" for k in range(4)), np.concatenate([shown, other]), "made")

        def recordings(self) -> tuple[Recording, ...]:
            return (recording(4),)

    (found,) = [one for one in check_source(Digits(), "digits") if one.kind == "training pictures"]
    assert "2 of 4 pictures are in the training set of digits" in found.text
    with pytest.raises(SpecError, match="comes without pictures"):
        list(check_source(recording_source("algonauts118"), "digits"))
    with pytest.raises(SpecError, match="Data set 'diabetes' has no pictures"):
        list(check_source(Made(), "diabetes"))


def test_ids_that_two_recordings_share() -> None:
    (found,) = overlap(("a", "b", "c"), ("c", "d"), ("one", "other"))
    assert "1 stimuli are in both, such as 'c' (3 and 2 in all)" in found.text
    assert list(overlap(("a",), ("b",), ("one", "other"))) == []


# -- real recordings --------------------------------------------------------------------------------------------------


def test_eeg49_has_no_ceiling_and_an_effect_before_onset(data_dir: str) -> None:
    listed = list(check_source(recording_source("eeg49", {"data_dir": data_dir})))
    found = {one.kind: one.text for one in reversed(listed)}
    assert "RDMs before onset resemble those after (r = 0.65 between their means, p = 0.005" in listed[2].text
    assert set(found) == {"ceiling", "before onset"}
    assert "1 subject (group mean)" in found["ceiling"]
    assert "mean accuracy before onset is 0.508 and above chance (0.5) at 100% of times" in found["before onset"]


def test_gratings_that_look_alike_are_found(data_dir: str) -> None:
    found = {one.kind: one.text for one in check_source(recording_source("features_eeg", {"data_dir": data_dir}))}
    assert "pairs of pictures are nearly identical" in found["near-identical stimuli"]


@pytest.mark.parametrize("name", ["cichy92", "macaque_v4", "miyawaki_v1", "haxby_slice"])
def test_other_real_recordings(data_dir: str, name: str) -> None:
    found = {one.kind for one in check_source(recording_source(name, {"data_dir": data_dir}))}
    expected = {"cichy92": set(), "macaque_v4": {"runs"}, "miyawaki_v1": {"runs"}, "haxby_slice": set()}[name]
    assert found == expected

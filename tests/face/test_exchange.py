"""To rsatoolbox and mne and back: numbers, ids and units stay."""

import numpy as np
import pytest

import brainalign as ba
from brainalign.errors import DataError, SpecError


def _recording(times: tuple[float, ...], unit: str = "uV", modality: str = "EEG") -> ba.Recording:
    data = np.random.default_rng(0).standard_normal((4, 3, len(times)))
    about = {"subject": "s07", "dataset": "mine", "modality": modality, "unit": unit}
    return ba.Recording.from_array(data, ["cat", "dog", "cat", "dog"], times=times, runs=["1", "1", "2", "2"], **about)


def test_epochs_come_back_with_ids_runs_times_and_values_in_volt() -> None:
    one = _recording((-0.1, 0.0, 0.1, 0.2))
    epochs = ba.to_epochs(one)
    assert epochs.ch_names == list(one.channels)
    assert epochs.event_id == {"cat": 1, "dog": 2}
    np.testing.assert_allclose(epochs.get_data(), 1e-6 * one.data)
    np.testing.assert_allclose(epochs.times, one.times, atol=1e-9)
    back = ba.Recording.from_epochs(epochs, ids="stimulus", runs="run")
    assert (back.stimulus_ids, back.runs, back.subject) == (one.stimulus_ids, one.runs, "s07")
    np.testing.assert_allclose(1e6 * back.data, one.data, rtol=1e-9)


def test_what_is_no_voltage_stays_as_it_is() -> None:
    epochs = ba.to_epochs(_recording((0.0, 0.1, 0.2), "arbitrary", "spikes"))
    assert set(epochs.get_channel_types()) == {"misc"}
    assert set(ba.to_epochs(_recording((0.0, 0.1, 0.2), "fT", "MEG")).get_channel_types()) == {"mag"}
    kinds = ["eeg", "eeg", "eog"]
    assert ba.to_epochs(_recording((0.0, 0.1, 0.2)), kinds).get_channel_types() == kinds


@pytest.mark.parametrize(
    ("times", "kinds", "message"),
    [
        ((0.0,), None, "has one time; epochs expect samples at one rate"),
        ((0.0, 0.1, 0.3), None, r"has times 0.1 to 0.2 s apart"),
        ((0.0, 0.1), ["eeg"], "1 kinds for 3 channels"),
    ],
)
def test_what_cannot_be_epochs_is_said(times: tuple[float, ...], kinds: list[str] | None, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        ba.to_epochs(_recording(times), kinds)


def test_patterns_and_recordings_become_data_sets_of_rsatoolbox() -> None:
    still, moving = _recording((0.0,)), _recording((0.0, 0.1))
    found = ba.to_rsatoolbox(still)
    assert type(found).__name__ == "Dataset"
    np.testing.assert_array_equal(found.measurements, still.data[:, :, 0])
    assert list(found.obs_descriptors["stimulus"]) == list(still.stimulus_ids)
    assert list(found.obs_descriptors["run"]) == ["1", "1", "2", "2"]
    assert found.descriptors["subject"] == "s07"
    timed = ba.to_rsatoolbox(moving)
    assert type(timed).__name__ == "TemporalDataset"
    assert list(timed.time_descriptors["time"]) == [0.0, 0.1]
    back = ba.from_rsatoolbox(found)
    assert isinstance(back, ba.Patterns)
    np.testing.assert_array_equal(back.values, still.data[:, :, 0])
    with pytest.raises(DataError, match=r"has measurements \(4, 3, 2\)"):
        ba.from_rsatoolbox(timed)
    with pytest.raises(DataError, match="to_rsatoolbox got str"):
        ba.to_rsatoolbox("rdm")  # type: ignore[arg-type]


def test_rdms_of_a_data_set_are_those_of_rsatoolbox() -> None:
    import rsatoolbox

    patterns = ba.Patterns(np.random.default_rng(0).standard_normal((5, 7)), list("abcde"), "five")
    theirs = rsatoolbox.rdm.calc_rdm(ba.to_rsatoolbox(patterns), method="correlation", descriptor="stimulus")
    ours = ba.compute_rdms(patterns.values, patterns.stimulus_ids, "correlation")
    np.testing.assert_allclose(ba.from_rsatoolbox(theirs).dissimilarities, ours.dissimilarities, atol=1e-12)
    np.testing.assert_array_equal(ba.from_rsatoolbox(ba.to_rsatoolbox(ours)).dissimilarities, ours.dissimilarities)

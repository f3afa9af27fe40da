import mne
import numpy as np
import pandas as pd
import pytest

from brainalign.errors import DataError, SpecError
from brainalign.readers.preprocess import Preprocess
from brainalign.recordings.recording import Recording


def raw(seconds: float = 20.0, rate: float = 200.0) -> mne.io.RawArray:
    """Two seconds apart, a bump of 10 uV at Oz 0.1 s after each even second, in noise of 1 uV, on an offset of 50 "
    "uV."""
    times = np.arange(int(seconds * rate)) / rate
    rng = np.random.default_rng(0)
    data = 1e-6 * rng.standard_normal((3, len(times))) + 5e-5
    for onset in range(2, int(seconds) - 1, 2):
        data[0] += 1e-5 * np.exp(-0.5 * ((times - onset - 0.1) / 0.02) ** 2)
    return mne.io.RawArray(data, mne.create_info(["Oz", "O1", "Fz"], rate, "eeg"), verbose="error")


def events() -> pd.DataFrame:
    onsets = np.arange(2.0, 18.0, 2.0)
    return pd.DataFrame({"onset": onsets, "id": [f"img{k % 2}" for k in range(len(onsets))]})


def test_continuous_data_become_a_recording() -> None:
    how = Preprocess(tmin=-0.1, tmax=0.4, baseline=(-0.1, 0.0), lowpass=40.0, resample=100.0)
    one = Recording.from_raw(raw(), events(), how, subject="s01")
    assert one.data.shape == (8, 3, 50)
    mean = one.data[:, 0].mean(axis=0)
    assert one.times[int(mean.argmax())] == pytest.approx(0.1, abs=0.011)
    assert abs(mean[np.array(one.times) < 0].mean()) < 2e-6  # the offset of 50 uV is gone
    assert how.sentence() in one.notes


def test_a_delay_moves_every_onset() -> None:
    late = Preprocess(tmin=-0.1, tmax=0.4, delay=0.05)
    mean = Recording.from_raw(raw(), events(), late).data[:, 0].mean(axis=0)
    assert np.linspace(-0.1, 0.4, 101)[int(mean.argmax())] == pytest.approx(0.05, abs=0.006)


def test_reference_bad_channels_and_rejection() -> None:
    noisy = raw()
    noisy._data[2, 400:420] += 1e-3
    how = Preprocess(tmin=-0.1, tmax=0.4, reject={"eeg": 2e-4})
    one = Recording.from_raw(noisy, events(), how)
    assert len(one.data) == 7
    assert "1 of 8 epochs of run 1 were left out." in one.notes
    without = Preprocess(tmin=-0.1, tmax=0.4, bad_channels=("Fz",), reject={"eeg": 2e-4})
    kept = Recording.from_raw(noisy, events(), without)
    assert kept.data.shape[:2] == (8, 2)
    average = Recording.from_raw(raw(), events(), Preprocess(tmin=-0.1, tmax=0.4, reference="average"))
    np.testing.assert_allclose(average.data.mean(axis=1), 0, atol=1e-12)
    to_fz = Recording.from_raw(raw(), events(), Preprocess(tmin=-0.1, tmax=0.4, reference=("Fz",)))
    np.testing.assert_allclose(to_fz.data[:, 2], 0, atol=1e-12)


def test_a_high_pass_takes_the_offset_and_a_notch_the_hum() -> None:
    humming = raw()
    humming._data += 2e-5 * np.sin(2 * np.pi * 50 * humming.times)
    plain = Preprocess(tmin=-0.2, tmax=0.8)
    clean = Preprocess(tmin=-0.2, tmax=0.8, highpass=1.0, notch=(50.0,))
    before = Recording.from_raw(humming, events(), plain).data[:, 1]
    after = Recording.from_raw(humming, events(), clean).data[:, 1]
    assert abs(before.mean()) > 4e-5
    assert abs(after.mean()) < 2e-6
    assert after.std() < before.std() / 5


def test_one_specification_one_key_one_sentence() -> None:
    options = {
        "tmin": -0.1,
        "tmax": 0.5,
        "baseline": (-0.1, 0),
        "highpass": 0.1,
        "lowpass": 40,
        "reject": {"eeg": 1e-4},
    }
    one, same, other = Preprocess(**options), Preprocess(**options), Preprocess(**options | {"lowpass": 30})
    assert (one, one.key, hash(one)) == (same, same.key, hash(same))
    assert one.key != other.key
    assert str(one) == (
        "filter 0.1-40 Hz (zero-phase FIR); epochs -0.1 to 0.5 s; baseline -0.1 to 0 s; epochs above 100 µV (eeg) peak "
        "to peak left out"
    )
    assert one.sentence() == f"Recordings were preprocessed with mne: {one}."


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tmin": 0.5, "tmax": 0.1}, "expected increasing seconds"),
        ({"tmin": -100, "tmax": 600}, "expected seconds, at most 60"),
        ({"baseline": (-0.5, 0.0)}, "baseline is .* two increasing seconds from -0.1 to 0.5"),
        ({"highpass": 40.0, "lowpass": 1.0}, "highpass below lowpass"),
        ({"highpass": 0.0}, "highpass is 0.0; expected Hz above zero"),
        (
            {"reject": {"eeg": 100}},
            "reject.'eeg'. is 100; expected more than 0 and at most 0.1 V; write 100 µV as 0.0001",
        ),
        ({"reject": {"egg": 1e-4}}, "reject type is 'egg'; expected one of eeg"),
        ({"reference": "mastoids"}, "'as recorded', 'average' or channel names"),
        ({"resample": 50.0, "lowpass": 40.0}, "resample is 50.0; expected at least 80, twice lowpass"),
        ({"notch": (0.0,)}, "notch"),
    ],
)
def test_options_out_of_range_are_refused(options: dict, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Preprocess(**{"tmin": -0.1, "tmax": 0.5} | options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bad_channels": ("PO7",)}, "no channel 'PO7'; the channels begin with Oz, O1, Fz"),
        ({"lowpass": 150.0}, "150 Hz in data of 200 samples/s; expected less than 100 Hz"),
    ],
)
def test_options_that_do_not_fit_the_data_are_refused(options: dict, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Recording.from_raw(raw(), events(), Preprocess(tmin=-0.1, tmax=0.4, **options))


def test_onsets_that_are_not_seconds_are_refused() -> None:
    late = events()
    late["onset"] *= 200
    with pytest.raises(DataError, match=r"8 of 8 onsets lie outside the recording, first 400 s; it lasts 20.0 s"):
        Recording.from_raw(raw(), late, Preprocess(tmin=-0.1, tmax=0.4))
    with pytest.raises(DataError, match="expected 'onset' in seconds and 'id'"):
        Recording.from_raw(raw(), late.rename(columns={"id": "name"}), Preprocess(tmin=-0.1, tmax=0.4))
    with pytest.raises(DataError, match="None of 8 epochs is left"):
        Recording.from_raw(raw(), events(), Preprocess(tmin=-0.1, tmax=0.4, reject={"eeg": 1e-8}))


def test_the_order_of_events_changes_nothing_but_the_order_of_trials() -> None:
    how = Preprocess(tmin=-0.1, tmax=0.4)
    sorted_, shuffled = events(), events().sample(frac=1, random_state=1)
    one, other = Recording.from_raw(raw(), sorted_, how), Recording.from_raw(raw(), shuffled, how)
    np.testing.assert_allclose(one.means(("img0", "img1")), other.means(("img0", "img1")), rtol=1e-12)

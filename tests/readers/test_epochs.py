import mne
import numpy as np
import pandas as pd
import pytest

from brainalign.errors import DataError
from brainalign.readers.epochs import of_epochs
from brainalign.recordings.recording import Recording


def epochs(n: int = 6, scale: float = 1e-5, kinds: str | list[str] = "eeg", names: tuple = ("Oz", "O1", "Fz")):
    info = mne.create_info(list(names), 100.0, kinds, verbose="error")
    data = scale * np.random.default_rng(0).standard_normal((n, len(names), 30))
    metadata = pd.DataFrame({"image": [f"img{k % 3}" for k in range(n)], "block": [str(k // 3) for k in range(n)]})
    return mne.EpochsArray(data, info, tmin=-0.1, metadata=metadata, verbose="error")


def test_epochs_become_trials_under_a_column_of_ids() -> None:
    made = epochs()
    one = Recording.from_epochs(made, ids="image", subject="s01", dataset="mine", runs="block")
    assert one.stimulus_ids == ("img0", "img1", "img2") * 2
    assert one.runs == ("0", "0", "0", "1", "1", "1")
    assert (one.unit, one.modality, one.channels) == ("V", "EEG", ("Oz", "O1", "Fz"))
    np.testing.assert_array_equal(one.data, made.get_data())
    np.testing.assert_allclose(one.times, made.times)
    assert one.times[0] == pytest.approx(-0.1)


def test_bad_channels_are_left_out_and_said() -> None:
    made = epochs()
    made.info["bads"] = ["O1"]
    one = Recording.from_epochs(made, ids="image")
    assert one.channels == ("Oz", "Fz")
    assert one.notes == ("1 bad channels were left out: O1.",)
    np.testing.assert_array_equal(one.data, made.get_data()[:, [0, 2]])


def test_channel_types_are_rois_and_other_channels_stay_out() -> None:
    names = ("MEG 1", "MEG 2", "EEG 1", "EOG 1", "STI")
    made = epochs(names=names, kinds=["mag", "grad", "eeg", "eog", "stim"])
    made._data *= np.array([1e-7, 1e-6, 1, 1, 1])[None, :, None]
    one = Recording.from_epochs(made, ids="image")
    assert one.channels == names[:3]
    assert {roi: mask.tolist() for roi, mask in one.rois.items()} == {
        "mag": [True, False, False], "grad": [False, True, False], "eeg": [False, False, True],
    }  # fmt: skip
    assert one.unit == "T, T/m, V"
    assert Recording.from_epochs(made, ids="image", kinds=["mag"]).unit == "T"


def test_epochs_that_were_dropped_take_their_ids_with_them() -> None:
    made = epochs().drop([1, 2], verbose="error")
    assert Recording.from_epochs(made, ids="image").stimulus_ids == ("img0", "img0", "img1", "img2")
    with pytest.raises(DataError, match="6 ids for 4 epochs; give one each, of those that were not dropped"):
        Recording.from_epochs(made, ids=["a"] * 6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: of_epochs(e, "picture"), "no column 'picture' in the metadata; choose one of: image, block"),
        (lambda e: of_epochs(e, "image", kinds=["mag"]), "no channel of type mag .* the types are eeg"),
        (lambda e: of_epochs(e, "image", scale=1e6), "vary by 9.* V; expected .* Give scale = 1e-6 if they are"),
        (lambda e: of_epochs(e, "image", scale=1e-6), r"expected 1e-09 to 0.01 V"),
    ],
)
def test_what_cannot_be_read_is_refused(change, message: str) -> None:
    with pytest.raises(DataError, match=message):
        change(epochs())


def test_standardised_values_are_declared() -> None:
    made = epochs(scale=1.0)
    with pytest.raises(DataError, match="unit = 'z'"):
        Recording.from_epochs(made, ids="image")
    assert Recording.from_epochs(made, ids="image", unit="z").unit == "z"


def test_an_id_that_is_missing_is_said() -> None:
    made = epochs()
    made.metadata.loc[2, "image"] = None
    with pytest.raises(DataError, match="column 'image' has no value in 1 of 6 epochs"):
        Recording.from_epochs(made, ids="image")


def test_names_of_events_are_ids() -> None:
    info = mne.create_info(["Oz"], 100.0, "eeg", verbose="error")
    events = np.array([[0, 0, 7], [50, 0, 9], [90, 0, 7]])
    data = 1e-5 * np.random.default_rng(1).standard_normal((3, 1, 20))
    made = mne.EpochsArray(data, info, events, event_id={"cat": 7, "dog": 9}, verbose="error")
    assert Recording.from_epochs(made, ids="event").stimulus_ids == ("cat", "dog", "cat")


def test_averages_are_trials_under_their_comments() -> None:
    made = epochs()
    averages = [made[f"image == 'img{k}'"].average() for k in range(3)]
    for k, one in enumerate(averages):
        one.comment = f"img{k}"
    found = Recording.from_evoked(averages, subject="s01")
    assert found.stimulus_ids == ("img0", "img1", "img2")
    np.testing.assert_allclose(found.data[1], made.get_data()[[1, 4]].mean(axis=0), rtol=1e-12)
    averages[1] = averages[1].pick(["Oz", "O1"])
    with pytest.raises(DataError, match="'img1' has other channels or times than 'img0'"):
        Recording.from_evoked(averages, subject="s01")


def test_fieldtrip_epochs_of_unknown_type_need_a_unit(data_dir: str) -> None:
    from brainalign.readers.meeg_file import read_meeg

    made, _ = read_meeg(f"{data_dir}/formats/fieldtrip/CNT/epoched_v7.mat")
    with pytest.raises(DataError, match=r"no channel of type eeg.* the types are misc\. Give kinds"):
        Recording.from_epochs(made, ids="event")
    one = Recording.from_epochs(made, ids="event", kinds=["misc"], unit="uV")
    assert (one.data.shape, one.unit) == ((3, 125, 8), "uV")


def test_fieldtrip_volts_that_are_microvolts_are_refused(data_dir: str) -> None:
    from brainalign.readers.meeg_file import read_meeg

    made, _ = read_meeg(f"{data_dir}/formats/fieldtrip/EGI/epoched_v7.mat")
    with pytest.raises(DataError, match="Give scale = 1e-6 if they are in microvolt"):
        Recording.from_epochs(made, ids=["a", "b", "c"])

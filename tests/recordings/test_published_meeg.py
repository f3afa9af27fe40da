"""Published EEG in BIDS folders: onsets in samples, tables that differ between people, events that are no stimuli."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from brainalign.errors import DataError, SpecError
from brainalign.recordings.recording import Recording
from brainalign.recordings.source import recording_source

#: As recorded, so that amplitudes of trials can be told.
PLAIN = {"tmax": 0.1, "highpass": None, "lowpass": None, "reference": "as recorded", "baseline": None,
         "resample": None}  # fmt: skip


def write(path: Path, rate: int, onsets: Sequence[float], channels: Sequence[str], types: dict | None = None) -> None:
    """Write 30 s in which trial k is k + 1 microvolt, times the place of the channel, for 40 ms after its onset."""
    import pybv

    data = np.zeros((len(channels), 30 * rate))
    for k, onset in enumerate(onsets):
        start = round(onset * rate)
        data[:, start : start + rate // 25] = 1e-6 * (k + 1) * np.arange(1, len(channels) + 1)[:, None]
    data += 1e-9 * np.random.default_rng(0).standard_normal(data.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    pybv.write_brainvision(
        data=data, sfreq=rate, ch_names=list(channels), fname_base=path.name.removesuffix(".vhdr"),
        folder_out=path.parent, unit="µV", resolution=0.001, fmt="binary_float32",
    )  # fmt: skip
    kinds = [(types or {}).get(one, "EEG") for one in channels]
    if types:
        table = pd.DataFrame({"name": channels, "type": kinds, "units": "V", "status": "good"})
        table.to_csv(str(path).replace("_eeg.vhdr", "_channels.tsv"), sep="\t", index=False)


def table(path: Path, rows: dict[str, Sequence]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, sep="\t", index=False, na_rep="n/a")


def amplitudes(trials: Recording, channel: int = 0) -> list[int]:
    """Return which trial of the file each is, from what was recorded within 20 ms of its onset."""
    times = np.array(trials.times)
    inside = (times >= 0.004) & (times <= 0.03)
    outside = (times < -0.012) | (times > 0.052)
    assert np.abs(trials.data[:, :, outside]).max() < 0.5e-6
    return np.round(1e6 * trials.data[:, channel, inside].mean(axis=1)).astype(int).tolist()


# -- THINGS-EEG1 ------------------------------------------------------------------------------------------------------

MAIN = [
    f"stimuli\\{one}\\{one}_{k:02d}{end}.jpg" for one, k, end in (("drum", 8, "s"), ("ant", 5, "n"), ("torch", 8, "s"))
]
TEST = [f"stimuli\\{one}.jpg" for one in ("tomato\\tomato_13n", "bulldozer\\bulldozer_22n")]


@pytest.fixture
def things(tmp_path: Path) -> Path:
    """Person 01 without test trials, 06 without these and without stimname, 02 and 04 with them; 04 lacks a repeat."""
    for subject, stimuli, tests in (
        ("01", MAIN, None), ("02", MAIN + TEST * 3, 6), ("04", MAIN + (TEST[::-1] * 3)[:-1], 5), ("06", MAIN[:2], 0),
    ):  # fmt: skip
        seconds = 1.5 + 0.5 * np.arange(len(stimuli))
        folder = tmp_path / f"sub-{subject}" / "eeg"
        channels = ("Fp1", "Oz", "O2") if subject != "04" else ("E1", "E2", "E3", "E4")
        write(folder / f"sub-{subject}_task-rsvp_eeg.vhdr", 1000, seconds, channels)
        rows: dict[str, Sequence] = {
            "onset": (1000 * seconds).astype(int), "duration": [50] * len(stimuli), "stim": stimuli,
            "sequencenumber": [k // 3 for k in range(len(stimuli))], "istarget": [0, 1, *[0] * (len(stimuli) - 2)],
        }  # fmt: skip
        if tests is not None:
            rows["isteststim"] = [0] * (len(stimuli) - tests) + [1] * tests
        if subject != "06":
            rows["stimname"] = [one.split("\\")[-1] for one in stimuli]
        table(folder / f"sub-{subject}_task-rsvp_events.tsv", rows)
    return tmp_path


def test_things_eeg1_onsets_are_samples_and_people_differ(things: Path) -> None:
    one = recording_source("things_eeg1", {"folder": str(things), "preprocess": PLAIN})
    assert (one.label, one.subjects) == ("things_eeg1", ("02", "04"))
    assert one.stimulus_ids() == ("bulldozer_22n", "tomato_13n")
    trials = one.recording("02")
    assert trials is not None
    assert (trials.data.shape[1], trials.unit, trials.rois["eeg"].all()) == (3, "V", True)
    assert (trials.times[0], trials.times[-1], len(trials.times)) == (-0.1, 0.1, 201)
    assert amplitudes(trials) == [4, 5, 6, 7, 8, 9]
    assert amplitudes(trials, 2) == [12, 15, 18, 21, 24, 27]
    assert trials.stimulus_ids == ("tomato_13n", "bulldozer_22n") * 3
    assert trials.runs == ("1/1", "1/1", "1/1", "1/2", "1/2", "1/2")
    fewer = one.recording("04")
    assert fewer is not None
    assert (fewer.data.shape[:2], fewer.stimulus_ids.count("tomato_13n")) == ((5, 4), 2)


def test_things_eeg1_training_is_of_all_people(things: Path) -> None:
    one = recording_source("things_eeg1", {"folder": str(things), "preprocess": PLAIN, "part": "training"})
    assert one.subjects == ("01", "02", "04", "06")
    assert one.stimulus_ids() == ("ant_05n", "drum_08s", "torch_08s")
    trials = one.recording("01")
    assert trials is not None
    assert (amplitudes(trials), trials.stimulus_ids) == ([1, 2, 3], ("drum_08s", "ant_05n", "torch_08s"))
    with pytest.raises(SpecError, match="part is 'train'; expected 'test' or 'training'"):
        recording_source("things_eeg1", {"part": "train"})
    with pytest.raises(SpecError, match="Option preprocess of things_eeg1 has no field 'tmn'"):
        recording_source("things_eeg1", {"folder": str(things), "preprocess": {"tmn": 0}}).recording("02")


def test_things_eeg1_without_test_trials_says_so(things: Path) -> None:
    import shutil

    for subject in ("02", "04"):
        shutil.rmtree(things / f"sub-{subject}")
    with pytest.raises(DataError, match=r"events.tsv with trials of the test part; expected one or more. Fetch them."):
        recording_source("things_eeg1", {"folder": str(things)}).stimulus_ids()


# -- Grootswagers RSVP ------------------------------------------------------------------------------------------------


def test_grootswagers_rsvp_has_two_rates_and_targets(tmp_path: Path) -> None:
    names = ["stim135_inanimate_fruits_pineapple_3.png", "stim055_animate_human_faces_3.png"]
    target = "stim210_targets_shapes_star_2.png"
    for run, shown in (("01", [names[0], target, names[1], names[1], names[0]]), ("02", [names[1], names[0], target])):
        seconds = 1.0 + 0.3 * np.arange(len(shown))
        stem = tmp_path / "sub-03" / "eeg" / f"sub-03_task-rsvp_run-{run}"
        write(Path(f"{stem}_eeg.vhdr"), 1000, seconds, ("Fz", "Oz"))
        rows = {
            "onset": (1000 * seconds).astype(int), "duration": [1] * len(shown), "stimulusname": shown,
            "istarget": [int(one == target) for one in shown], "trialnumber": [1 + k // 3 for k in range(len(shown))],
        }  # fmt: skip
        table(Path(f"{stem}_events.tsv"), rows)
    slow = recording_source("grootswagers_rsvp", {"folder": str(tmp_path), "preprocess": PLAIN})
    trials = slow.recording("03")
    assert trials is not None
    assert amplitudes(trials) == [1, 3, 4, 5]
    assert trials.stimulus_ids[0] == "stim135_inanimate_fruits_pineapple_3"
    assert (trials.runs, slow.label) == (("01/1", "01/1", "01/2", "01/2"), "grootswagers_rsvp 5 Hz")
    fast = recording_source("grootswagers_rsvp", {"folder": str(tmp_path), "preprocess": PLAIN, "part": "20 Hz"})
    assert amplitudes(fast.recording("03")) == [1, 2]  # type: ignore[arg-type]
    assert fast.stimulus_ids() == slow.stimulus_ids()


# -- features-EEG -----------------------------------------------------------------------------------------------------


def test_features_eeg_counts_onsets_in_other_samples_than_the_recording_has(tmp_path: Path) -> None:
    shown = ["stimuli/stim007_ori0_sf1_color3_contrast2.png", "stimuli/stim200_ori3_sf0_color2_contrast0.png"] * 3
    seconds = 2.0 + 0.4 * np.arange(6)
    folder = tmp_path / "sub-11" / "eeg"
    write(folder / "sub-11_task-rsvp_eeg.vhdr", 1000, seconds, ("Fz", "Oz", "Pz"))
    rows = {
        "onset": 250 * seconds + 1, "duration": [1] * 6, "stimname": shown,
        "soaduration": [0.15, 0.15, 0.15, 0.05, 0.05, 0.05], "sequencenumber": [0, 0, 1, 2, 2, 2],
    }  # fmt: skip
    table(folder / "sub-11_task-rsvp_events.tsv", rows)
    slow = recording_source("features_eeg_raw", {"folder": str(tmp_path), "preprocess": PLAIN})
    trials = slow.recording("11")
    assert trials is not None
    assert (amplitudes(trials), trials.runs) == ([1, 2, 3], ("1/0", "1/0", "1/1"))
    onset = trials.data[:, 0, [trials.times.index(-0.001), trials.times.index(0.0)]]
    assert (onset[:, 0] < 0.5e-6 * np.arange(1, 4)).all()
    assert (onset[:, 1] > 0.8e-6 * np.arange(1, 4)).all()
    assert slow.stimulus_ids()[0] == "stim007_ori0_sf1_color3_contrast2"
    fast = recording_source("features_eeg_raw", {"folder": str(tmp_path), "preprocess": PLAIN, "part": "20 Hz"})
    assert amplitudes(fast.recording("11")) == [4, 5, 6]  # type: ignore[arg-type]
    table(folder / "sub-11_task-rsvp_events.tsv", {**rows, "soaduration": [0.15] * 6})
    with pytest.raises(DataError, match=r"no row has soaduration 0.05 \(20 Hz\)"):
        fast.recording("11")


# -- ERP CORE ---------------------------------------------------------------------------------------------------------


def test_erp_core_n170_codes_are_pictures_and_the_screen_is_late(tmp_path: Path) -> None:
    folder = tmp_path / "sub-007" / "eeg"
    shown = np.array([1.5, 2.5, 3.5, 4.5, 5.5])
    write(folder / "sub-007_task-N170_eeg.vhdr", 1024, shown + 0.026, ("PO8", "P7", "HEOG_left"), {"HEOG_left": "EOG"})
    rows = {
        "onset": [0.5, *shown, 6.0], "duration": [0.1] * 7,
        "trial_type": ["STATUS", "stimulus", "stimulus", "stimulus", "stimulus", "stimulus", "response"],
        "value": [61440, 7, 180, 41, 101, 7, 201], "sample": [0] * 7,
    }  # fmt: skip
    table(folder / "sub-007_task-N170_events.tsv", rows)
    one = recording_source("erp_core_n170", {"folder": str(tmp_path), "preprocess": PLAIN})
    trials = one.recording("007")
    assert trials is not None
    assert trials.stimulus_ids == ("face-07", "scrambled-car-40", "car-01", "scrambled-face-01", "face-07")
    assert (amplitudes(trials), trials.channels) == ([1, 2, 3, 4, 5], ("PO8", "P7"))
    assert one.stimulus_ids() == ("car-01", "face-07", "scrambled-car-40", "scrambled-face-01")
    rows["value"][1] = 99
    table(folder / "sub-007_task-N170_events.tsv", rows)
    with pytest.raises(DataError, match="a stimulus has the value '99'; expected 1 to 80 or 101 to 180"):
        recording_source("erp_core_n170", {"folder": str(tmp_path)}).stimulus_ids()

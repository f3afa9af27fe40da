"""Every real file of a format is read as the reference library reads it; damaged ones give one clear line."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from brainalign.errors import DataError
from brainalign.readers.meeg_file import read_meeg

#: File: channels, samples per second, types, first time, number of events or annotations (or trials).
RAW = {
    "eeglab/test_raw.set": (32, 128.0, {"eeg"}, 154),
    "eeglab/test_raw_2021.set": (3, 128.0, {"eeg"}, 6),
    "eeglab/test_raw_chanloc_fids.set": (129, 500.0, {"eeg"}, 0),
    "eeglab/test_raw_event_duration.set": (1, 128.0, {"eeg"}, 3),
    "eeglab/test_raw_h5.set": (32, 128.0, {"eeg"}, 154),
    "eeglab/test_raw_hdf5.set": (271, 1024.0, {"eeg"}, None),
    "brainvision/Analyzer_nV_Export.vhdr": (32, 500.0, {"eeg"}, 1),
    "brainvision/test.vhdr": (32, 1000.0, {"eeg", "misc"}, 13),
    "brainvision/test_NO.vhdr": (65, 5000.0, {"eeg"}, 0),
    "brainvision/test_old_layout_latin1_software_filter.vhdr": (29, 250.0, {"eeg"}, 1),
    "brainvision/test_units.vhdr": (32, 1000.0, {"eeg", "misc"}, 13),
    "edf_bdf/chtypes_edf.edf": (42, 200.0, {"eeg"}, 8),
    "edf_bdf/subsecond_starttime.edf": (3, 512.0, {"eeg"}, 2),
    "edf_bdf/test.bdf": (73, 2048.0, {"eeg", "stim"}, 0),
    "edf_bdf/test_bdf_stim_channel.bdf": (4, 500.0, {"eeg", "stim"}, 0),
    "edf_bdf/test_reduced.edf": (139, 512.0, {"eeg", "stim"}, 5),
    "edf_bdf/test_utf8_annotations.edf": (11, 200.0, {"eeg"}, 2),
    "ctf/somMDYO-18av.ds": (181, 1250.0, {"mag", "ref_meg", "stim"}, 0),
    "kit/test.sqd": (193, 1000.0, {"mag", "misc", "ref_meg", "stim"}, 0),
    "fif/test_ctf_comp_raw.fif": (340, 480.0, {"mag", "misc", "ref_meg", "stim"}, 0),
    "fif/test_elekta_3ch_raw.fif": (4, 1000.0, {"grad", "mag", "stim"}, 0),
}
EPOCHS = {
    "eeglab/test_epochs.set": (4, 2, 50.0, {"eeg"}, -0.06),
    "eeglab/test_epochs_onefile.set": (4, 2, 50.0, {"eeg"}, -0.06),
    "fieldtrip/CNT/epoched_v7.mat": (3, 125, 400.0, {"misc"}, -0.01),
    "fieldtrip/CNT/epoched_v73.mat": (3, 125, 400.0, {"misc"}, -0.01),
    "fieldtrip/CTF/epoched_v7.mat": (12, 330, 1200.0, {"mag", "misc"}, -0.01),
    "fieldtrip/EGI/epoched_v7.mat": (3, 126, 1000.0, {"eeg"}, -0.01),
    "fieldtrip/EGI/epoched_v73.mat": (3, 126, 1000.0, {"eeg"}, -0.01),
    "fieldtrip/neuromag306/epoched_v7.mat": (3, 373, 300.3074951, {"mag", "grad", "eeg", "eog", "stim"}, -0.00998976),
    "fieldtrip/neuromag306/epoched_v73.mat": (3, 373, 300.3074951, {"mag", "grad", "eeg", "eog", "stim"}, -0.00998976),
}


@pytest.mark.parametrize("file", RAW)
def test_continuous_files(data_dir: str, file: str) -> None:
    n_channels, rate, types, n_events = RAW[file]
    raw, _ = read_meeg(f"{data_dir}/formats/{file}")
    assert (len(raw.ch_names), raw.info["sfreq"]) == (n_channels, pytest.approx(rate))
    assert set(raw.get_channel_types()) == types
    assert n_events is None or len(raw.annotations) == n_events


@pytest.mark.parametrize("file", EPOCHS)
def test_epoched_files(data_dir: str, file: str) -> None:
    n_trials, n_channels, rate, types, start = EPOCHS[file]
    epochs, _ = read_meeg(f"{data_dir}/formats/{file}")
    assert (len(epochs), len(epochs.ch_names)) == (n_trials, n_channels)
    assert epochs.info["sfreq"] == pytest.approx(rate)
    assert set(epochs.get_channel_types()) == types
    assert epochs.times[0] == pytest.approx(start)


def test_values_are_in_the_units_of_mne(data_dir: str) -> None:
    """The same samples in microvolt, nanovolt and several units, all as volt."""
    one, _ = read_meeg(f"{data_dir}/formats/brainvision/test.vhdr")
    other, _ = read_meeg(f"{data_dir}/formats/brainvision/test_units.vhdr")
    np.testing.assert_allclose(one.get_data(picks="eeg"), other.get_data(picks="eeg"), rtol=1e-9)
    epochs, _ = read_meeg(f"{data_dir}/formats/eeglab/test_epochs.set")
    assert epochs.get_data(copy=False).std() == pytest.approx(8.90887e-6, rel=1e-4)


@pytest.mark.parametrize("folder", ["CNT", "CTF", "EGI", "neuromag306"])
def test_an_average_of_fieldtrip_begins_where_its_file_says(data_dir: str, folder: str) -> None:
    from scipy.io import loadmat

    path = f"{data_dir}/formats/fieldtrip/{folder}/averaged_v7.mat"
    (evoked,), _ = read_meeg(path)
    times = np.ravel(loadmat(path)["data"]["time"][0, 0])
    np.testing.assert_allclose(evoked.times, times, atol=1e-6)
    assert times[0] < -0.009  # mne alone says 0


def test_averages_of_fif(data_dir: str) -> None:
    evokeds, _ = read_meeg(f"{data_dir}/formats/fif/test-ave.fif.gz")
    assert [one.comment for one in evokeds] == ["Left Auditory", "Right Auditory", "Left visual", "Right visual"]
    assert evokeds[0].data.shape == (376, 421)


def test_what_mne_warned_of_is_returned(data_dir: str) -> None:
    _, notes = read_meeg(f"{data_dir}/formats/eeglab/test_epochs.set")
    assert any("multiple events" in note for note in notes)


def test_an_old_struct_of_fieldtrip_says_how_to_make_it_new(data_dir: str) -> None:
    with pytest.raises(DataError, match=r"old version of FieldTrip.*ft_selectdata"):
        read_meeg(f"{data_dir}/formats/fieldtrip/old_version.mat")


# -- damaged files ----------------------------------------------------------------------------------------------------

#: What is copied, and the file in it that is damaged.
PARTS = {
    "eeglab/test_raw.set": "eeglab/test_raw.fdt",
    "eeglab/test_raw_2021.set": "eeglab/test_raw_2021.set",
    "eeglab/test_raw_h5.set": "eeglab/test_raw_h5.set",
    "eeglab/test_epochs_onefile.set": "eeglab/test_epochs_onefile.set",
    "brainvision/test.vhdr": "brainvision/test.eeg",
    "brainvision/test_NO.vhdr": "brainvision/test_NO.eeg",
    "edf_bdf/chtypes_edf.edf": "edf_bdf/chtypes_edf.edf",
    "edf_bdf/test_bdf_stim_channel.bdf": "edf_bdf/test_bdf_stim_channel.bdf",
    "ctf/somMDYO-18av.ds": "ctf/somMDYO-18av.ds/somMDYO-18av.meg4",
    "kit/test.sqd": "kit/test.sqd",
    "fif/test_elekta_3ch_raw.fif": "fif/test_elekta_3ch_raw.fif",
    "fieldtrip/EGI/epoched_v7.mat": "fieldtrip/EGI/epoched_v7.mat",
    "fieldtrip/EGI/epoched_v73.mat": "fieldtrip/EGI/epoched_v73.mat",
}
DAMAGES = {
    "cut short": lambda content: content[: int(len(content) * 0.6)],
    "zeros": lambda content: bytes(len(content)),
    "text": lambda content: b"this is no recording at all\n" * 40,
    "empty": lambda content: b"",
    "pointer": lambda content: b"../../.git/annex/objects/7p/m3/MD5E-s551880000--e1a4.eeg/MD5E-s551880000--e1a4.eeg",
}


def copied(data_dir: str, head: str, folder: Path) -> Path:
    """Copy a file with those that belong to it, writable, and return its path."""
    source = Path(data_dir, "formats", head)
    target = folder / head
    target.parent.mkdir(parents=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        for part in source.parent.glob(f"{source.stem}.*"):
            shutil.copy(part, target.parent)
    for part in folder.rglob("*"):
        os.chmod(part, 0o755 if part.is_dir() else 0o644)
    return target


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("head", PARTS)
def test_a_damaged_file_gives_one_line_that_names_it(data_dir: str, tmp_path: Path, head: str, damage: str) -> None:
    path = copied(data_dir, head, tmp_path)
    part = tmp_path / PARTS[head]
    part.write_bytes(DAMAGES[damage](part.read_bytes()))
    with pytest.raises(DataError) as caught:
        read_meeg(path)
    message = str(caught.value)
    assert "\n" not in message
    assert part.stem in message
    assert message.endswith(".")


def test_a_marker_file_that_is_missing_or_a_format_that_is_not_read(data_dir: str, tmp_path: Path) -> None:
    path = copied(data_dir, "brainvision/test.vhdr", tmp_path)
    path.with_suffix(".vmrk").unlink()
    with pytest.raises(DataError, match=r"test\.vmrk' does not exist"):
        read_meeg(path)
    (tmp_path / "notes.docx").write_text("text")
    with pytest.raises(DataError, match="of no EEG or MEG format that is read"):
        read_meeg(tmp_path / "notes.docx")
    (tmp_path / "._test.vhdr").write_bytes(b"\0\5\26\7")
    with pytest.raises(DataError, match="AppleDouble file"):
        read_meeg(tmp_path / "._test.vhdr")

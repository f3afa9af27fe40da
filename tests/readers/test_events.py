from pathlib import Path

import numpy as np
import pytest

from brainalign.errors import DataError
from brainalign.readers.events import read_events
from brainalign.readers.id_forms import formed, imagenet_name

RSVP = "bids_events/ds004018/sub-01/eeg/sub-01_task-rsvp_run-01_events.tsv"
NOD = "bids_events/ds005811/sub-01/ses-ImageNet01/eeg/sub-01_ses-ImageNet01_task-ImageNet_run-01_events.tsv"
GOD = (
    "bids_events/ds001246/sub-01/ses-perceptionTraining01/func/"
    "sub-01_ses-perceptionTraining01_task-perception_run-01_events.tsv"
)
THINGS = "bids_events/ds004192/sub-01/ses-things01/func/sub-01_ses-things01_task-things_run-01_events.tsv"


def test_onsets_in_samples_are_not_read_as_seconds(data_dir: str) -> None:
    with pytest.raises(DataError, match=r"onsets reach .* s \(whole numbers, unit 's'\), but .* Give onset_unit = '"):
        read_events(f"{data_dir}/{RSVP}", "stimulusname")
    found = read_events(f"{data_dir}/{RSVP}", "stimulusname", onset_unit="samples", sampling_rate=1000, lasts=2190)
    assert found.onsets[0] == pytest.approx(70.729)
    assert np.median(np.diff(found.onsets)) == pytest.approx(0.2)  # 5 pictures a second
    assert len(set(found.ids)) == 216


def test_onsets_are_held_against_the_length_of_the_recording(tmp_path: Path) -> None:
    table = tmp_path / "events.tsv"
    table.write_text("onset\tduration\tid\n1000\t1\ta\n5000\t1\tb\n")
    with pytest.raises(DataError, match=r"but the recording lasts 20 s. Give onset_unit = 'samples'"):
        read_events(table, "id", sampling_rate=250, lasts=20)
    with pytest.raises(DataError, match=r"onset_unit = 'ms'"):
        read_events(table, "id", sampling_rate=100, lasts=20)
    assert read_events(table, "id", onset_unit="samples", sampling_rate=250, lasts=20).onsets.tolist() == [4.0, 20.0]


def test_events_without_ids_name_the_file_that_holds_them(data_dir: str) -> None:
    with pytest.raises(DataError) as caught:
        read_events(f"{data_dir}/{NOD}", "image_id")
    message = str(caught.value)
    assert "no column 'image_id' (it has onset, duration, trial_type, value, sample" in message
    assert "'derivatives/detailed_events/sub-subID_events.csv'; give ids_file." in message


def test_numeric_ids_become_names(data_dir: str) -> None:
    by_number = read_events(f"{data_dir}/{GOD}", "stimulus_id", id_form="imagenet")
    by_name = read_events(f"{data_dir}/{GOD}", "stimulus_name")
    assert by_number.ids == by_name.ids
    assert by_number.ids[0] == "n02766534_15976"
    assert len(by_number) == 55
    with pytest.raises(DataError, match=r"is a decimal number, which loses zeros; .* Give id_form = 'imagenet'"):
        read_events(f"{data_dir}/{GOD}", "stimulus_id")


def test_zeros_that_a_number_lost_come_back() -> None:
    assert imagenet_name(1518878.01491) == imagenet_name("1518878.01491") == "n01518878_14910"
    assert imagenet_name(1970164.0285) == "n01970164_28500"
    assert imagenet_name("2690373") == "n02690373"
    with pytest.raises(DataError, match="no number of an ImageNet picture"):
        imagenet_name("cat")


def test_rows_are_chosen_by_value_and_paths_by_name(data_dir: str) -> None:
    found = read_events(f"{data_dir}/{THINGS}", "file_path", where={"trial_type": "exp"}, id_form="file_name")
    assert found.ids[:2] == ("dog_12s", "mango_12s")
    assert not any("catch" in one for one in found.ids)
    with pytest.raises(DataError, match="no row has trial_type = 'train'; expected one of 'exp', 'catch'"):
        read_events(f"{data_dir}/{THINGS}", "file_path", where={"trial_type": "train"})


def test_defects_of_real_tables(tmp_path: Path) -> None:
    """Line ends of Windows, spaces around values, durations that are no numbers, rows out of order."""
    table = tmp_path / "sub-01_events.tsv"
    table.write_bytes(b"onset\tduration\tstim \r\n 9.0\t2.9999.1\t b\r\n3.0\tN/A\ta \r\n5.0\t1\tn/a\r\n")
    found = read_events(table, "stim")
    assert found.ids == ("a", "b")
    assert found.onsets.tolist() == [3.0, 9.0]
    assert np.isnan(found.durations).all()
    assert found.notes == ("1 of 3 events have no stim and were left out.",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"onset\tid\nn/a\ta\nn/a\tb\n", "onset 'n/a' is no number .2 of 2 are none.; expected a time. Name"),
        (b"onset\tid\n1\tn/a\n", "no row of 1 has a value in column 'id'"),
        (b"time\tid\n1\ta\n", "no column 'onset' .it has time, id."),
        (b"onset\tid\n1\ta\tb\tc\n2\tb\tq\tz\t9\n", "is no table"),
        (b"\x00\x01\xff\xfe" * 100, "is no table"),
        (b"", "is empty"),
        (b"../../.git/annex/objects/q/MD5E-s1--e.tsv/MD5E-s1--e.tsv", "git-annex pointer of .*datalad get"),
    ],
)
def test_a_table_that_cannot_be_read_gives_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    table = tmp_path / "events.tsv"
    table.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_events(table, "id")
    assert "\n" not in str(caught.value)


def test_whole_numbers_lose_the_point_that_a_table_gave_them() -> None:
    assert formed(["1.0", "12.0"], "text", "x") == ("1", "12")
    assert formed(["a\\b\\dog_12s.jpg", "x/cat.PNG"], "file_name", "x") == ("dog_12s", "cat")
    with pytest.raises(DataError, match="id_form = 'float'; expected one of text, imagenet, file_name"):
        formed(["1"], "float", "x")

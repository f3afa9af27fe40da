from pathlib import Path

import pytest

from brainalign.data_check.finding import KINDS, Finding
from brainalign.data_check.folder import check_folder
from brainalign.errors import DataError


def kinds(root: str | Path, ids: str = "") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in check_folder(root, ids):
        assert "\n" not in str(one)
        assert one.text.endswith(".")
        found.setdefault(one.kind, []).append(f"{one.where}: {one.text}")
    return found


def test_samples_called_seconds_and_pointers_of_a_real_folder(data_dir: str) -> None:
    found = kinds(f"{data_dir}/bids_events/ds004018", "stimulusname")
    assert set(found) == {"onset unit", "pointer"}
    assert len(found["onset unit"]) == 2
    assert "all are whole numbers. Give onset_unit = 'samples' or 'ms' (samples at 1000 Hz)." in found["onset unit"][0]
    assert "6 pointers of git-annex or Git LFS instead of data" in found["pointer"][0]


def test_a_real_folder_without_ids_names_the_file_that_has_them(data_dir: str) -> None:
    found = kinds(f"{data_dir}/bids_events/ds005811")
    assert "no column could name a stimulus" in found["events without ids"][0]
    assert "'derivatives/detailed_events/sub-subID_events.csv': give ids_file." in found["events without ids"][0]
    assert "pointer" in found


@pytest.mark.parametrize(("name", "ids"), [("ds000105", "trial_type"), ("ds004192", "file_path")])
def test_real_events_without_a_fault(data_dir: str, name: str, ids: str) -> None:
    assert kinds(f"{data_dir}/bids_events/{name}", ids) == {}


def test_leftovers_empty_files_and_tables_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "sub-01").mkdir()
    (tmp_path / "sub-01" / "._sub-01_eeg.vhdr").write_bytes(b"\0\5\26\7")
    (tmp_path / "sub-01" / "sub-01_eeg.eeg").write_bytes(b"")
    (tmp_path / "sub-01" / "sub-01_events.tsv").write_text("onset\tid\nn/a\ta\n5\tn/a\n")
    (tmp_path / "sub-02_events.tsv").write_text("a\tb\n1\t2\t3\t4\n5\t6\t7\n")
    found = kinds(tmp_path, "id")
    assert "1 AppleDouble files" in found["leftover"][0]
    assert found["unreadable"][0].endswith("1 files that are empty. Fetch them again.")
    assert "is no table" in found["unreadable"][1]
    assert "1 of 2 onsets are no numbers" in found["onset unit"][0]
    assert "1 of 2 events have no id" in found["events without ids"][0]
    with pytest.raises(DataError, match="is no folder; expected one with recordings"):
        list(check_folder(tmp_path / "nowhere"))


def test_a_finding_is_one_line_of_a_known_kind() -> None:
    assert str(Finding("unit", "a", "b.")) == "unit: a: b."
    for wrong in (("units", "a", "b."), ("unit", "a", "b\nc")):
        with pytest.raises(ValueError, match="expected one line of a kind among"):
            Finding(*wrong)
    assert all(KINDS.values())

"""The page of recordings is what the manifests and classes say."""

from pathlib import Path

from brainalign.recordings.catalogue import markdown
from brainalign.recordings.source import recording_sources

PAGE = Path(__file__).parents[2] / "docs" / "recordings.md"


def test_the_page_of_recordings_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == markdown(), "write brainalign.recordings.catalogue.markdown() to it"


def test_the_page_names_every_recording_once_and_says_what_was_read() -> None:
    lines = markdown().splitlines()
    rows = {line.split("`")[1]: line for line in lines if line.startswith("| `")}
    assert set(recording_sources()) == set(rows)
    assert "| no |" in rows["nsd"]
    assert "| in part: events of four people (200 and 22,248 stimuli) |" in rows["things_eeg1"]
    assert "| yes |" in rows["eeg49"]
    assert "| simulated |" in rows["simulated_eeg"]
    assert any(line.startswith("- `nsd`: Access is on request: accept the terms") for line in lines)

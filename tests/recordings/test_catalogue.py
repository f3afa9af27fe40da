"""The page of recordings is what the manifests and classes say."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from brainalign.datasets.manifest import manifests
from brainalign.recordings import catalogue
from brainalign.recordings.catalogue import markdown
from brainalign.recordings.source import recording_source, recording_sources

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
    assert rows["nsd"].endswith("no redistribution (not checked) | 10.1038/s41593-021-00962-x |")
    assert rows["tvsd"].endswith("| CC BY 4.0 (data and metadata) | 10.1016/j.neuron.2024.12.003 |")
    assert any(line.startswith("- `nsd`: Access is on request: accept the terms") for line in lines)


def test_a_doi_that_nobody_looked_up_would_be_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    known = manifests()
    changed = {**known, "tvsd": replace(known["tvsd"], doi_read_in="")}
    monkeypatch.setattr(catalogue, "manifests", lambda: changed)
    assert "| 10.1016/j.neuron.2024.12.003 (not checked) |" in catalogue.markdown()


def test_every_doi_has_its_form_and_sources_cite_what_their_manifests_cite() -> None:
    for name, manifest in manifests().items():
        assert re.fullmatch(r"10\.\d{4,9}/\S+|", manifest.doi), name
        assert manifest.doi or not manifest.doi_read_in
        if manifest.kind == "recording":
            assert recording_source(name, {}).citation == manifest.citation

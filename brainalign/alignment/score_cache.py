"""Tables of one recording kept between runs, and what they are keyed by."""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from brainalign import tables
from brainalign.alignment.align import Alignment
from brainalign.alignment.failure import Failure
from brainalign.rdms import RDMs
from brainalign.recordings.source import RecordingSource
from brainalign.storage import content_hash, is_sealed, locked, seal, write_text


def source_content(source: RecordingSource, rois: Sequence[str]) -> str:
    """Return a content hash of all that a source returns: trials of every subject, or RDMs of the ROIs to score."""
    published = {roi: _content(source.rdms(roi)) for roi in rois} if source.has_own_rdms else {}
    return content_hash(published, [one.key for one in source.recordings()])


def _content(rdms: RDMs) -> dict[str, object]:
    return {f.name: getattr(rdms, f.name) for f in fields(rdms)}


def write_scores(folder: Path, alignment: Alignment, failures: Sequence[Failure] = ()) -> None:
    """Write the tables of a recording, every bit of them, and the populations that have no scores of it."""
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        for own, name in Alignment.TABLES.items():
            tables.write(folder, name, getattr(alignment, own), digits=tables.EXACT)
        facts = {"sentences": alignment.scope_sentences, "failures": [asdict(one) for one in failures]}
        write_text(folder / "scopes.json", json.dumps(facts))
        seal(folder)


def read_scores(folder: Path) -> tuple[Alignment, list[Failure]] | None:
    """Return what :func:`write_scores` wrote; None where there is nothing, or not all of it as it was."""
    with locked(folder, shared=True):
        if not is_sealed(folder):
            return None
        found = {own: tables.read(folder, name) for own, name in Alignment.TABLES.items()}
        facts = json.loads((folder / "scopes.json").read_text(encoding="utf-8"))
    failures = [Failure(**one) for one in facts["failures"]]
    return Alignment(**found, scope_sentences=tuple(facts["sentences"])), failures

"""The list of recordings for the documentation: what each is, how it comes, and whether its files were ever read."""

from typing import Any

from brainalign.datasets.manifest import Manifest, manifests
from brainalign.discovery import in_package
from brainalign.recordings.source import RecordingSource

_NOT, _PARTLY = "Not read from real bytes", "Not read from real bytes, but for "
_HEAD = """# Recordings

`brainalign data list` says which of these are here, `ba.list_recordings()` which options they have, and
`brainalign data check NAME` what to know before anything is compared. A folder of your own is a recording, too
([own-data.md](own-data.md)).

This page is made by `brainalign.recordings.catalogue.markdown()`; a test compares them.

**Real bytes**: whether the reader has read the published files themselves. Where it says *no*, it was written from the
published layout and tested on small files of that form; *in part* says of what it has. Look at first results with more
care, and tell us if a file is refused.

**Not checked**: the DOI or licence was written from memory. Each manifest says where the others were read
(`doi_read_in`, `licence_read_in`).

| name | what it is | modality | how it comes | real bytes | licence | DOI |
|---|---|---|---|---|---|---|
"""
_BY_HAND = """
## Those that you get yourself

The files of these are too large to be mirrored, or are given on request. Put them into `<name>/` in the folder that
`BRAINALIGN_DATA` names, or give the option `folder`.

"""


def markdown() -> str:
    """Return the page ``docs/recordings.md``."""
    known = manifests()
    rows, by_hand = [], []
    packaged: dict[str, Any] = in_package("recordings", RecordingSource)
    for name, kind in packaged.items():
        manifest = known.get(name)
        cells = (
            f"`{name}`",
            kind.title,
            kind.modality,
            _comes(kind, manifest),
            _read(kind, manifest),
            "" if manifest is None else _checked(manifest.licence, manifest.licence_read_in),
            "" if manifest is None else _checked(manifest.doi, manifest.doi_read_in),
        )
        rows.append("| " + " | ".join(cells) + " |\n")
        if manifest is not None and not manifest.files:
            by_hand.append(f"- `{name}`: {manifest.instructions}\n")
    return _HEAD + "".join(rows) + _BY_HAND + "".join(by_hand)


def _comes(kind: type[RecordingSource], manifest: Manifest | None) -> str:
    if manifest is None:
        return "made when it is used" if kind.simulated else "a folder of your own"
    return "`brainalign data fetch`" if manifest.files else "you get it"


def _read(kind: type[RecordingSource], manifest: Manifest | None) -> str:
    if manifest is None:
        return "simulated" if kind.simulated else "tested on folders that tests write"
    first = manifest.cautions[0] if manifest.cautions else ""
    if first.startswith(_PARTLY):
        return f"in part: {first.removeprefix(_PARTLY).split(': ')[0]}"
    return "no" if first.startswith(_NOT) else "yes"


def _checked(said: str, read_in: str) -> str:
    return said if read_in or not said else f"{said} (not checked)"

"""Stimuli that sets share: a picture of the training of one may be a picture of the test of another."""

from collections.abc import Iterator
from dataclasses import fields, replace

from brainalign.data_check.finding import Finding
from brainalign.data_check.source import overlap
from brainalign.errors import DataError
from brainalign.recordings.source import RecordingSource

_DIVIDED = ("test", "training")


def check_shared_stimuli(source: RecordingSource, other: RecordingSource) -> Iterator[Finding]:
    """Yield a finding for each two parts of two sets that share stimuli; ids alone are read, no recording.

    A source with the parts ``"test"`` and ``"training"`` is looked at in both, whichever it stands at.

    Raises
    ------
    DataError
        If the files that name the stimuli are not there.
    """
    known = dict(ids_by_part(other))
    for name, ids in ids_by_part(source):
        for another, others in known.items():
            if name != another:
                yield from overlap(ids, others, (name, another))


def check_own_parts(source: RecordingSource) -> Iterator[Finding]:
    """Yield a finding if the test and the training part of one set share stimuli; one that is not here is skipped."""
    if not _divided(source):
        return
    try:
        first, second = ids_by_part(source)
    except DataError:
        return
    yield from overlap(first[1], second[1], (first[0], second[0]))


def ids_by_part(source: RecordingSource) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the name and the ids of each part, or of the whole where there are no parts."""
    if not _divided(source):
        yield source.label, source.stimulus_ids()
        return
    for part in _DIVIDED:
        one = replace(source, **{"part": part})
        yield f"{one.label}, {part}", one.stimulus_ids()


def _divided(source: RecordingSource) -> bool:
    parts = getattr(source, "parts", ())
    return set(_DIVIDED) <= set(parts) and any(one.name == "part" for one in fields(source))

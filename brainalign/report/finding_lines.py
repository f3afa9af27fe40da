"""What the data check found, as the page says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brainalign.alignment.result import AlignmentResult


@dataclass(frozen=True)
class Line:
    """One finding with its remedy, whether the study accepted its kind, and whether it would have stopped it."""

    text: str
    accepted: bool = False
    severe: bool = False


@dataclass(frozen=True)
class Findings:
    """What was found in one recording."""

    heading: str
    lines: tuple[Line, ...]


def findings_of(results: AlignmentResult) -> list[Findings]:
    """Return what was found in each recording; nothing of results that were made without a check."""
    stored: Mapping[str, Any] = results.facts.get("findings", {})
    return [Findings(results.dataset_label(name), tuple(_lines(part))) for name, part in stored.items()]


def accepted_severe(results: AlignmentResult) -> list[str]:
    """Return a sentence for each severe finding that was accepted, to be read before any verdict."""
    return [
        f"{part.heading}, accepted in the study file: {line.text}"
        for part in findings_of(results)
        for line in part.lines
        if line.accepted and line.severe
    ]


def _lines(part: Mapping[str, Any]) -> list[Line]:
    found = [
        Line(f"{one['kind']}: {one['where']}: {one['text']}", one["accepted"], one["severe"])
        for one in part.get("found", ())
    ]
    unfound = part.get("accepted and not found", ())
    return [*found, *(Line(f"{kind!r} was accepted, and nothing of the kind was found.") for kind in unfound)]

"""One thing the data cannot support, said in a sentence."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Gate:
    """A gate that fired: ``code`` G1 to G9, ``severity`` ``"stop"`` (no ranking) or ``"warn"``, and a full sentence."""

    code: str
    severity: str
    sentence: str

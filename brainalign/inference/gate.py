"""One thing the data cannot support, said in a sentence."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Gate:
    """A gate that fired: its code, ``"stop"`` (no ranking) or ``"warn"``, and a sentence with the numbers."""

    code: str
    severity: str
    sentence: str

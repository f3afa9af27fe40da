"""One thing that a check found."""

from dataclasses import dataclass

from brainalign.finding_kinds import KINDS as KINDS


@dataclass(frozen=True)
class Finding:
    """One finding.

    Parameters
    ----------
    kind
        A key of :data:`brainalign.finding_kinds.KINDS`.
    where
        Recording, person or file.
    text
        What was found and what to do about it, one line.
    severe
        Whether scores would be wrong or worthless, so that a study stops before it trains unless its file accepts the
        kind.
    """

    kind: str
    where: str
    text: str
    severe: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS or "\n" in self.text:
            msg = f"A finding is {self.kind!r}: {self.text!r}; expected one line of a kind among {', '.join(KINDS)}."
            raise ValueError(msg)

    def __str__(self) -> str:
        """Return kind, place and text on one line."""
        return f"{self.kind}: {self.where}: {self.text}"

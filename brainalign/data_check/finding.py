"""One thing that a check found."""

from dataclasses import dataclass

#: Kinds of findings, each with what it puts at risk.
KINDS = {
    "repeats": "no noise ceiling, no distances across folds",
    "runs": "differences between runs look like differences between stimuli",
    "ceiling": "scores cannot be held against what the data allow",
    "before onset": "a leak of time, of a filter, or of labels",
    "identical stimuli": "one picture counted as several, or in training and test",
    "near-identical stimuli": "pictures that networks hardly tell apart, in training and test",
    "training pictures": "networks were trained on what the brain was shown",
    "missing stimuli": "responses without a picture, or pictures without responses",
    "events without ids": "trials that belong to no stimulus",
    "onset unit": "epochs cut at the wrong times",
    "unit": "amplitudes off by a factor",
    "flat channel": "channels without signal",
    "saturated channel": "channels that were clipped",
    "pointer": "files that hold no data",
    "leftover": "files that are no part of the data set",
    "unreadable": "files that cannot be read",
}


@dataclass(frozen=True)
class Finding:
    """One finding.

    Parameters
    ----------
    kind
        A key of :data:`KINDS`.
    where
        Recording, person or file.
    text
        What was found and what to do about it, one line.
    """

    kind: str
    where: str
    text: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS or "\n" in self.text:
            msg = f"A finding is {self.kind!r}: {self.text!r}; expected one line of a kind among {', '.join(KINDS)}."
            raise ValueError(msg)

    def __str__(self) -> str:
        """Return kind, place and text on one line."""
        return f"{self.kind}: {self.where}: {self.text}"

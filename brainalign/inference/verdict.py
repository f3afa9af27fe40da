"""What a cell says about its rules."""

from dataclasses import dataclass

from brainalign.inference.gate import Gate
from brainalign.inference.rank_set import RankSet


@dataclass(frozen=True)
class Verdict:
    """Whether rules may be ranked in a cell, and why not.

    Parameters
    ----------
    supported
        Whether an order of the rules may be shown.
    normalised
        Whether scores may be divided by the noise ceiling.
    gates
        Gates that fired, in order of code.
    ranks
        Rank sets, best mean first; the order means nothing unless ``supported``.
    sentence
        One sentence for the figure.
    """

    supported: bool
    normalised: bool
    gates: tuple[Gate, ...]
    ranks: tuple[RankSet, ...]
    sentence: str

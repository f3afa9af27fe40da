"""Where a rule may stand among the rules of a cell."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RankSet:
    """A rule's mean score, its place by mean score, and the interval of ranks that the data do not exclude.

    Rank 1 is the highest score. ``rank_low`` and ``rank_high`` hold for all rules of the cell at once.
    """

    rule: str
    mean_score: float
    rank: int
    rank_low: int
    rank_high: int

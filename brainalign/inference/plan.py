"""What a difference between two rules needs to be found."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """What a gap between two rules needs.

    Parameters
    ----------
    gap, power, alpha
        The difference, how often it is to be found, and at which level.
    detectable
        Smallest difference found with that power by the sizes at hand.
    sizes
        Factor to levels at hand.
    alone
        Factor to the levels needed where the others stay; ``None`` where no number is enough.
    together
        Factor to levels needed where all grow by one factor; ``None`` where 10,000 fold is not enough.
    """

    gap: float
    power: float
    alpha: float
    detectable: float
    sizes: Mapping[str, int]
    alone: Mapping[str, int | None]
    together: Mapping[str, int] | None

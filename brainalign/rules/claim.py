"""What the literature says about a rule, kept apart from what is measured."""

from typing import NamedTuple


class Claim(NamedTuple):
    """Whether a criterion is said to be met, and by whom."""

    met: bool
    source: str

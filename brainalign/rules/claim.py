"""What the literature says about a rule, kept apart from what is measured."""

from typing import NamedTuple


class Claim(NamedTuple):
    """Whether a criterion is said to be met, and by whom.

    ``reading`` is what the source means where it is not the criterion as its own list has it; such a claim is shown and
    never set against a measurement.
    """

    met: bool
    source: str
    reading: str = ""

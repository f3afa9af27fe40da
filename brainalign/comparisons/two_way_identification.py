"""Two-way identification: how often a prediction tells the right one of two stimuli."""

from dataclasses import dataclass, replace
from typing import ClassVar

from brainalign.comparisons.description import Description
from brainalign.comparisons.encoding import Encoding
from brainalign.errors import SpecError

_MITCHELL = (
    "Mitchell TM, Shinkareva SV, Carlson A, Chang KM, Malave VL, Mason RA, Just MA (2008). Predicting human brain "
    "activity associated with the meanings of nouns. Science 320:1191-1195. doi:10.1126/science.1152876"
)


@dataclass(frozen=True)
class TwoWayIdentification(Encoding):
    """Two-way identification of held-out stimuli by an encoding model; chance is .5.

    Of two held-out stimuli of a fold, the prediction for one is right if it correlates more with the response to it
    than with the response to the other, over targets less their training means; the score is the share of pairs. The
    model is that of :class:`~brainalign.comparisons.encoding.Encoding` with ``metric = "identification"``, under a name
    of its own, so that a study has both.

    Examples
    --------
    >>> TwoWayIdentification(n_folds=4).describe().measure
    'two_way_identification'
    """

    name: ClassVar[str] = "two_way_identification"
    word: ClassVar[str] = "two-way identification"

    metric: str = "identification"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.metric != "identification":
            msg = f"metric = {self.metric!r} of {self.name!r}, expected 'identification'; use Encoding for others."
            raise SpecError(msg)

    def describe(self) -> Description:
        """Return what tables, captions and methods say of the measure with its options."""
        about = super().describe()
        sentence = about.sentence.replace("himalaya {citation}", "himalaya").replace(
            "two-way identification (", "two-way identification {citation} ("
        )
        return replace(
            about,
            measure=self.name + (" standardized" if self.standardize else ""),
            title="Two-way identification (share of pairs, chance .5)",
            axis="Two-way identification (share of pairs)",
            sentence=sentence,
            citation=_MITCHELL,
        )

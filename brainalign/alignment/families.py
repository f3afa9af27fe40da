"""Which tests are declared and which are exploratory, and their p values within each family."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from brainalign import tables
from brainalign.errors import SpecError, nearest
from brainalign.inference.contrast import Contrast
from brainalign.inference.equivalence import equivalence
from brainalign.inference.family import adjust
from brainalign.inference.influence import Influence
from brainalign.inference.max_t import adjusted_by_max_t
from brainalign.options import require

#: The correction by the largest t of a family, and that of tests it does not reach.
MAX_T, OTHERWISE = "max_t", "holm"
#: Families of tests.
PRIMARY, EXPLORATORY = "primary", "exploratory"
#: Contrasts with one control, which all rules share.
WITH_CONTROLS = ("vs_backprop", "vs_readout_only")


@dataclass(frozen=True, eq=False)
class Test:
    """A contrast with its place in tables and, where the largest t of its family corrects it, its influences."""

    contrast: Contrast
    place: Mapping[str, object]
    family: str
    influence: Influence | None = None

    def row(self, margin: float | None) -> dict[str, object]:
        """Return its row in the table of contrasts, unadjusted; with two one-sided tests where there is a margin."""
        own = [f.name for f in fields(self.contrast) if f.name not in ("scope", "paired", "alpha")]
        scope = {f"scope_{factor}": getattr(self.contrast.scope, factor) for factor in ("subjects", "stimuli", "seeds")}
        near = None if margin is None else equivalence(self.contrast, margin)
        tost = {
            "margin": np.nan if near is None else near.margin,
            "p_equivalent": np.nan if near is None else near.p,
            "equivalence": "" if near is None else near.verdict,
        }
        return {
            **tost,
            **self.place,
            **{name: getattr(self.contrast, name) for name in own},
            **scope,
            "family": self.family,
        }


def confirmatory(kinds: Collection[str]) -> tuple[str, ...]:
    """Return the kinds of contrasts that the largest t corrects: with controls, or all pairs where there is none."""
    return tuple(kind for kind in WITH_CONTROLS if kind in kinds) or ("pair",)


def check_ranked_rois(declared: Iterable[str], places: Iterable[str]) -> None:
    """Raise :class:`SpecError` for a ROI with a ranking layer that no recording has: nothing would be declared."""
    rois = list(dict.fromkeys(places))
    for roi in declared:
        if roi not in rois:
            msg = (
                f"Ranking layer of ROI {roi!r}: no recording here has it. Choose among: {', '.join(rois)}."
                f"{nearest(roi, rois)}"
            )
            raise SpecError(msg)


def check_margins(margins: Mapping[str, object], measures: Collection[str]) -> None:
    """Refuse a margin of equivalence of a measure that there is not, or that is no positive number.

    Raises
    ------
    SpecError
        In one line.
    """
    for measure, margin in margins.items():
        known = dict.fromkeys(measures)
        require(measure in known, "Option equivalence: measure", measure, f"one of: {', '.join(known)}")
        number = isinstance(margin, (int, float)) and not isinstance(margin, bool) and margin > 0
        require(number, f"Option equivalence of {measure!r}", margin, "a difference above 0, in units of the score")


def contrast_table(tests: Sequence[Test], correction: str, margin: float | None = None) -> pd.DataFrame:
    """Return tests as a table; p is adjusted where the largest t does it, else once all rows of a family are there."""
    if not tests:
        return tables.empty("contrasts")
    p, size = np.full(len(tests), np.nan), np.zeros(len(tests), int)
    by_largest = [one.influence is not None for one in tests]
    for family in dict.fromkeys(one.family for one in tests if one.influence is not None):
        members = [k for k, one in enumerate(tests) if one.family == family]
        influences = [one for one in (tests[k].influence for k in members) if one is not None]
        p[members] = adjusted_by_max_t([tests[k].contrast for k in members], influences)
        size[members] = len(members)
    otherwise = OTHERWISE if correction == MAX_T else correction
    table = pd.DataFrame([one.row(margin) for one in tests]).assign(
        correction=np.where(by_largest, MAX_T, otherwise), p_adjusted=p, family_size=size
    )
    return tables.cast("contrasts", table)


def adjusted(table: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """Adjust p within the families that are left: all contrasts of a network, data set and measure."""
    if not len(table):
        return table
    table = table.copy()
    for family in table.family[table.correction != MAX_T].unique():
        rows = table.family == family
        correction = str(table.correction[rows].iloc[0])
        table.loc[rows, "p_adjusted"] = adjust(table.p[rows].to_numpy(float), correction)
        table.loc[rows, "family_size"] = int(rows.sum())
    # A single test may be significant where its family is not: the verdict is that of the family.
    lost = (table.p_adjusted >= alpha) & table.verdict.isin(["higher", "lower"])
    table["verdict"] = table.verdict.astype(object).mask(lost, "inconclusive")
    return tables.cast("contrasts", table)

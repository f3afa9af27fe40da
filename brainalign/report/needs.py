"""How many subjects, stimuli and seeds a difference between rules needs, from the variances a study found."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.errors import SpecError
from brainalign.inference.power import needed
from brainalign.inference.variance_components import COMPONENTS
from brainalign.report.scores import groups
from brainalign.report.wording import listed

_CELL = ("network", "dataset", "roi", "time", "layer", "measure")


def needs(
    results: AlignmentResult, gap: float, power: float = 0.8, layers: Sequence[str] = (), measure: str | None = None
) -> list[dict[str, Any]]:
    """Return a row for each cell: sizes at hand, the detectable difference, and what ``gap`` needs.

    Components are the means over the pairs of trained rules of a cell. A factor of one level, such as a single subject,
    has no variance to plan with and stays as it is.

    Parameters
    ----------
    results
        A finished study.
    gap, power
        The difference, and how often it is to be found at the level of the study.
    layers, measure
        Which cells; default: all.

    Raises
    ------
    SpecError
        If no two trained rules are compared, a layer or measure is not among the differences, or no cell has variance
        components: the study was scored by a bootstrap.
    """
    table = results.contrasts[~results.contrasts.kind.isin(["vs_untrained", "vs_readout_only"])]
    if table.empty:
        msg = (
            f"Only {listed(results.rules)} were scored, and no two trained rules are compared; expected two or more, "
            "whose differences power plans for. Run a study with another rule."
        )
        raise SpecError(msg)
    for name, asked in (("layer", layers), ("measure", () if measure is None else (measure,))):
        known = list(dict.fromkeys(table[name]))
        if unknown := [one for one in asked if one not in known]:
            msg = f"No difference of two trained rules has {name} {unknown[0]!r}. Choose among: {', '.join(known)}."
            raise SpecError(msg)
        if asked:
            table = table[table[name].isin(list(asked))]
    table = table[table[[f"var_{name}" for name in COMPONENTS]].notna().any(axis=1)]
    if table.empty:
        msg = (
            "No difference of two trained rules has variance components here: they come with resampling ="
            ' "leave_one_out", not with a bootstrap. Run the study again with that.'
        )
        raise SpecError(msg)
    return [_row(results, dict(zip(_CELL, key, strict=True)), cell, gap, power) for key, cell in groups(table, *_CELL)]


def _row(
    results: AlignmentResult, place: dict[str, Any], cell: pd.DataFrame, gap: float, power: float
) -> dict[str, Any]:
    components = {name: float(cell[f"var_{name}"].mean()) for name in COMPONENTS}
    sizes = {name: int(cell[f"n_{name}"].min()) for name in ("subjects", "stimuli", "seeds")}
    plan = needed(components, sizes, gap, results.alpha, power)
    alone = {f"{name} needed": plan.alone.get(name, n) for name, n in sizes.items()}
    together = None if plan.together is None else " x ".join(str(n) for n in plan.together.values())
    return {
        **{name: value for name, value in place.items() if not (isinstance(value, float) and math.isnan(value))},
        "subjects x stimuli x seeds": " x ".join(str(n) for n in sizes.values()),
        "detectable now": float(f"{plan.detectable:.3g}"),
        **alone,
        "all grow": together,
    }

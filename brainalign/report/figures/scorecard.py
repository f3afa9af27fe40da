"""The scorecard: rules by probes, with values, intervals and pass marks."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.plausibility.probe import probes
from brainalign.report.figure import Figure
from brainalign.report.rule_style import rule_styles
from brainalign.report.style import DOUBLE, bottom_legend, panels_on, paper, sheet, words

if TYPE_CHECKING:
    from matplotlib.patches import Rectangle

    from brainalign.report.style import On, Sheet

#: Fill of a cell by what it says; light enough for dark type, apart in grey and for dichromats.
_FILLS = {"pass": "#BFD9EE", "fail": "#F3CFA9", "no limit": "#FFFFFF", "cannot tell": "#E4E4E4"}


#: Below this a value is rounding, and its spread says nothing.
_ROUNDING = 1e-6


class Scorecard(Figure):
    """One row per rule and one column per probe."""

    file: ClassVar[str] = "scorecard"
    heading: ClassVar[str] = "Measured plausibility"
    section: ClassVar[str] = "plausibility"
    place: ClassVar[int] = 1
    needs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "scorecard": ("rule", "network", "probe", "outcome", "lo", "hi", "pass", "certified")
    }

    def cells(self, results: AlignmentResult) -> Sequence[tuple[str, ...]]:
        """Return the networks that were probed."""
        return [(network,) for network in dict.fromkeys(results.scorecard.network)]

    def title(self, results: AlignmentResult, *cell: str) -> str:
        """Return the title of one network."""
        return scorecard_title(*cell)

    def draw(self, results: AlignmentResult, *cell: str, on: "On" = None) -> "Sheet":
        """Draw the scorecard of one network."""
        return draw_scorecard(_of_network(results, *cell), on)

    def caption(self, results: AlignmentResult, *cell: str) -> str:
        """Return the caption."""
        return scorecard_caption(_of_network(results, *cell))


def _of_network(results: AlignmentResult, network: str) -> pd.DataFrame:
    own = results.scorecard[results.scorecard.network == network]
    place = {rule: k for k, rule in enumerate(results.rules)}
    return own.sort_values("rule", key=lambda rules: rules.astype(object).map(place), kind="stable")


def scorecard_title(network: str) -> str:
    """Return the title of the scorecard of one network."""
    return f"Measured plausibility, {words(network)}"


def draw_scorecard(table: pd.DataFrame, on: "On" = None) -> "Sheet":
    """Draw one row per rule and one column per probe of a scorecard of one network."""
    titles = _titles()
    rules, codes = (list(dict.fromkeys(table[name])) for name in ("rule", "probe"))
    cells = {(row["rule"], row["probe"]): row for row in table.to_dict("records")}
    styles = rule_styles(rules)
    with paper(on):
        width = max(DOUBLE, 1.5 + 0.36 * len(codes))
        figure = sheet(width, 1.5 + 0.25 * len(rules), on)
        axis = panels_on(figure, 1, 1)[0, 0]
        for row, rule in enumerate(rules):
            for column, code in enumerate(codes):
                cell = cells[rule, code]
                said = _said(cell)
                axis.add_patch(_box(column, row, _FILLS[said], cell["certified"]))
                if said != "cannot tell":
                    text, interval = _short(cell["outcome"]), _interval(cell["lo"], cell["hi"])
                    up = 0.14 if interval else 0
                    axis.text(column, row - up, text, ha="center", va="center", fontsize=5.5)
                    axis.text(column, row + 0.22, interval, ha="center", va="center", fontsize=3.6, color="0.25")
        axis.set_xlim(-0.5, len(codes) - 0.5)
        axis.set_ylim(len(rules) - 0.5, -0.5)
        axis.set_yticks(range(len(rules)), [styles[rule].label for rule in rules])
        labels = [f"{titles.get(code, '').split(':')[0]}  {code}" for code in codes]
        axis.set_xticks(range(len(codes)), labels, rotation=90, fontsize=6)
        axis.xaxis.tick_top()
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
        _legend(figure, on)
    return figure


def _said(cell: dict[Hashable, Any]) -> str:
    if np.isnan(cell["outcome"]):
        return "cannot tell"
    return {True: "pass", False: "fail", None: "no limit"}[cell["pass"]]


def _box(column: int, row: int, fill: str, certified: bool) -> "Rectangle":
    from matplotlib.patches import Rectangle

    hatch = None if certified else "////"
    return Rectangle(
        (column - 0.5, row - 0.5), 1, 1, facecolor=fill, edgecolor="white" if certified else "0.75", hatch=hatch,
        linewidth=0.8,
    )  # fmt: skip


def _short(value: float) -> str:
    """Return ``value`` in at most five characters."""
    if value == 0 or 0.095 <= abs(value) < 1000:
        return f"{value:.0f}" if value == round(value) or abs(value) >= 100 else f"{value:.2g}"
    mantissa, exponent = f"{value:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def _interval(low: float, high: float) -> str:
    nothing = max(abs(low), abs(high)) < _ROUNDING
    return "" if nothing or _short(low) == _short(high) else f"{_short(low)} to {_short(high)}"


def _legend(figure: "Sheet", on: "On") -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=fill, edgecolor="0.6", linewidth=0.5, label=words(name)) for name, fill in _FILLS.items()
    ]
    handles.append(Patch(facecolor="white", edgecolor="0.6", hatch="////", linewidth=0.5, label="not certified"))
    bottom_legend(figure, handles, on)


def _titles() -> dict[str, str]:
    return {code: probe.title for code, probe in probes().items()}


def scorecard_caption(table: pd.DataFrame) -> str:
    """Return the caption of :func:`draw_scorecard`."""
    titles = _titles()
    network = ", ".join(dict.fromkeys(table.network))
    named = "; ".join(f"{code} {titles.get(code, '')}".strip() for code in dict.fromkeys(table.probe))
    return (
        f"Plausibility of each rule, measured on its implementation, on a small {network}. Numbers: mean over states "
        f"and seeds, below it the extremes; the worst decides whether a limit is met. {named}. Hatched: a control of "
        "the probe did not answer as it must, or there is none, so that a mark proves nothing."
    )

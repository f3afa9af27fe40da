"""The scorecard: rules by probes, with values, intervals and pass marks."""

import itertools
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.plausibility.probe import probes
from brainalign.report.figure import Figure
from brainalign.report.legend import bottom_legend
from brainalign.report.rule_style import rule_styles
from brainalign.report.style import DOUBLE, SMALL, panels_on, paper, sheet, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Rectangle

    from brainalign.report.style import On, Sheet

#: Fill of a cell by what it says; light enough for dark type, apart in grey and for dichromats.
_FILLS = {"pass": "#B9D7EE", "fail": "#DE914F", "no limit": "#FFFFFF", "cannot tell": "#EFEFEF"}
#: Probes in a row at most, so that type has its size on a page; height of a rule of two numbers and of one, in inches.
_MOST_CODES, _ROW, _PLAIN_ROW = 20, 0.22, 0.15
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
    from matplotlib.axes import Axes

    titles = _titles()
    rules, codes = (list(dict.fromkeys(table[name])) for name in ("rule", "probe"))
    cells = {(row["rule"], row["probe"]): row for row in table.to_dict("records")}
    styles = rule_styles(rules)
    blocks = [
        list(part) for part in np.array_split(codes, 1 if isinstance(on, Axes) else -(-len(codes) // _MOST_CODES))
    ]
    row = _ROW if any(_extremes(cell["lo"], cell["hi"]) for cell in cells.values()) else _PLAIN_ROW
    with paper(on):
        figure = sheet(DOUBLE, len(blocks) * (1.2 + row * len(rules)) + 0.1, on)
        axes = panels_on(figure, len(blocks), 1)[:, 0]
        for axis, block in zip(axes, blocks, strict=True):
            _draw_block(axis, rules, block, cells)
            axis.set_xlim(-0.5, len(blocks[0]) - 0.5)
            axis.set_ylim(len(rules) - 0.5, -0.5)
            axis.set_yticks(range(len(rules)), [styles[rule].label for rule in rules])
            labels = [f"{titles.get(code, '').split(':')[0]}  {code}" for code in block]
            axis.set_xticks(range(len(block)), labels, rotation=90, fontsize=SMALL)
            axis.xaxis.tick_top()
            axis.tick_params(length=0)
            axis.spines[:].set_visible(False)
        _legend(figure, on)
    return figure


def _draw_block(axis: "Axes", rules: list[str], codes: list[str], cells: dict[tuple[str, str], Any]) -> None:
    for (row, rule), (column, code) in itertools.product(enumerate(rules), enumerate(codes)):
        cell = cells[rule, code]
        said = _said(cell)
        axis.add_patch(_box(column, row, _FILLS[said], cell["certified"]))
        known = said != "cannot tell"
        text = (_extremes(cell["lo"], cell["hi"]) or _short(cell["outcome"])) if known else "?"
        axis.text(column, row, text, ha="center", va="center", fontsize=SMALL, linespacing=1.0)


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


def _extremes(low: float, high: float) -> str:
    """Return the smallest value over the largest, or nothing where they are the same."""
    nothing = np.isnan([low, high]).any() or max(abs(low), abs(high)) < _ROUNDING
    return "" if nothing or _short(low) == _short(high) else f"{_short(low)}\n{_short(high)}"


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
        f"Plausibility of each rule, measured on its implementation, on a small {network}. One number: all states and "
        f"seeds agree; two: the smallest over the largest; the worst decides whether a limit is met. {named}. Hatched: "
        "a control of the probe did not answer as it must, or there is none, so that a mark proves nothing."
    )

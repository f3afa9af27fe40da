"""Forest plot: every contrast between rules with its confidence interval."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from brainalign.report.contrast_rows import forest_rows
from brainalign.report.measure import axis_label
from brainalign.report.results import Results
from brainalign.report.rule_style import rule_styles
from brainalign.report.scores import panel_rows, panel_title, panels
from brainalign.report.style import bottom_legend, panel_grid, paper

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_KINDS = ("vs_untrained", "vs_backprop", "pair")


def draw_contrasts(results: Results, network: str, measure: str) -> "Figure":
    """Draw one panel per ROI: the difference of mean scores and its interval, filled where significant."""
    table = forest_rows(results, network, measure)
    place = {name: k for k, name in enumerate((*_KINDS, *results.rules))}
    table = table.sort_values(["kind", "rule_a", "rule_b"], key=lambda names: names.map(place), kind="stable")
    cells = panels(table)
    labels = {cell: _labels(results, panel_rows(table, *cell)) for cell in cells}
    height = 0.15 * max(len(names) for names in labels.values()) + 0.85
    with paper():
        figure, axes = panel_grid(len(cells), height)
        for axis, (dataset, roi) in zip(axes, cells, strict=True):
            rows = panel_rows(table, dataset, roi)
            _draw_panel(axis, results, rows)
            axis.set_title(f"{panel_title(results, dataset, roi)}\nlayer {rows.layer.iloc[0]}")
            axis.set_yticks(range(len(rows)), labels[dataset, roi])
            axis.set_xlabel(f"Δ {axis_label(measure)}")
        left = min(axis.get_subplotspec().get_position(figure).x0 for axis in axes)  # type: ignore[union-attr]
        for axis, cell in zip(axes, cells, strict=True):
            if axis.get_subplotspec().get_position(figure).x0 > left and labels[cell] == labels[cells[0]]:  # type: ignore[union-attr]
                axis.set_yticklabels([])
        bottom_legend(figure, contrast_legend(results.alpha))
    return figure


def _labels(results: Results, rows: pd.DataFrame) -> list[str]:
    styles = rule_styles(results.rules)
    return [f"{styles[a].short} − {styles[b].short}" for a, b in zip(rows.rule_a, rows.rule_b, strict=True)]


def _draw_panel(axis: "Axes", results: Results, rows: pd.DataFrame) -> None:
    styles = rule_styles(results.rules)
    kind = None
    for y, row in enumerate(rows.to_dict("records")):
        style = styles[row["rule_a"]]
        significant = row["p_adjusted"] < results.alpha  # an undefined p is not significant
        axis.plot([row["ci_low"], row["ci_high"]], [y, y], color=style.colour, linewidth=1.1, zorder=2)
        axis.plot(
            row["delta"],
            y,
            style.marker,
            markersize=4,
            markeredgecolor=style.colour,
            markeredgewidth=0.9,
            markerfacecolor=style.colour if significant else "white",
            zorder=3,
        )
        if kind not in (None, row["kind"]):
            axis.axhline(y - 0.5, color="0.8", linewidth=0.5, zorder=0)
        kind = row["kind"]
    axis.axvline(0, color="black", linewidth=0.6, zorder=1)
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.locator_params(axis="x", nbins=5)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)


def contrast_legend(alpha: float) -> list[Any]:
    """Return what filled, open and lines mean."""
    from matplotlib.lines import Line2D

    plain: dict[str, Any] = {"marker": "o", "linestyle": "", "color": "black", "markersize": 4}
    return [
        Line2D([], [], **plain, label=f"adjusted p < {alpha:g}"),
        Line2D([], [], **plain, markerfacecolor="white", label="not significant, or no p value"),
        Line2D([], [], color="black", linewidth=1.1, label=f"{100 * (1 - alpha):g}% confidence interval"),
    ]

"""Forest plot: every contrast between rules with its confidence interval."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from brainalign.report.results import Results
from brainalign.report.rule_style import rule_styles
from brainalign.report.scores import panel_rows, panel_title, panels
from brainalign.report.style import bottom_legend, measure_label, paper, panel_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_KINDS = ("vs_untrained", "vs_backprop", "pair")


def contrasts_to_draw(results: Results, network: str, measure: str) -> pd.DataFrame:
    """Return the contrasts of the figure: at the declared layer where there is one, each pair of rules once."""
    table = results.contrasts
    table = table[(table.network == network) & (table.measure == measure)]
    declared = [
        results.ranking_layer(roi) in (None, layer) or not ((table.roi == roi) & (table.layer == results.ranking_layer(roi))).any()
        for roi, layer in zip(table.roi, table.layer, strict=True)
    ]
    reference = table[["rule_a", "rule_b"]].isin(["backprop", "untrained"]).any(axis=1)
    return table[pd.Series(declared, index=table.index, dtype=bool) & ~((table.kind == "pair") & reference)]


def draw_contrasts(results: Results, network: str, measure: str) -> "Figure":
    """Draw one panel per ROI: the difference of mean scores and its interval, filled where significant."""
    table = contrasts_to_draw(results, network, measure)
    table = table.assign(order=table.kind.map({kind: k for k, kind in enumerate(_KINDS)})).sort_values("order", kind="stable")
    cells = panels(results.contrasts[(results.contrasts.network == network) & (results.contrasts.measure == measure)])
    labels = {cell: _labels(results, panel_rows(table, *cell)) for cell in cells}
    height = 0.15 * max(len(names) for names in labels.values()) + 0.85
    with paper():
        figure, axes = panel_grid(len(cells), height)
        for axis, (dataset, roi) in zip(axes, cells, strict=True):
            rows = panel_rows(table, dataset, roi)
            _draw_panel(axis, results, rows)
            layers = rows.layer.unique()
            which = f"\nlayer {layers[0]}" if len(layers) == 1 else f"\n{len(layers)} layers"
            axis.set_title(panel_title(results, dataset, roi) + which)
            axis.set_yticks(range(len(rows)), labels[dataset, roi])
            axis.set_xlabel(f"Δ {measure_label(measure)}")
        left = min(axis.get_subplotspec().get_position(figure).x0 for axis in axes)  # type: ignore[union-attr]
        for axis, cell in zip(axes, cells, strict=True):
            if axis.get_subplotspec().get_position(figure).x0 > left and labels[cell] == labels[cells[0]]:  # type: ignore[union-attr]
                axis.set_yticklabels([])
        bottom_legend(figure, _legend(results.alpha))
    return figure


def _labels(results: Results, rows: pd.DataFrame) -> list[str]:
    styles = rule_styles(results.rules)
    many = rows.layer.nunique() > 1
    return [
        f"{styles[a].short} − {styles[b].short}" + (f", {layer}" if many else "") + ("" if pd.isna(time) else f", {1000 * time:.0f} ms")
        for a, b, layer, time in zip(rows.rule_a, rows.rule_b, rows.layer, rows.time, strict=True)
    ]


def _draw_panel(axis: "Axes", results: Results, rows: pd.DataFrame) -> None:
    styles = rule_styles(results.rules)
    kind = None
    for y, row in enumerate(rows.itertuples()):
        style = styles[str(row.rule_a)]
        significant = row.p_adjusted < results.alpha  # an undefined p is not significant
        axis.plot([row.ci_low, row.ci_high], [y, y], color=style.colour, linewidth=1.1, zorder=2)
        axis.plot(row.delta, y, style.marker, markersize=4, markeredgecolor=style.colour, markeredgewidth=0.9, markerfacecolor=style.colour if significant else "white", zorder=3)
        if kind not in (None, row.kind):
            axis.axhline(y - 0.5, color="0.8", linewidth=0.5, zorder=0)
        kind = row.kind
    axis.axvline(0, color="black", linewidth=0.6, zorder=1)
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)


def _legend(alpha: float) -> list[Any]:
    from matplotlib.lines import Line2D

    plain: dict[str, Any] = {"marker": "o", "linestyle": "", "color": "black", "markersize": 4}
    return [
        Line2D([], [], **plain, label=f"adjusted p < {alpha:g}"),
        Line2D([], [], **plain, markerfacecolor="white", label="not significant, or no p value"),
        Line2D([], [], color="black", linewidth=1.1, label=f"{100 * (1 - alpha):g}% confidence interval"),
    ]

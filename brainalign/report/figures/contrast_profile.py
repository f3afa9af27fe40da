"""Contrasts by layer, or by time: what each rule gains over the untrained network, and loses to backprop."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.report.contrast_rows import contrast_legend, profile_rows
from brainalign.report.rule_style import RuleStyle, rule_styles
from brainalign.report.score_figure import ScoreFigure
from brainalign.report.scores import panel_rows, panel_title, panels
from brainalign.report.sentences import OTHER_PAIRS, contrasts_sentences
from brainalign.report.style import DOUBLE, SINGLE, align_ylabels, bottom_legend, panels_on, paper, sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from brainalign.report.style import On, Sheet

_KINDS = {
    "vs_untrained": "rule − untrained",
    "vs_readout_only": "rule − readout only",
    "vs_backprop": "rule − backprop",
}


class ContrastProfile(ScoreFigure):
    """One row of panels per ROI, one column per reference; differences with intervals by layer or time."""

    file: ClassVar[str] = "contrast_profile"
    heading: ClassVar[str] = "Differences between rules by layer or time"
    place: ClassVar[int] = 4
    needs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "contrasts": ("kind", "rule_a", "layer", "time", "delta", "ci_low", "ci_high", "p_adjusted")
    }

    def shows(self, results: AlignmentResult, network: str, measure: str) -> bool:
        """Return whether there are differences at several layers, or at several times."""
        return not profile_rows(results, network, measure).empty

    def draw(self, results: AlignmentResult, *cell: str, on: "On" = None) -> "Sheet":
        """Draw the differences of one network and measure."""
        return _draw(results, *cell, on=on)

    def caption(self, results: AlignmentResult, *cell: str) -> str:
        """Return the caption."""
        key = f"Colour and marker: the rule. {OTHER_PAIRS}"
        return contrasts_sentences(results, profile_rows(results, *cell), cell[1], key)


def _draw(results: AlignmentResult, network: str, measure: str, *, on: "On" = None) -> "Sheet":
    table = profile_rows(results, network, measure)
    cells = panels(table)
    kinds = [kind for kind in _KINDS if (table.kind == kind).any()]
    layers = [layer for layer in results.layers(network) if (table.layer == layer).any()]
    styles = rule_styles(results.rules)
    with paper(on):
        from matplotlib.lines import Line2D

        figure = sheet(DOUBLE if len(kinds) > 1 else SINGLE, 1.7 * len(cells), on)
        axes = panels_on(figure, len(cells), len(kinds), sharey="row")
        for row, (dataset, roi) in zip(axes, cells, strict=True):
            for axis, kind in zip(row, kinds, strict=True):
                rows = panel_rows(table[table.kind == kind], dataset, roi)
                _draw_panel(axis, rows, layers, styles, results.alpha)
                axis.set_title(f"{panel_title(results, dataset, roi)}: {_KINDS[kind]}")
            row[0].set_ylabel(f"Δ {results.about(measure).axis}")
        align_ylabels(figure)
        rules = [rule for rule in results.rules if (table.rule_a == rule).any()]
        handles: list[Any] = [
            Line2D([], [], color=styles[rule].colour, marker=styles[rule].marker, label=styles[rule].label)
            for rule in rules
        ]
        bottom_legend(figure, handles + contrast_legend(results.alpha), on)
    return figure


def _draw_panel(
    axis: "Axes", rows: pd.DataFrame, layers: list[str], styles: dict[str, RuleStyle], alpha: float
) -> None:
    by_time = rows.time.nunique() > 1
    place = {layer: float(k) for k, layer in enumerate(layers)}
    x = 1000 * rows.time if by_time else rows.layer.astype(object).map(place)
    rules = [rule for rule in styles if (rows.rule_a == rule).any()]
    step = 0.0 if by_time else 0.6 / max(len(rules), 3)
    for k, rule in enumerate(rules):
        style, part = (
            styles[rule],
            rows[rows.rule_a == rule].assign(x=x + step * (k - (len(rules) - 1) / 2)).sort_values("x"),
        )
        if by_time:
            axis.fill_between(part.x, part.ci_low, part.ci_high, color=style.colour, alpha=0.15, linewidth=0)
            axis.plot(part.x, part.delta, color=style.colour, linewidth=0.8)
        else:
            axis.vlines(part.x, part.ci_low, part.ci_high, color=style.colour, linewidth=1)
        for filled in (False, True):
            some = part[(part.p_adjusted < alpha) == filled]
            face = style.colour if filled else "white"
            axis.plot(
                some.x,
                some.delta,
                style.marker,
                markersize=3.2,
                markeredgewidth=0.8,
                markeredgecolor=style.colour,
                markerfacecolor=face,
            )
    axis.axhline(0, color="black", linewidth=0.6, zorder=0)
    if by_time:
        axis.set_xlabel("Time from stimulus onset (ms)")
    else:
        axis.set_xticks(range(len(layers)), layers)
        axis.set_xlabel("Layer")

"""Contrasts by layer, or by time: what each rule gains over the untrained network, and loses to backprop."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.cell_pictures import middle_edges
from brainalign.report.contrast_rows import contrast_legend, profile_rows
from brainalign.report.legend import bottom_legend
from brainalign.report.lines import layer_ticks, marks_at
from brainalign.report.rule_style import RuleStyle, rule_styles
from brainalign.report.score_figure import ScoreFigure
from brainalign.report.scores import panel_rows, panel_title, panels
from brainalign.report.sentences import OTHER_PAIRS, contrasts_sentences
from brainalign.report.style import DOUBLE, SINGLE, align_ylabels, panels_on, paper, sheet, titled

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
        rows = profile_rows(results, *cell)
        timed = f" By time: bands are these intervals, lines are thick where adjusted p < {results.alpha:g}."
        key = f"Colour and marker: the rule.{timed if rows.time.nunique() > 1 else ''} {OTHER_PAIRS}"
        return contrasts_sentences(results, rows, cell[1], key)


def _draw(results: AlignmentResult, network: str, measure: str, *, on: "On" = None) -> "Sheet":
    table = profile_rows(results, network, measure)
    cells = panels(table)
    kinds = [kind for kind in _KINDS if (table.kind == kind).any()]
    layers = [layer for layer in results.layers(network) if (table.layer == layer).any()]
    styles = rule_styles(results.rules)
    with paper(on):
        from matplotlib.lines import Line2D

        figure = sheet(DOUBLE if len(kinds) > 1 else SINGLE, 1.8 * len(cells), on)
        axes = panels_on(figure, len(cells), len(kinds), sharey="row")
        timed: list[Axes] = []
        for row, (dataset, roi) in zip(axes, cells, strict=True):
            for axis, kind in zip(row, kinds, strict=True):
                rows = panel_rows(table[table.kind == kind], dataset, roi)
                by_time = rows.time.nunique() > 1
                draw = _draw_times if by_time else _draw_layers
                draw(axis, rows, layers, styles, results.alpha)
                axis.axhline(0, color="black", linewidth=0.6, zorder=0)
                timed += [axis] * by_time
                titled(axis, f"{panel_title(results, dataset, roi)}\n{_KINDS[kind]}")
            row[0].set_ylabel(f"Δ {results.about(measure).axis}")
        if others := [axis for axis in axes.ravel() if axis not in timed]:
            layer_ticks(others, layers, figure, on)
        for axis in timed:
            axis.set_xlabel("Time from stimulus onset (ms)")
        align_ylabels(figure)
        rules = [rule for rule in results.rules if (table.rule_a == rule).any()]
        handles: list[Any] = [
            Line2D([], [], color=styles[rule].colour, marker=styles[rule].marker, label=styles[rule].label)
            for rule in rules
        ]
        marks = contrast_legend(results.alpha) if len(timed) < axes.size else []
        bottom_legend(figure, handles, on, marks + (_times_legend(results.alpha) if timed else []))
    return figure


def _draw_layers(
    axis: "Axes", rows: pd.DataFrame, layers: list[str], styles: dict[str, RuleStyle], alpha: float
) -> None:
    place = {layer: float(k) for k, layer in enumerate(layers)}
    rules = [rule for rule in styles if (rows.rule_a == rule).any()]
    step = 0.6 / max(len(rules), 3)
    for k, rule in enumerate(rules):
        style, part = styles[rule], rows[rows.rule_a == rule]
        x = part.layer.astype(object).map(place) + step * (k - (len(rules) - 1) / 2)
        axis.vlines(x, part.ci_low, part.ci_high, color=style.colour, linewidth=1)
        for filled in (False, True):
            some = (part.p_adjusted < alpha) == filled
            look: dict[str, Any] = {
                "markeredgecolor": style.colour,
                "markerfacecolor": style.colour if filled else "white",
            }
            axis.plot(x[some], part.delta[some], style.marker, markersize=3.2, markeredgewidth=0.8, **look)


def _draw_times(
    axis: "Axes", rows: pd.DataFrame, layers: list[str], styles: dict[str, RuleStyle], alpha: float
) -> None:
    del layers
    rules = [rule for rule in styles if (rows.rule_a == rule).any()]
    for k, rule in enumerate(rules):
        style, part = styles[rule], rows[rows.rule_a == rule].sort_values("time")
        x, delta = 1000 * part.time.to_numpy(float), part.delta.to_numpy(float)
        axis.fill_between(x, part.ci_low, part.ci_high, color=style.colour, alpha=0.15, linewidth=0)
        at = marks_at(len(x), k, len(rules))
        axis.plot(x, delta, color=style.colour, linewidth=0.7, marker=style.marker, markevery=at, zorder=3)
        edges = middle_edges(x)
        around = np.stack([edges[:-1], x, edges[1:]], axis=1).ravel()  # a time alone is seen, too
        thick = np.interp(around, x, delta)
        thick[np.repeat(~(part.p_adjusted < alpha).to_numpy(bool), 3)] = np.nan
        axis.plot(around, thick, color=style.colour, linewidth=2, zorder=2)


def _times_legend(alpha: float) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Line2D([], [], color="black", linewidth=2, label=f"adjusted p < {alpha:g}"),
        Line2D([], [], color="black", linewidth=0.7, label="not significant, or no p value"),
        Patch(facecolor="0.85", label=f"{100 * (1 - alpha):g}% confidence interval"),
    ]

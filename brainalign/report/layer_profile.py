"""Layer profiles and time courses: the score of every rule by layer, or by time, with every seed as a dot."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from brainalign.report.measure import axis_label
from brainalign.report.results import Results
from brainalign.report.rule_style import RuleStyle, rule_styles
from brainalign.report.scores import (
    ceiling_of,
    chosen_layer,
    final_scores,
    low_level_scores,
    mean_by,
    panel_rows,
    panel_title,
    panels,
)
from brainalign.report.style import BAND, BAND_EDGE, CONTROLS, bottom_legend, panel_grid, paper, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_layer_profile(results: Results, network: str, measure: str) -> "Figure":
    """Draw one panel per ROI: score by layer, a line per rule, ceiling band and low-level lines."""
    scores = final_scores(results, network, measure)
    layers = [layer for layer in results.layers(network) if (scores.layer == layer).any()]
    place = {layer: k for k, layer in enumerate(layers)}
    cells = panels(scores)
    with paper():
        figure, axes = panel_grid(len(cells), 1.75)
        for axis, (dataset, roi) in zip(axes, cells, strict=True):
            rows = panel_rows(scores, dataset, roi)
            _draw_lines(axis, results, rows.assign(x=rows.layer.map(place)))
            ceiling = ceiling_of(rows)
            if ceiling:
                axis.axhspan(*ceiling, facecolor=BAND, edgecolor=BAND_EDGE, linewidth=0.8, zorder=0)
            for control, score in low_level_scores(results, dataset, roi, measure).items():
                dashes: Any = CONTROLS.get(str(control), "--")
                axis.axhline(score, color="0.45", linestyle=dashes, linewidth=0.8, zorder=1)
            crowded = sum(map(len, layers)) > 32
            axis.set_xticks(
                range(len(layers)), layers, rotation=45 if crowded else 0, ha="right" if crowded else "center"
            )
            axis.set_xlim(-0.3, len(layers) - 0.7)
            _finish(axis, results, dataset, roi, measure)
            axis.set_xlabel("Layer")
        figure.align_ylabels()
        controls = _controls(results, cells, measure)
        bottom_legend(figure, _legend(results, scores, controls, _any_ceiling(scores, cells)))
    return figure


def draw_time_course(results: Results, network: str, measure: str) -> "Figure":
    """Draw one panel per ROI that was scored at several times: score by time in ms, a line per rule."""
    scores = final_scores(results, network, measure)
    scores = scores[scores.time.notna()]
    cells = panels(scores)
    with paper():
        figure, axes = panel_grid(len(cells), 1.75, most_columns=2)
        for axis, (dataset, roi) in zip(axes, cells, strict=True):
            rows, which = chosen_layer(results, panel_rows(scores, dataset, roi), roi)
            _draw_lines(axis, results, rows.assign(x=1000 * rows.time), markers=False)
            limits = rows.groupby("time")[["ceiling_lower", "ceiling_upper"]].mean().bfill(axis=1).ffill(axis=1)
            axis.fill_between(
                1000 * limits.index.to_numpy(),
                limits.ceiling_lower,
                limits.ceiling_upper,
                facecolor=BAND,
                edgecolor=BAND_EDGE,
                linewidth=0.8,
                zorder=0,
            )
            axis.axvline(0, color="0.6", linewidth=0.6, zorder=0)
            _finish(axis, results, dataset, roi, measure)
            axis.set_title(f"{panel_title(results, dataset, roi)}, {which}")
            axis.set_xlabel("Time from stimulus onset (ms)")
        bottom_legend(figure, _legend(results, scores, [], _any_ceiling(scores, cells)))
    return figure


def _draw_lines(axis: "Axes", results: Results, rows: pd.DataFrame, markers: bool = True) -> None:
    styles = rule_styles(results.rules)
    drawn = [rule for rule in results.rules if (rows.rule == rule).any()]
    for k, rule in enumerate(drawn):
        of_rule = rows[rows.rule == rule]
        mean = mean_by(of_rule, "x").sort_index()
        seeds = mean_by(of_rule, "seed", "x").unstack("seed").reindex(mean.index)
        colour, dashed = styles[rule].colour, "--" if rule == "untrained" else "-"
        if markers:
            # Rules stand a little apart, so that their seeds do not hide one another.
            shift = min(0.07, 0.5 / len(drawn)) * (k - (len(drawn) - 1) / 2)
            x = np.repeat(mean.index.to_numpy()[:, None] + shift, seeds.shape[1], axis=1)
            axis.scatter(x, seeds, s=4, color=colour, alpha=0.55, linewidths=0, zorder=3)
            axis.plot(
                mean.index + shift,
                mean,
                color=colour,
                linestyle=dashed,
                marker=styles[rule].marker,
                markersize=3.2,
                markeredgewidth=0.4,
                markeredgecolor="white",
                zorder=4,
            )
        else:
            axis.fill_between(
                mean.index, seeds.min(axis=1), seeds.max(axis=1), color=colour, alpha=0.2, linewidth=0, zorder=2
            )
            axis.plot(mean.index, mean, color=colour, linestyle=dashed, zorder=4)


def _finish(axis: "Axes", results: Results, dataset: str, roi: str, measure: str) -> None:
    low, high = axis.get_ylim()
    axis.set_ylim(min(0.0, low), high)
    if low < 0:
        axis.axhline(0, color="black", linewidth=0.5, zorder=1)
    axis.set_title(panel_title(results, dataset, roi))
    axis.set_ylabel(axis_label(measure))


def _controls(results: Results, cells: list[tuple[str, str]], measure: str) -> list[str]:
    return list(dict.fromkeys(str(c) for cell in cells for c in low_level_scores(results, *cell, measure).index))


def _any_ceiling(scores: pd.DataFrame, cells: list[tuple[str, str]]) -> bool:
    return any(ceiling_of(panel_rows(scores, *cell)) for cell in cells)


def _legend(results: Results, scores: pd.DataFrame, controls: list[str], has_ceiling: bool) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    styles = rule_styles(results.rules)
    handles: list[Any] = [_handle(styles[rule], rule) for rule in results.rules if (scores.rule == rule).any()]
    for control in controls:
        dashes: Any = CONTROLS.get(control, "--")
        handles.append(Line2D([], [], color="0.45", linestyle=dashes, linewidth=0.8, label=words(control)))
    if has_ceiling:
        handles.append(Patch(facecolor=BAND, edgecolor=BAND_EDGE, linewidth=0.8, label="noise ceiling"))
    return handles


def _handle(style: RuleStyle, rule: str) -> Any:
    from matplotlib.lines import Line2D

    return Line2D(
        [],
        [],
        color=style.colour,
        marker=style.marker,
        linestyle="--" if rule == "untrained" else "-",
        label=style.label,
    )

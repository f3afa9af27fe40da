"""Bars: the mean score of each rule, with every seed and every subject as a dot."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.report.rule_style import rule_styles
from brainalign.report.score_figure import ScoreFigure
from brainalign.report.scores import (
    at_one_time,
    ceiling_of,
    chosen_layer,
    final_scores,
    low_level_scores,
    mean_by,
    panel_rows,
    panel_title,
    panels,
    peak_times,
)
from brainalign.report.sentences import (
    ceiling_sentence,
    controls_sentence,
    joined,
    layers_sentence,
    times_sentence,
)
from brainalign.report.style import BAND, BAND_EDGE, CONTROLS, FLOOR, bottom_legend, panel_grid, paper, words
from brainalign.report.wording import in_ms, sample_sizes, simulated_note

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

_SEED = {"marker": "o", "s": 9, "facecolor": "white", "linewidths": 0.8, "zorder": 5}
_SUBJECT = {"marker": "D", "s": 6, "facecolor": "0.15", "edgecolor": "white", "linewidths": 0.25, "zorder": 4}


class Bars(ScoreFigure):
    """One panel per ROI: a bar per rule and low-level control, dots, ceiling band and floors."""

    file: ClassVar[str] = "bars"
    heading: ClassVar[str] = "Scores of the rules"
    place: ClassVar[int] = 0
    needs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "alignment": ("role", "rule", "layer", "seed", "subject", "time", "score", "floor", "ceiling_lower")
    }

    def draw(self, results: AlignmentResult, *cell: str) -> "Drawing":
        """Draw the scores of one network and measure."""
        return _draw(results, *cell)

    def caption(self, results: AlignmentResult, *cell: str) -> str:
        """Return the caption."""
        network, measure = cell
        scores = final_scores(results, network, measure)
        return joined(
            simulated_note(results, list(scores.dataset)),
            f"Mean {results.about(measure).title} of {words(network)} trained with each rule.",
            "Circles: seeds (mean over subjects). Diamonds: subjects (mean over seeds).",
            controls_sentence(results, measure, "Hatched bars and broken lines"),
            "Solid grey line: untrained floor.",
            layers_sentence(results, scores),
            ceiling_sentence(results, scores, measure),
            times_sentence(scores),
            sample_sizes(results, scores),
        )


def _draw(results: AlignmentResult, network: str, measure: str) -> "Drawing":
    every = final_scores(results, network, measure)
    scores, times = at_one_time(every), peak_times(every)
    cells = panels(scores)
    controls = {cell: low_level_scores(results, *cell, measure, times.get(cell)) for cell in cells}
    n_rows = scores.rule.nunique() + max(map(len, controls.values()))
    with paper():
        figure, axes = panel_grid(len(cells), 0.235 * n_rows + 0.75)
        for axis, (dataset, roi) in zip(axes, cells, strict=True):
            rows, which = chosen_layer(results, panel_rows(scores, dataset, roi), roi)
            _draw_panel(axis, results, rows, controls[dataset, roi])
            notes = [which]
            notes += [in_ms(times[dataset, roi])] if (dataset, roi) in times else []
            notes += [] if ceiling_of(rows) else ["no noise ceiling"]
            axis.set_title(f"{panel_title(results, dataset, roi)}\n{', '.join(notes)}")
            axis.set_xlabel(results.about(measure).axis)
        first_column = {axis.get_subplotspec().get_position(figure).x0 for axis in axes}  # type: ignore[union-attr]
        for axis in axes:
            if axis.get_subplotspec().get_position(figure).x0 > min(first_column) and _same_rows(axis, axes[0]):  # type: ignore[union-attr]
                axis.set_yticklabels([])
        ceilings = any(ceiling_of(panel_rows(scores, *cell)) for cell in cells)
        bottom_legend(figure, _legend(ceilings, any(len(found) for found in controls.values())))
    return figure


def _draw_panel(axis: "Axes", results: AlignmentResult, rows: pd.DataFrame, controls: pd.Series) -> None:
    styles = rule_styles(results.rules)
    rules = [rule for rule in results.rules if (rows.rule == rule).any()]
    means, seeds, subjects = mean_by(rows, "rule"), mean_by(rows, "rule", "seed"), mean_by(rows, "rule", "subject")
    for y, rule in enumerate(rules):
        colour = styles[rule].colour
        axis.barh(y, means[rule], height=0.8, color=colour, alpha=0.45, linewidth=0, zorder=2)
        axis.plot([means[rule]] * 2, [y - 0.4, y + 0.4], color=colour, linewidth=1.4, zorder=3)
        _draw_dots(axis, subjects[rule].to_numpy(), y + 0.2, _SUBJECT)
        _draw_dots(axis, seeds[rule].to_numpy(), y - 0.2, _SEED | {"edgecolor": colour})
    for y, (control, score) in enumerate(controls.items(), start=len(rules)):
        axis.barh(y, score, height=0.8, facecolor="white", edgecolor="0.45", hatch="/////", linewidth=0.5, zorder=2)
        dashes: Any = CONTROLS.get(str(control), "--")
        axis.plot([score, score], [-0.5, y], color="0.45", linestyle=dashes, linewidth=0.7, zorder=1)
    for y, rule in enumerate(rules):
        floor = float(rows[rows.rule == rule].floor.mean())
        if not np.isnan(floor):
            axis.plot([floor, floor], [y - 0.5, y + 0.5], color=FLOOR, linewidth=0.9, zorder=1.5)
    ceiling = ceiling_of(rows)
    if ceiling:
        axis.axvspan(*ceiling, facecolor=BAND, edgecolor=BAND_EDGE, linewidth=0.8, zorder=0)
    axis.axvline(0, color="black", linewidth=0.6)
    axis.set_yticks(
        range(len(rules) + len(controls)),
        [styles[rule].label for rule in rules] + [words(str(c)) for c in controls.index],
    )
    axis.set_ylim(len(rules) + len(controls) - 0.5, -0.5)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)


def _draw_dots(axis: "Axes", values: np.ndarray, y: float, style: dict[str, Any]) -> None:
    # Spread in a fixed order, so that equal scores stay visible and the figure is the same each time.
    spread = np.linspace(-0.1, 0.1, len(values)) if len(values) > 1 else np.zeros(1)
    axis.scatter(values, y + spread, **style)


def _same_rows(axis: "Axes", other: "Axes") -> bool:
    return [t.get_text() for t in axis.get_yticklabels()] == [t.get_text() for t in other.get_yticklabels()]


def _legend(has_ceiling: bool, has_controls: bool) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Line2D(
            [],
            [],
            marker="o",
            linestyle="",
            markerfacecolor="white",
            markeredgecolor="black",
            label="seed",
        ),
        Line2D([], [], marker="D", linestyle="", markersize=2.4, color="0.15", label="subject"),
        Line2D([], [], color=FLOOR, linewidth=0.9, label="untrained floor"),
    ]
    if has_controls:
        handles.append(Patch(facecolor="white", edgecolor="0.45", hatch="/////", label="low-level control"))
    if has_ceiling:
        handles.append(Patch(facecolor=BAND, edgecolor=BAND_EDGE, linewidth=0.8, label="noise ceiling"))
    return handles

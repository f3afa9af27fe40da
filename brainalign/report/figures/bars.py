"""Bars: the mean score of each rule, with every seed and every subject as a dot."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.report.legend import bottom_legend
from brainalign.report.rule_style import rule_styles
from brainalign.report.score_figure import ScoreFigure
from brainalign.report.scores import ScorePanel, ceiling_of, chosen_layer, final_scores, mean_by, score_panels
from brainalign.report.sentences import (
    ceiling_sentence,
    controls_sentence,
    joined,
    layers_sentence,
    scale_sentence,
    times_sentence,
)
from brainalign.report.style import (
    BAND,
    BAND_EDGE,
    CONTROLS,
    FLOOR,
    in_first_column,
    panel_grid,
    paper,
    same_scale,
    titled,
    words,
)
from brainalign.report.wording import in_ms, sample_sizes, simulated_note

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from brainalign.report.style import On, Sheet

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

    def draw(self, results: AlignmentResult, *cell: str, on: "On" = None) -> "Sheet":
        """Draw the scores of one network and measure."""
        return _draw(results, *cell, on=on)

    def caption(self, results: AlignmentResult, *cell: str) -> str:
        """Return the caption."""
        network, measure = cell
        scores = final_scores(results, network, measure)
        return joined(
            simulated_note(results, list(scores.dataset)),
            f"Mean {results.about(measure).title} of {words(network)} trained with each rule.",
            "Circles: seeds (mean over subjects). Diamonds: subjects (mean over seeds).",
            controls_sentence(results, measure, "Hatched bars and broken lines"),
            "Solid grey line: untrained floor." if scores.floor.notna().any() else "",
            layers_sentence(results, scores),
            ceiling_sentence(results, scores, measure),
            times_sentence(scores),
            scale_sentence(scores),
            sample_sizes(results, scores),
        )


def _draw(results: AlignmentResult, network: str, measure: str, *, on: "On" = None) -> "Sheet":
    shown = score_panels(results, network, measure)
    n_rules = len({rule for panel in shown for rule in panel.rows.rule})
    n_rows = n_rules + max(len(panel.controls) for panel in shown)
    with paper(on):
        figure, axes = panel_grid(len(shown), 0.235 * n_rows + 0.75, on=on)
        for axis, panel in zip(axes, shown, strict=True):
            rows, which = chosen_layer(results, panel.rows, panel.roi)
            _draw_panel(axis, results, rows, panel.controls)
            notes = [which] if panel.time is None else [which, in_ms(panel.time)]
            notes += [] if ceiling_of(rows) else ["no noise ceiling"]
            titled(axis, f"{panel.title}\n{', '.join(notes)}")
            axis.set_xlabel(results.about(measure).axis)
        same_scale(axes, [panel.dataset for panel in shown], "x")
        for axis in axes:
            if not in_first_column(axis) and _same_rows(axis, axes[0]):
                axis.set_yticklabels([])
        bounds = (any(found) for found in zip(*map(_bounds, shown), strict=True))
        bottom_legend(figure, _legend(*bounds), on)
    return figure


def _bounds(panel: ScorePanel) -> tuple[bool, bool, bool]:
    """Return whether a panel has a noise ceiling, controls, and a floor."""
    return ceiling_of(panel.rows) is not None, len(panel.controls) > 0, bool(panel.rows.floor.notna().any())


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


def _legend(has_ceiling: bool, has_controls: bool, has_floor: bool) -> list[Any]:
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
    ]
    if has_floor:
        handles.append(Line2D([], [], color=FLOOR, linewidth=0.9, label="untrained floor"))
    if has_controls:
        handles.append(Patch(facecolor="white", edgecolor="0.45", hatch="/////", label="low-level control"))
    if has_ceiling:
        handles.append(Patch(facecolor=BAND, edgecolor=BAND_EDGE, linewidth=0.8, label="noise ceiling"))
    return handles

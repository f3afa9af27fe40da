"""Heatmap: layers by ROIs, one panel per rule, one colour scale."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from brainalign.alignment.result import AlignmentResult
from brainalign.report.rule_style import rule_styles
from brainalign.report.score_figure import ScoreFigure
from brainalign.report.scores import at_one_time, final_scores, mean_by, panels, peak_times
from brainalign.report.sentences import joined, times_sentence
from brainalign.report.style import DOUBLE, SINGLE, panels_on, paper, sheet
from brainalign.report.wording import abbreviations, in_ms, sample_sizes, simulated_note

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from brainalign.report.style import On, Sheet


class Heatmap(ScoreFigure):
    """The mean score at each layer (rows, deepest on top) and ROI (columns) of every rule."""

    file: ClassVar[str] = "heatmap"
    heading: ClassVar[str] = "Layers by recordings"
    place: ClassVar[int] = 2
    needs: ClassVar[Mapping[str, tuple[str, ...]]] = {"alignment": ("role", "rule", "layer", "time", "score")}

    def draw(self, results: AlignmentResult, *cell: str, on: "On" = None) -> "Sheet":
        """Draw the scores of one network and measure."""
        return _draw(results, *cell, on=on)

    def caption(self, results: AlignmentResult, *cell: str) -> str:
        """Return the caption."""
        network, measure = cell
        scores = final_scores(results, network, measure)
        short = {rule: style.short for rule, style in rule_styles(results.rules).items()}
        return joined(
            simulated_note(results, list(scores.dataset)),
            f"Mean {results.about(measure).title} by layer (rows, deepest on top) and recording (columns).",
            "One colour scale for all rules.",
            times_sentence(scores),
            sample_sizes(results, scores),
            abbreviations(short) if len(panels(scores)) <= 2 else "",
        )


def _draw(results: AlignmentResult, network: str, measure: str, *, on: "On" = None) -> "Sheet":
    every = final_scores(results, network, measure)
    scores, times = at_one_time(every), peak_times(every)
    rules = [rule for rule in results.rules if (scores.rule == rule).any()]
    layers = [layer for layer in reversed(results.layers(network)) if (scores.layer == layer).any()]
    cells = panels(scores)
    means = mean_by(scores, "rule", "layer", "dataset", "roi")
    grids = {
        rule: np.array([[means.get((rule, layer, *cell), np.nan) for cell in cells] for layer in layers])
        for rule in rules
    }
    scale = (float(np.nanmin(list(grids.values()))), float(np.nanmax(list(grids.values()))))
    at = {cell: f", {in_ms(times[cell])}" if cell in times else "" for cell in cells}
    names = [f"{results.dataset_label(cell[0])}\n{cell[1]}{at[cell]}" for cell in cells]
    columns = min(len(rules), 4 if len(cells) > 2 else 6)
    rows = -(-len(rules) // columns)
    width = SINGLE if 0.45 * len(cells) * columns + 1.2 < SINGLE else DOUBLE
    # A line of a column name, in inches of 6 pt type; upright where it is wider than its column.
    longest = 0.06 * max(len(line) for name in names for line in name.split("\n"))
    upright = longest > 0.8 * (width - 1.2) / (columns * len(cells))
    with paper(on):
        figure = sheet(width, max(1.5, rows * (0.2 * len(layers) + 0.3)) + (longest if upright else 0.3), on)
        axes = panels_on(figure, rows, columns, len(rules), sharey=True).ravel()
        for axis in axes[len(rules) :]:
            axis.remove()
        for k, (axis, rule) in enumerate(zip(axes, rules, strict=False)):
            image = axis.imshow(grids[rule], cmap="cividis", vmin=scale[0], vmax=scale[1], aspect="auto")
            _print_values(axis, grids[rule], scale)
            style = rule_styles(results.rules)[rule]
            axis.set_title(style.label if len(cells) > 2 else style.short, loc="center")
            lowest = k + columns >= len(rules)
            axis.set_xticks(range(len(cells)), names if lowest else [""] * len(cells), fontsize=6)
            axis.tick_params(axis="x", rotation=90 if upright else 0)
            axis.set_yticks(range(len(layers)), layers)
            axis.tick_params(length=0)
            axis.spines[:].set_visible(False)
        shown = list(axes[: len(rules)])
        bar = shown[0].get_figure(root=False).colorbar(image, ax=shown, shrink=0.8, aspect=25, pad=0.01)
        bar.set_label(results.about(measure).axis)
        bar.outline.set_visible(False)
    return figure


def _print_values(axis: "Axes", grid: np.ndarray, scale: tuple[float, float]) -> None:
    middle = sum(scale) / 2
    for (row, column), value in np.ndenumerate(grid):
        if not np.isnan(value):
            text = f"{round(value, 2) + 0.0:.2f}".replace("0.", ".", 1).replace("-", "−")
            axis.text(
                column, row, text, ha="center", va="center", fontsize=6, color="black" if value > middle else "white"
            )

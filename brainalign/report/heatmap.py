"""Heatmap: layers by ROIs, one panel per rule, one colour scale."""

from typing import TYPE_CHECKING

import numpy as np

from brainalign.report.measure import axis_label
from brainalign.report.results import Results
from brainalign.report.rule_style import rule_styles
from brainalign.report.scores import final_scores, mean_by, panels
from brainalign.report.style import DOUBLE, SINGLE, new_figure, paper

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_heatmap(results: Results, network: str, measure: str) -> "Figure":
    """Draw the mean score at each layer (rows, deepest on top) and ROI (columns) of every rule."""
    scores = final_scores(results, network, measure)
    rules = [rule for rule in results.rules if (scores.rule == rule).any()]
    layers = [layer for layer in reversed(results.layers(network)) if (scores.layer == layer).any()]
    cells = panels(scores)
    means = mean_by(scores, "rule", "layer", "dataset", "roi")
    grids = {
        rule: np.array([[means.get((rule, layer, *cell), np.nan) for cell in cells] for layer in layers])
        for rule in rules
    }
    scale = (float(np.nanmin(list(grids.values()))), float(np.nanmax(list(grids.values()))))
    names = [f"{results.dataset_label(dataset)}\n{roi}" for dataset, roi in cells]
    columns = min(len(rules), 4 if len(cells) > 2 else 6)
    rows = -(-len(rules) // columns)
    width = SINGLE if 0.45 * len(cells) * columns + 1.2 < SINGLE else DOUBLE
    # A line of a column name, in inches of 6 pt type; upright where it is wider than its column.
    longest = 0.06 * max(len(line) for name in names for line in name.split("\n"))
    upright = longest > 0.8 * (width - 1.2) / (columns * len(cells))
    with paper():
        figure = new_figure(width, max(1.5, rows * (0.2 * len(layers) + 0.3)) + (longest if upright else 0.3))
        axes = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
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
        bar = figure.colorbar(image, ax=list(axes[: len(rules)]), shrink=0.8, aspect=25, pad=0.01)
        bar.set_label(axis_label(measure))
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

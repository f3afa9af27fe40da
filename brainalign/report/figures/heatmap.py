"""Heatmap: layers by ROIs, one panel per rule, one colour scale."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.cell_pictures import SIGNED, colour_bar
from brainalign.report.rule_style import rule_styles
from brainalign.report.score_figure import ScoreFigure
from brainalign.report.scores import at_one_time, final_scores, mean_by, panels, peak_times
from brainalign.report.sentences import joined, times_sentence
from brainalign.report.style import DOUBLE, SINGLE, SMALL, panels_on, paper, sheet, wrapped
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
            "n/a: no score."
            if any(np.isnan(grid).any() for grid in _grids(results, at_one_time(scores), network)[0].values())
            else "",
            times_sentence(scores),
            sample_sizes(results, scores),
            abbreviations(short) if len(panels(scores)) <= 2 else "",
        )


def _draw(results: AlignmentResult, network: str, measure: str, *, on: "On" = None) -> "Sheet":
    every = final_scores(results, network, measure)
    scores, times = at_one_time(every), peak_times(every)
    cells = panels(scores)
    grids, layers = _grids(results, scores, network)
    rules = list(grids)
    scale = (float(np.nanmin(list(grids.values()))), float(np.nanmax(list(grids.values()))))
    at = {cell: f", {in_ms(times[cell])}" if cell in times else "" for cell in cells}
    names = [f"{results.dataset_label(cell[0])}\n{cell[1]}{at[cell]}" for cell in cells]
    styles = rule_styles(results.rules)
    columns = _abreast(len(rules), len(cells))
    rows = -(-len(rules) // columns)
    tight = 0.07 * max(len(style.short) for style in styles.values())
    width = SINGLE if max(0.45 * len(cells), tight) * columns + 1.2 < SINGLE else DOUBLE
    wide = (width - 1.2) / columns  # a panel, in inches
    titles = [wrapped(styles[rule].label, max(8, int(wide / 0.062))) for rule in rules]
    if len(cells) <= 2 or max(title.count("\n") for title in titles) > 1:
        titles = [styles[rule].short for rule in rules]
    # A line of a column name, in inches of 6 pt type; upright where it is wider than its column.
    longest = 0.06 * max(len(line) for name in names for line in name.split("\n"))
    upright = longest > 0.8 * wide / len(cells)
    with paper(on):
        figure = sheet(width, max(1.5, rows * (0.2 * len(layers) + 0.3)) + (longest if upright else 0.3), on)
        axes = panels_on(figure, rows, columns, len(rules), sharey=True).ravel()
        for axis in axes[len(rules) :]:
            axis.remove()
        for k, (axis, rule) in enumerate(zip(axes, rules, strict=False)):
            image = axis.imshow(grids[rule], cmap=SIGNED, vmin=scale[0], vmax=scale[1], aspect="auto")
            if wide / len(cells) > _NARROW:
                _print_values(axis, grids[rule], scale)
            axis.set_title(titles[k], loc="center")
            lowest = k + columns >= len(rules)
            axis.set_xticks(range(len(cells)), names if lowest else [""] * len(cells), fontsize=SMALL)
            axis.tick_params(axis="x", rotation=90 if upright else 0)
            for label in axis.get_xticklabels() if k // columns + 1 < rows else ():
                label.set_in_layout(False)  # below it there is no panel
            axis.set_yticks(range(len(layers)), layers)
            axis.tick_params(length=0)
            axis.spines[:].set_visible(False)
        colour_bar(
            image, list(axes[: len(rules)]), results.about(measure).axis, shrink=max(0.4, 0.8 - 0.1 * (rows - 1))
        )
    return figure


def _grids(results: AlignmentResult, scores: pd.DataFrame, network: str) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return the mean scores ``(n_layers, n_cells)`` of each rule, and the layers, deepest first."""
    rules = [rule for rule in results.rules if (scores.rule == rule).any()]
    layers = [layer for layer in reversed(results.layers(network)) if (scores.layer == layer).any()]
    means, cells = mean_by(scores, "rule", "layer", "dataset", "roi"), panels(scores)
    grids = {
        rule: np.array([[means.get((rule, layer, *cell), np.nan) for cell in cells] for layer in layers])
        for rule in rules
    }
    return grids, layers


#: Width of a cell in inches from which on its value is printed.
_NARROW = 0.2


def _abreast(n_rules: int, n_cells: int) -> int:
    """Return how many panels stand in a row: as many as leave room for values, and fill the last row best."""
    most = 4 if n_cells > 2 else 6
    most = max(1, min(n_rules, most, int((DOUBLE - 1.2) / (1.1 * _NARROW * n_cells))))
    return min(range(most, max(most - 3, 0), -1), key=lambda columns: -n_rules % columns)


def _print_values(axis: "Axes", grid: np.ndarray, scale: tuple[float, float]) -> None:
    middle = sum(scale) / 2
    for (row, column), value in np.ndenumerate(grid):
        if np.isnan(value):
            axis.text(column, row, "n/a", ha="center", va="center", fontsize=SMALL, color="0.35")
        else:
            text = f"{round(value, 2) + 0.0:.2f}".replace("0.", ".", 1).replace("-", "−")
            axis.text(
                column,
                row,
                text,
                ha="center",
                va="center",
                fontsize=SMALL,
                color="black" if value > middle else "white",
            )

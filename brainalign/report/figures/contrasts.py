"""Forest plot: every contrast between rules with its confidence interval."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.report.contrast_rows import contrast_legend, forest_rows, rival_names
from brainalign.report.legend import bottom_legend
from brainalign.report.rule_style import rule_styles
from brainalign.report.score_figure import ScoreFigure
from brainalign.report.scores import panel_rows, panel_title, panels
from brainalign.report.sentences import OTHER_PAIRS, contrasts_sentences, scale_sentence
from brainalign.report.style import in_first_column, panel_grid, paper, same_scale, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from brainalign.report.style import On, Sheet

_KINDS = ("vs_untrained", "vs_readout_only", "vs_backprop", "pair")


class Contrasts(ScoreFigure):
    """One panel per ROI: the difference of mean scores and its interval, filled where significant."""

    file: ClassVar[str] = "contrasts"
    heading: ClassVar[str] = "Differences between rules"
    place: ClassVar[int] = 5
    needs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "contrasts": ("kind", "rule_a", "rule_b", "role_b", "delta", "ci_low", "ci_high", "p_adjusted")
    }

    def shows(self, results: AlignmentResult, network: str, measure: str) -> bool:
        """Return whether there are differences at a single layer and time."""
        return not forest_rows(results, network, measure).empty

    def draw(self, results: AlignmentResult, *cell: str, on: "On" = None) -> "Sheet":
        """Draw the differences of one network and measure."""
        return _draw(results, *cell, on=on)

    def caption(self, results: AlignmentResult, *cell: str) -> str:
        """Return the caption."""
        table = forest_rows(results, *cell)
        rest = "" if (table.kind == "pair").any() else f" {OTHER_PAIRS}"
        scale = f" {said}" if (said := scale_sentence(table)) else ""
        key = f"Colour and marker: the first rule of the difference.{rest}{scale}"
        return contrasts_sentences(results, table, cell[1], key)


def _draw(results: AlignmentResult, network: str, measure: str, *, on: "On" = None) -> "Sheet":
    table = forest_rows(results, network, measure)
    place = {name: k for k, name in enumerate((*_KINDS, *results.rules))}
    table = table.sort_values(
        ["kind", "rule_a", "rule_b"], key=lambda names: names.astype(object).map(place), kind="stable"
    )
    cells = panels(table)
    labels = {cell: _labels(results, panel_rows(table, *cell)) for cell in cells}
    height = 0.15 * max(len(names) for names in labels.values()) + 0.85
    with paper(on):
        figure, axes = panel_grid(len(cells), height, on=on)
        for axis, (dataset, roi) in zip(axes, cells, strict=True):
            rows = panel_rows(table, dataset, roi)
            _draw_panel(axis, results, rows)
            titled(axis, f"{panel_title(results, dataset, roi)}\nlayer {rows.layer.iloc[0]}")
            axis.set_yticks(range(len(rows)), labels[dataset, roi])
            axis.set_xlabel(f"Δ {results.about(measure).axis}")
        same_scale(axes, [dataset for dataset, _ in cells], "x")
        for axis, cell in zip(axes, cells, strict=True):
            if not in_first_column(axis) and labels[cell] == labels[cells[0]]:
                axis.set_yticklabels([])
        bottom_legend(figure, contrast_legend(results.alpha), on)
    return figure


def _labels(results: AlignmentResult, rows: pd.DataFrame) -> list[str]:
    short = {rule: style.short for rule, style in rule_styles(results.rules).items()}
    rivals = rival_names(results, rows, short)
    return [f"{short[a]} − {b}" for a, b in zip(rows.rule_a, rivals, strict=True)]


def _draw_panel(axis: "Axes", results: AlignmentResult, rows: pd.DataFrame) -> None:
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

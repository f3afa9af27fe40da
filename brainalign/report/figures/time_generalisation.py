"""Temporal generalisation: how well encoding models of one time predict responses at every other."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.cell_pictures import SIGNED, colour_bar, middle_edges, outline
from brainalign.columns import OWN_START
from brainalign.report.figure import Figure
from brainalign.report.rule_style import rule_styles
from brainalign.report.score_figure import simulated_prefix
from brainalign.report.scores import panel_rows
from brainalign.report.sentences import joined
from brainalign.report.style import in_first_column, panel_grid, paper, words
from brainalign.report.wording import simulated_note, spanned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh

    from brainalign.report.style import On, Sheet

_MOST_COLUMNS = 4


class TimeGeneralisation(Figure):
    """A panel for each layer and rule of one network and ROI: time of the fit by time of the test."""

    file: ClassVar[str] = "time_generalisation"
    heading: ClassVar[str] = "Models of one time tested at every other"
    section: ClassVar[str] = "scores"
    place: ClassVar[int] = 6
    needs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "time_generalisation": ("rule", "layer", "seconds_fitted", "seconds_tested", "score", "p")
    }

    def cells(self, results: AlignmentResult) -> Sequence[tuple[str, ...]]:
        """Return (network, dataset, ROI)."""
        table = results.time_generalisation
        return [tuple(map(str, row)) for row in table[["network", "dataset", "roi"]].drop_duplicates().to_numpy()]

    def title(self, results: AlignmentResult, *cell: str) -> str:
        """Return the title; simulated recordings say so."""
        network, dataset, roi = cell
        where = f"{words(network)}, {results.dataset_label(dataset)} {roi}"
        return f"{simulated_prefix(results, [dataset])}{self.heading}, {where}"

    def draw(self, results: AlignmentResult, *cell: str, on: "On" = None) -> "Sheet":
        """Draw the panels of one network and ROI, on one colour scale."""
        table = _rows(results, cell)
        layers = [layer for layer in results.layers(cell[0]) if (table.layer == layer).any()]
        rules = [rule for rule in results.rules if (table.rule == rule).any()]
        # layers of a rule stand beside each other where a row holds them all
        whole = len(rules) * len(layers) if len(layers) == 1 else len(layers) * max(1, _MOST_COLUMNS // len(layers))
        abreast = min(whole, _MOST_COLUMNS)
        each = [(layer, rule, own) for rule in rules for layer in layers if len(own := _of(table, layer, rule))]
        largest = max(float(np.nanmax(np.abs(table.score))), 1e-9)
        with paper(on):
            drawn, axes = panel_grid(len(each), 2.1, most_columns=abreast, on=on)
            for axis, (layer, rule, own) in zip(axes, each, strict=True):
                image = _draw(axis, own, largest, results.alpha)
                label = rule_styles(results.rules)[rule].label
                axis.set_title(f"{label}\nlayer {layer}" if len(layers) > 1 else label, loc="center")
                axis.set_xlabel("Tested at (ms)")
                axis.set_ylabel("Fitted at (ms)" if in_first_column(axis) else "")
            rows = -(-len(axes) // abreast)
            colour_bar(image, axes, "Encoding score (Pearson r)", shrink=min(0.8, 1.6 / rows), pad=0.02)
        return drawn

    def caption(self, results: AlignmentResult, *cell: str) -> str:
        """Return the caption."""
        table = _rows(results, cell)
        scores = panel_rows(results.network_scores, *cell[1:])
        layers = list(dict.fromkeys(table.layer))
        tested = table.p.notna().any()
        inside = (table.p <= results.alpha).any()
        outlines = (
            f"Outlines surround pairs of times with p <= {results.alpha:g}: a score above 0, by flipped signs of "
            "subjects, all pairs together; rules are not adjusted for."
            if inside
            else f"No pair of times has a score above 0 with p <= {results.alpha:g} (flipped signs of subjects, all "
            "pairs together)."
        )
        return joined(
            simulated_note(results, [cell[1]]),
            f"Encoding models of {words(cell[0])} (layer {', '.join(layers)}) that were fitted to responses at one "
            "time (vertical) predict responses to held-out stimuli at every time (horizontal).",
            "The dashed diagonal is the encoding score by time. A square beside it means that what a layer predicts "
            "lasts; a diagonal alone, that it changes.",
            f"Mean over {spanned(table.n_seeds, 'seed')} and {spanned(table.n_subjects, 'subject')}; "
            f"{spanned(scores.n_stimuli, 'stimulus', 'stimuli')}; one colour scale: negative scores are blue and "
            "darker than the grey of 0, positive ones yellow and lighter.",
            "Full lines: stimulus onset.",
            outlines if tested else "Nothing was tested here.",
        )

    def raster(self, results: AlignmentResult, *cell: str) -> bool:
        """Return that it is mostly images."""
        del results, cell
        return True


def _rows(results: AlignmentResult, cell: Sequence[str]) -> pd.DataFrame:
    network, dataset, roi = cell
    table = results.time_generalisation
    kept = (table.network == network) & (table.dataset == dataset) & (table.roi == roi) & (table.role != OWN_START)
    return table[kept]


def _of(table: pd.DataFrame, layer: str, rule: str) -> pd.DataFrame:
    return table[(table.layer == layer) & (table.rule == rule)]


def _draw(axis: "Axes", own: pd.DataFrame, largest: float, alpha: float) -> "QuadMesh":
    grid, p = (own.pivot_table(name, "seconds_fitted", "seconds_tested", dropna=False) for name in ("score", "p"))
    times = 1000 * grid.index.to_numpy()
    edges = middle_edges(times)
    image = axis.pcolormesh(edges, edges, grid, cmap=SIGNED, vmin=-largest, vmax=largest, rasterized=True)
    axis.plot(times[[0, -1]], times[[0, -1]], "--", color="black", linewidth=0.6)
    for line in (axis.axvline, axis.axhline):
        line(0, color="black", linewidth=0.5)
    outline(axis, p.to_numpy() <= alpha, edges, edges)
    axis.set_aspect("equal")
    return image

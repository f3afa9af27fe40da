"""Layer profiles: the score of every rule by layer, with every seed as a dot."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.report.legend import bottom_legend
from brainalign.report.lines import finish, layer_ticks, lines_legend
from brainalign.report.rule_style import rule_styles
from brainalign.report.score_figure import ScoreFigure
from brainalign.report.scores import ceiling_of, final_scores, mean_by, score_panels
from brainalign.report.sentences import ceiling_sentence, controls_sentence, joined, scale_sentence, times_sentence
from brainalign.report.style import (
    BAND,
    BAND_EDGE,
    CONTROLS,
    align_ylabels,
    panel_grid,
    paper,
    same_scale,
    words,
)
from brainalign.report.wording import in_ms, sample_sizes, simulated_note
from brainalign.roles import CHOSEN_LAYER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from brainalign.report.style import On, Sheet


class LayerProfile(ScoreFigure):
    """One panel per ROI: score by layer, a line per rule, ceiling band and low-level lines."""

    file: ClassVar[str] = "layers"
    heading: ClassVar[str] = "Scores by layer"
    place: ClassVar[int] = 1
    needs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "alignment": ("role", "rule", "layer", "layer_index", "seed", "subject", "time", "score", "ceiling_lower")
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
            f"{results.about(measure).title} {_where(scores, network)}.",
            "Lines: mean over seeds and subjects. Dots: seeds.",
            controls_sentence(results, measure, "Broken grey lines"),
            ceiling_sentence(results, scores, measure),
            times_sentence(scores),
            scale_sentence(scores),
            sample_sizes(results, scores),
        )


def _where(scores: pd.DataFrame, network: str) -> str:
    """Say at which layers scores are; a measure that chooses a layer has one for a network."""
    if set(scores.layer) == {CHOSEN_LAYER}:
        return f"of {words(network)}"
    return f"at every layer of {words(network)}, from input to output"


def _draw(results: AlignmentResult, network: str, measure: str, *, on: "On" = None) -> "Sheet":
    shown = score_panels(results, network, measure)
    scores = pd.concat([panel.rows for panel in shown])
    layers = [layer for layer in results.layers(network) if (scores.layer == layer).any()]
    place = {layer: k for k, layer in enumerate(layers)}
    with paper(on):
        figure, axes = panel_grid(len(shown), 1.75, on=on)
        for axis, panel in zip(axes, shown, strict=True):
            _draw_lines(axis, results, panel.rows.assign(x=panel.rows.layer.astype(object).map(place)))
            ceiling = ceiling_of(panel.rows)
            if ceiling:
                axis.axhspan(*ceiling, facecolor=BAND, edgecolor=BAND_EDGE, linewidth=0.8, zorder=0)
            for control, score in panel.controls.items():
                dashes: Any = CONTROLS.get(str(control), "--")
                axis.axhline(score, color="0.45", linestyle=dashes, linewidth=0.8, zorder=1)
            axis.set_xlim(-0.3, len(layers) - 0.7)
            at = "" if panel.time is None else f", {in_ms(panel.time)}"
            finish(axis, f"{panel.title}{at}", results.about(measure).axis)
        same_scale(axes, [panel.dataset for panel in shown], "y")
        layer_ticks(axes, layers, figure, on)
        align_ylabels(figure)
        controls = list(dict.fromkeys(str(control) for panel in shown for control in panel.controls.index))
        has_ceiling = any(ceiling_of(panel.rows) for panel in shown)
        handles, marks = lines_legend(results, scores, controls, has_ceiling)
        bottom_legend(figure, handles, on, marks)
    return figure


def _draw_lines(axis: "Axes", results: AlignmentResult, rows: pd.DataFrame) -> None:
    styles = rule_styles(results.rules)
    drawn = [rule for rule in results.rules if (rows.rule == rule).any()]
    for k, rule in enumerate(drawn):
        of_rule = rows[rows.rule == rule]
        mean = mean_by(of_rule, "x").sort_index()
        seeds = mean_by(of_rule, "seed", "x").unstack("seed").reindex(mean.index)
        colour, dashed = styles[rule].colour, "--" if rule in results.untrained else "-"
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

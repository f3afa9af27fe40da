"""Plausibility beside accuracy, cost and alignment with brains: one row per rule."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.report.rule_style import rule_styles
from brainalign.report.score_figure import ScoreFigure
from brainalign.report.scores import at_one_time, final_scores, panel_rows, panel_title, panels
from brainalign.report.sentences import joined, scale_sentence, times_sentence
from brainalign.report.style import DOUBLE, panels_on, paper, same_scale, sheet, titled, width_of, wrapped
from brainalign.report.wording import listed, sample_sizes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from brainalign.report.style import On, Sheet

_MARKS = {True: ("o", "#0072B2"), False: ("X", "#D55E00")}
_COST = "P12"
_MOST_CELLS = 4


class TradeOff(ScoreFigure):
    """Measured criteria, test accuracy, cost of a step and alignment of every rule, at one layer per recording.

    That is the declared one; without a declaration it is each rule's best, which the figure says.
    """

    file: ClassVar[str] = "trade_off"
    heading: ClassVar[str] = "Plausibility, performance and alignment"
    section: ClassVar[str] = "plausibility"
    place: ClassVar[int] = 0
    needs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "scorecard": ("rule", "network", "probe", "outcome"),
        "criteria": ("rule", "network", "criterion", "measured", "certified", "disagrees"),
        "training": ("rule", "network", "seed", "step", "test_accuracy"),
        "alignment": ("role", "rule", "layer", "seed", "time", "score"),
    }

    def shows(self, results: AlignmentResult, network: str, measure: str) -> bool:
        """Return whether rules were probed on such a network."""
        return network in set(results.scorecard.network)

    def draw(self, results: AlignmentResult, *cell: str, on: "On" = None) -> "Sheet":
        """Draw one network and measure."""
        return _draw(results, *cell, on=on)

    def caption(self, results: AlignmentResult, *cell: str) -> str:
        """Return the caption."""
        network, measure = cell
        criteria = _of_network(results.criteria, network)
        named = criteria[criteria.criterion.str.startswith("C")].drop_duplicates("criterion").sort_values("criterion")
        titles = "; ".join(f"{row['criterion']} {row['title']}" for row in named.to_dict("records"))
        scores = final_scores(results, network, measure)
        cells = panels(scores)
        more = len(cells) - _MOST_CELLS
        rest = f"{more} further recordings or ROIs are not drawn." if more > 0 else ""
        layers = _layers_sentence(results, scores, cells[:_MOST_CELLS])
        return joined(
            "Plausibility, performance, cost and brain alignment of each rule, with no sum over them. "
            f"Criteria: {titles}. "
            "Circle: met; cross: not met; question mark: the probe cannot tell; hollow: not certified; square: the "
            "literature says otherwise. Dots are seeds, ticks their mean. Cost counts floating-point operations.",
            f"Alignment: {results.about(measure).axis}. {layers}",
            times_sentence(scores),
            rest,
            scale_sentence(scores),
            sample_sizes(results, scores),
        )


def _draw(results: AlignmentResult, network: str, measure: str, *, on: "On" = None) -> "Sheet":
    scores = at_one_time(final_scores(results, network, measure))
    rules = [rule for rule in results.rules if (scores.rule == rule).any()]
    styles = rule_styles(results.rules)
    cells = panels(scores)[:_MOST_CELLS]
    criteria = _of_network(results.criteria, network)
    codes = sorted(code for code in set(criteria.criterion) if code.startswith("C"))
    with paper(on):
        figure = sheet(DOUBLE, 0.9 + 0.26 * len(rules), on)
        ratios = [0.16 * len(codes) + 0.3, 1, 0.8, *[1] * len(cells)]
        axes = panels_on(figure, 1, 3 + len(cells), sharey=True, width_ratios=ratios)[0]
        _draw_criteria(axes[0], criteria, rules, codes)
        for row, rule in enumerate(rules):
            style = styles[rule]
            for axis, values in zip(axes[1:], _values(results, network, scores, rule, cells), strict=True):
                axis.plot(
                    values, np.full(len(values), row), ls="", marker=style.marker, color=style.colour, alpha=0.45, ms=3
                )
                if len(values):
                    axis.plot(np.mean(values), row, marker="|", color=style.colour, ms=9, mew=1.4)
        titles = [
            "Criteria met",
            "Test accuracy",
            "Cost of a step",
            *(panel_title(results, *cell).replace(" · ", "\n") for cell in cells),
        ]
        labels = ["Criterion", "share", "forward passes"]
        unit = results.about(measure).axis.replace(" (", "\n(")
        labels += [f"{unit}\n{_layer_words(results, scores, *cell)}" for cell in cells]
        for axis, title, label in zip(axes, titles, labels, strict=True):
            letters = max(8, int(width_of(axis) / 0.058))
            titled(axis, title)
            axis.set_xlabel("\n".join(wrapped(line, letters) for line in label.split("\n")))
            axis.tick_params(axis="y", length=0)
            axis.grid(axis="y", color="0.92", linewidth=0.5)
            axis.set_axisbelow(True)
        same_scale(axes[3:], [dataset for dataset, _ in cells], "x")
        for axis in (axes[1], *axes[3:]):
            axis.locator_params(axis="x", nbins=3 if width_of(axis) > 0.8 else 2)
        axes[2].set_xscale("log", base=2)
        axes[2].xaxis.set_major_formatter("{x:g}")
        if not axes[2].has_data() or not np.isfinite(axes[2].dataLim.intervalx).all():
            axes[2].set_xticks([])
            axes[2].text(0.5, 0.5, "not\nprobed", transform=axes[2].transAxes, ha="center", va="center", color="0.35")
        axes[0].set_yticks(range(len(rules)), [styles[rule].label for rule in rules])
        axes[0].set_ylim(len(rules) - 0.5, -0.5)
    return figure


def _draw_criteria(axis: "Axes", criteria: pd.DataFrame, rules: list[str], codes: list[str]) -> None:
    found = {(row["rule"], row["criterion"]): row for row in criteria.to_dict("records")}
    for row, rule in enumerate(rules):
        for column, code in enumerate(codes):
            if (rule, code) not in found:
                continue
            cell = found[rule, code]
            if cell["measured"] is None:
                axis.text(column, row, "?", ha="center", va="center", color="0.45")
                continue
            marker, colour = _MARKS[cell["measured"]]
            inside = colour if cell["certified"] else "white"
            axis.plot(column, row, marker=marker, color=colour, markerfacecolor=inside, ms=5, mew=0.8)
            if cell["disagrees"]:
                axis.plot(column, row, marker="s", ms=9, markerfacecolor="none", color="0.2", mew=0.7)
    axis.set_xticks(range(len(codes)), codes)
    axis.set_xlim(-0.6, len(codes) - 0.4)


def _values(
    results: AlignmentResult, network: str, scores: pd.DataFrame, rule: str, cells: list[tuple[str, str]]
) -> list[np.ndarray]:
    """Return one number per seed for accuracy, one for cost, and one per seed for each recording."""
    training = results.training[(results.training.rule == rule) & (results.training.network == network)]
    last = training[training.step == training.groupby("seed").step.transform("max")]
    probed = _of_network(results.scorecard, network)
    cost = probed.outcome[(probed.rule == rule) & (probed.probe == _COST)]
    found = [last.test_accuracy.dropna().to_numpy(), cost.dropna().to_numpy()]
    for dataset, roi in cells:
        own = panel_rows(scores[scores.rule == rule], dataset, roi)
        layer = _declared(results, scores, dataset, roi)
        if layer is None:
            means = own.groupby("layer", observed=True).score.mean().dropna()
            layer = str(means.idxmax()) if len(means) else ""
        found.append(own[own.layer == layer].groupby("seed").score.mean().dropna().to_numpy())
    return found


def _declared(results: AlignmentResult, scores: pd.DataFrame, dataset: str, roi: str) -> str | None:
    """Return the layer declared for a ROI if this network has it."""
    layer = results.ranking_layer(roi)
    return layer if (panel_rows(scores, dataset, roi).layer == layer).any() else None


def _layer_words(results: AlignmentResult, scores: pd.DataFrame, dataset: str, roi: str) -> str:
    layer = _declared(results, scores, dataset, roi)
    return "best layer" if layer is None else f"layer {layer}"


def _of_network(table: pd.DataFrame, network: str) -> pd.DataFrame:
    return table[table.network == network]


def _layers_sentence(results: AlignmentResult, scores: pd.DataFrame, cells: list[tuple[str, str]]) -> str:
    declared = [cell for cell in cells if _declared(results, scores, *cell)]
    at = listed([f"{_declared(results, scores, *cell)} ({' '.join(cell)})" for cell in declared])
    best = (
        "at the layer with the highest mean score of each rule: the best layer, chosen on the same data, which favours "
        "no depth and flatters every rule"
    )
    if not declared:
        return f"Scores are {best}."
    chosen = f"Scores are at the layer declared before they were seen: {at}."
    return chosen if len(declared) == len(cells) else f"{chosen} Elsewhere they are {best}."

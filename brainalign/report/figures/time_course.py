"""Time courses: the score of every rule by time from stimulus onset, a panel per recording and layer."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.report.legend import bottom_legend
from brainalign.report.lines import finish, lines_legend, marks_at
from brainalign.report.rule_style import rule_styles
from brainalign.report.score_figure import ScoreFigure
from brainalign.report.scores import ceiling_of, final_scores, mean_by, panel_rows, panel_title, panels
from brainalign.report.sentences import ceiling_sentence, controls_sentence, joined
from brainalign.report.style import BAND, BAND_EDGE, CONTROLS, panel_grid, paper, same_scale, words
from brainalign.report.wording import sample_sizes, simulated_note, spanned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from brainalign.report.style import On, Sheet


class TimeCourse(ScoreFigure):
    """One panel per ROI that was scored at several times, and layer: score by time in ms, a line per rule."""

    file: ClassVar[str] = "time_course"
    heading: ClassVar[str] = "Scores by time"
    place: ClassVar[int] = 3
    needs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "alignment": ("role", "rule", "layer", "layer_index", "subject", "time", "score", "ceiling_lower")
    }

    def shows(self, results: AlignmentResult, network: str, measure: str) -> bool:
        """Return whether there is more than one time."""
        return not _timed(results, network, measure).empty

    def draw(self, results: AlignmentResult, *cell: str, on: "On" = None) -> "Sheet":
        """Draw the scores of one network and measure."""
        network, measure = cell
        scores = _timed(results, network, measure)
        layers = [layer for layer in results.layers(network) if (scores.layer == layer).any()]
        places = [(*place, layer) for place in panels(scores) for layer in layers]
        with paper(on):
            figure, axes = panel_grid(len(places), 1.75, sharex=False, on=on)
            for axis, (dataset, roi, layer) in zip(axes, places, strict=True):
                rows = panel_rows(scores[scores.layer == layer], dataset, roi)
                _draw_rules(axis, results, rows)
                _draw_ceiling(axis, rows)
                _draw_controls(axis, results, dataset, roi, measure)
                axis.axvline(0, color="0.6", linewidth=0.6, zorder=0)
                declared = " (declared)" if results.ranking_layer(roi) == layer else ""
                title = f"{panel_title(results, dataset, roi)}\nlayer {layer}{declared}"
                finish(axis, title, results.about(measure).axis)
                axis.set_xlabel("Time from stimulus onset (ms)")
            same_scale(axes, [place[:2] for place in places], "y")
            for axis, (dataset, roi, layer) in zip(axes, places, strict=True):
                where = (network, measure, (dataset, roi, layer))
                _draw_beside(axis, results, _claimed(results, *where), _marked(results, *where))
            controls = results.low_level[results.low_level.measure == measure]
            names = list(dict.fromkeys(controls.layer))
            handles, marks = lines_legend(results, scores, names, ceiling_of(scores) is not None)
            bottom_legend(figure, handles, on, marks)
        return figure

    def caption(self, results: AlignmentResult, *cell: str) -> str:
        """Return the caption."""
        network, measure = cell
        scores = _timed(results, network, measure)
        times = scores.groupby(["dataset", "roi"], observed=True).time.nunique()
        return joined(
            simulated_note(results, list(scores.dataset)),
            f"{results.about(measure).title} of {words(network)} by time from stimulus onset, {spanned(times)} times, "
            "a panel per layer.",
            "Panels of one recording and ROI have one scale. Lines: mean over seeds and subjects. Bands: one "
            "standard error over subjects (of means over seeds), where there are several.",
            controls_sentence(results, measure, "Thin grey lines"),
            "Vertical line: onset.",
            _latencies_sentence(results, network, measure),
            _clusters_words(results, network, measure),
            ceiling_sentence(results, scores, measure),
            sample_sizes(results, scores),
        )


def _claimed(results: AlignmentResult, network: str, measure: str, place: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return the latencies that are claimed, of all places or of one recording, ROI and layer."""
    table = results.latencies
    kept = (table.network == network) & (table.measure == measure) & table.seconds.notna()
    for name, value in zip(("dataset", "roi", "layer"), place, strict=False):
        kept &= table[name] == value
    return table[kept]


def _latencies_sentence(results: AlignmentResult, network: str, measure: str) -> str:
    table = results.latencies
    own = table[(table.network == network) & (table.measure == measure)]
    if own.empty:
        return ""
    claimed = len(_claimed(results, network, measure))
    drawn = "Above: peaks (the rule's marker) and onsets (bars) with 95% intervals over subjects. " if claimed else ""
    return f"{drawn}{claimed} of {len(own)} latencies are claimed; the table of latencies says why others are not."


#: Height of a row of latencies or clusters, as a share of that of the panel.
_ROW = 0.04


def _draw_beside(axis: "Axes", results: AlignmentResult, latencies: pd.DataFrame, clusters: pd.DataFrame) -> None:
    """Draw latencies above the scores and clusters below them, in room that is made for them."""
    above, below = (_ROW * len(rules) for rules in (set(latencies.rule), set(clusters.rule_a)))
    low, high = axis.get_ylim()
    unit = (high - low) / max(1 - above - below, 0.3)
    axis.set_ylim(low - below * unit, high + above * unit)
    _draw_latencies(axis, results, latencies)
    _draw_clusters(axis, results, clusters)


def _draw_latencies(axis: "Axes", results: AlignmentResult, table: pd.DataFrame) -> None:
    styles = rule_styles(results.rules)
    rules = [rule for rule in results.rules if (table.rule == rule).any()]
    across = axis.get_xaxis_transform()
    for k, rule in enumerate(rules):
        height, colour = 1 - _ROW * (k + 0.5), styles[rule].colour
        for row in table[table.rule == rule].to_dict("records"):
            ends = [1000 * row["ci_low"], 1000 * row["ci_high"]]
            axis.plot(ends, [height] * 2, color=colour, linewidth=0.7, transform=across, zorder=5)
            marker = styles[rule].marker if row["moment"] == "peak" else "|"
            axis.plot(1000 * row["seconds"], height, marker, color=colour, markersize=3, transform=across, zorder=6)


def _marked(results: AlignmentResult, network: str, measure: str, place: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return clusters at the level, of each rule and the control that all share, of all places or of one."""
    table = results.clusters
    kept = (table.network == network) & (table.measure == measure) & (table.p_adjusted <= results.alpha)
    kept &= table.seconds_first.notna()
    for name, value in zip(("dataset", "roi", "layer"), place, strict=False):
        kept &= table[name] == value
    kinds = set(table.kind)
    control = next((kind for kind in ("vs_readout_only", "vs_untrained", "vs_backprop") if kind in kinds), "")
    return table[kept & (table.kind == control)]


def _draw_clusters(axis: "Axes", results: AlignmentResult, table: pd.DataFrame) -> None:
    styles, across = rule_styles(results.rules), axis.get_xaxis_transform()
    rules = [rule for rule in results.rules if (table.rule_a == rule).any()]
    for k, rule in enumerate(rules):
        for row in table[table.rule_a == rule].to_dict("records"):
            ends = [1000 * row["seconds_first"], 1000 * row["seconds_last"]]
            line, height = "-" if row["delta"] > 0 else ":", _ROW * (k + 0.5)
            axis.plot(ends, [height] * 2, line, color=styles[rule].colour, linewidth=1.5, transform=across)
            axis.plot(ends[0], height, styles[rule].marker, color=styles[rule].colour, transform=across)


def _clusters_words(results: AlignmentResult, network: str, measure: str) -> str:
    own = _marked(results, network, measure)
    if own.empty:
        return ""
    against = ", ".join(dict.fromkeys(words(rule) for rule in own.rule_b))
    return (
        f"Below: clusters of times at which a rule scores higher (solid) or lower (dotted) than {against}, adjusted p "
        f"<= {results.alpha:g}; they do not say when a difference begins or ends."
    )


def _timed(results: AlignmentResult, network: str, measure: str) -> pd.DataFrame:
    """Return the scores of recordings with more than one time."""
    scores = final_scores(results, network, measure)
    n_times = scores.groupby(["dataset", "roi"], observed=True).time.transform("nunique")
    return scores[n_times > 1]


def _draw_rules(axis: "Axes", results: AlignmentResult, rows: pd.DataFrame) -> None:
    styles = rule_styles(results.rules)
    drawn = [rule for rule in results.rules if (rows.rule == rule).any()]
    for k, rule in enumerate(drawn):
        of_rule = rows[rows.rule == rule]
        subjects = mean_by(of_rule, "time", "subject").unstack("subject").sort_index()
        mean, n_subjects = subjects.mean(axis=1), subjects.notna().sum(axis=1)
        error = subjects.std(axis=1, ddof=1) / np.sqrt(n_subjects)
        time, colour = 1000 * mean.index.to_numpy(), styles[rule].colour
        axis.fill_between(time, mean - error, mean + error, color=colour, alpha=0.2, linewidth=0, zorder=2)
        dashes, at = "--" if rule in results.untrained else "-", marks_at(len(time), k, len(drawn))
        axis.plot(time, mean, color=colour, linestyle=dashes, marker=styles[rule].marker, markevery=at, zorder=4)


def _draw_ceiling(axis: "Axes", rows: pd.DataFrame) -> None:
    limits = rows.groupby("time")[["ceiling_lower", "ceiling_upper"]].mean().bfill(axis=1).ffill(axis=1).dropna()
    if len(limits):
        axis.fill_between(
            1000 * limits.index.to_numpy(),
            limits.ceiling_lower,
            limits.ceiling_upper,
            facecolor=BAND,
            edgecolor=BAND_EDGE,
            linewidth=0.8,
            zorder=0,
        )


def _draw_controls(axis: "Axes", results: AlignmentResult, dataset: str, roi: str, measure: str) -> None:
    rows = panel_rows(results.low_level[results.low_level.measure == measure], dataset, roi)
    for control in dict.fromkeys(rows.layer):
        mean = mean_by(rows[rows.layer == control], "time").sort_index()
        axis.plot(
            1000 * mean.index.to_numpy(),
            mean,
            color="0.45",
            linestyle=CONTROLS.get(control, "--"),
            linewidth=0.5,
            zorder=1,
        )

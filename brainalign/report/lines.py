"""What figures of lines by layer or by time have in common."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.report.rule_style import RuleStyle, rule_styles
from brainalign.report.style import BAND, BAND_EDGE, CONTROLS, titled, width_of, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from brainalign.report.style import On, Sheet


def finish(axis: "Axes", title: str, label: str) -> None:
    """Let the score axis hold 0, and name panel and axis."""
    low, high = axis.get_ylim()
    axis.set_ylim(min(0.0, low), max(0.0, high))
    if low < 0:
        axis.axhline(0, color="black", linewidth=0.5, zorder=1)
    titled(axis, title)
    axis.set_ylabel(label)


def layer_ticks(axes: "Sequence[Axes]", layers: Sequence[str], drawn: "Sheet", on: "On" = None) -> None:
    """Name layers along panels; upright where they would touch, in a figure that is as much taller."""
    longest = 0.06 * max(map(len, layers))  # inches
    upright = longest > 0.9 * min(map(width_of, axes)) / len(layers)
    for axis in axes:
        axis.set_xticks(range(len(layers)), layers, rotation=90 if upright else 0)
        axis.set_xlabel("Layer")
    if upright and on is None:
        rows = len({axis.get_subplotspec().rowspan.start for axis in axes})  # type: ignore[union-attr]
        drawn.set_figheight(drawn.get_figheight() + rows * longest)  # type: ignore[union-attr]


def marks_at(n_points: int, k: int, n_lines: int) -> tuple[int, int]:
    """Return first point and step of the markers of line ``k``: about six, apart from those of other lines."""
    step = max(1, n_points // 6)
    return (k * step // max(n_lines, 1)) % step, step


def lines_legend(
    results: AlignmentResult, scores: pd.DataFrame, controls: list[str], has_ceiling: bool
) -> tuple[list[Any], list[Any]]:
    """Return what lines of rules mean, and what other lines and bands do."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    styles = rule_styles(results.rules)
    rules = [_handle(styles[rule], rule in results.untrained) for rule in results.rules if (scores.rule == rule).any()]
    handles: list[Any] = []
    for control in controls:
        dashes: Any = CONTROLS.get(control, "--")
        handles.append(Line2D([], [], color="0.45", linestyle=dashes, linewidth=0.8, label=words(control)))
    if has_ceiling:
        handles.append(Patch(facecolor=BAND, edgecolor=BAND_EDGE, linewidth=0.8, label="noise ceiling"))
    return rules, handles


def _handle(style: RuleStyle, untrained: bool) -> Any:
    from matplotlib.lines import Line2D

    return Line2D(
        [],
        [],
        color=style.colour,
        marker=style.marker,
        linestyle="--" if untrained else "-",
        label=style.label,
    )

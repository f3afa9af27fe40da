"""What figures of lines by layer or by time have in common."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.report.rule_style import RuleStyle, rule_styles
from brainalign.report.style import BAND, BAND_EDGE, CONTROLS, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def finish(axis: "Axes", title: str, label: str) -> None:
    """Let the score axis hold 0, and name panel and axis."""
    low, high = axis.get_ylim()
    axis.set_ylim(min(0.0, low), max(0.0, high))
    if low < 0:
        axis.axhline(0, color="black", linewidth=0.5, zorder=1)
    axis.set_title(title)
    axis.set_ylabel(label)


def layer_ticks(axis: "Axes", layers: Sequence[str], width: float) -> None:
    """Name layers along a panel of ``width`` inches; upright where they would touch."""
    longest = _LETTER * max(map(len, layers))
    upright = longest > 0.9 * width / len(layers)
    axis.set_xticks(range(len(layers)), layers, rotation=90 if upright else 0)
    axis.set_xlabel("Layer")


#: Width of a letter of tick labels in inches.
_LETTER = 0.06


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
    rules = [
        _handle(styles[rule], rule in results.untrained) for rule in results.rules if (scores.rule == rule).any()
    ]
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

"""What figures of lines by layer or by time have in common."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.report.rule_style import RuleStyle, rule_styles
from brainalign.report.style import BAND, BAND_EDGE, CONTROLS, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def finish(axis: "Axes", title: str, label: str) -> None:
    """Start the score axis at 0 or below, and name panel and axis."""
    low, high = axis.get_ylim()
    axis.set_ylim(min(0.0, low), high)
    if low < 0:
        axis.axhline(0, color="black", linewidth=0.5, zorder=1)
    axis.set_title(title)
    axis.set_ylabel(label)


def lines_legend(results: AlignmentResult, scores: pd.DataFrame, controls: list[str], has_ceiling: bool) -> list[Any]:
    """Return what lines and bands mean."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    styles = rule_styles(results.rules)
    handles: list[Any] = [
        _handle(styles[rule], rule in results.untrained) for rule in results.rules if (scores.rule == rule).any()
    ]
    for control in controls:
        dashes: Any = CONTROLS.get(control, "--")
        handles.append(Line2D([], [], color="0.45", linestyle=dashes, linewidth=0.8, label=words(control)))
    if has_ceiling:
        handles.append(Patch(facecolor=BAND, edgecolor=BAND_EDGE, linewidth=0.8, label="noise ceiling"))
    return handles


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

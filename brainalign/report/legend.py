"""One legend for all panels of a figure."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from brainalign.report.style import DOUBLE, SINGLE

if TYPE_CHECKING:
    from brainalign.report.style import On, Sheet


def bottom_legend(drawn: "Sheet", handles: Sequence[Any], on: "On" = None, marks: Sequence[Any] = ()) -> None:
    """Put one legend under all panels, rules first and then ``marks``, in as many columns as the figure is wide.

    Beside the panel of a narrow figure where the list is long, and beside axes that are given.
    """
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    groups = [list(group) for group in (handles, marks) if len(group)]
    if not groups:
        return
    if isinstance(drawn, Axes):
        every = [handle for group in groups for handle in group]
        drawn.legend(handles=every, loc="upper left", bbox_to_anchor=(1.02, 1), borderaxespad=0)
        return
    own = on is None and isinstance(drawn, Figure)
    legend = _fitting_legend(drawn, groups, "outside lower center", 0.98 * drawn.bbox.width)
    height = legend.get_window_extent().height / drawn.bbox.height
    if isinstance(drawn, Figure) and own and height > _LONG and drawn.get_figwidth() < DOUBLE:
        legend.remove()
        drawn.set_figwidth(DOUBLE)
        beside = (DOUBLE - SINGLE) * drawn.dpi
        for columns in (1, 2):
            legend = drawn.legend(
                handles=_in_columns(groups, columns), loc="outside right upper", ncols=columns, columnspacing=1.2
            )
            size = legend.get_window_extent()
            if size.height < 0.98 * drawn.bbox.height or columns == 2 or size.width > beside:
                drawn.set_figheight(max(drawn.get_figheight(), size.height / drawn.dpi + 0.1))
                return
            legend.remove()
    if isinstance(drawn, Figure) and own:  # panels keep their height
        drawn.set_figheight(drawn.get_figheight() + legend.get_window_extent().height / drawn.dpi + 0.05)


#: Share of a narrow figure's height from which on a legend stands beside the panel.
_LONG = 0.55


def _fitting_legend(drawn: Any, groups: list[list[Any]], place: str, width: float) -> Any:
    """Return a legend of at most ``width`` pixels: in one row if it fits, else a block for each group."""
    n_all, most = sum(map(len, groups)), max(map(len, groups))
    tries = [([[one for group in groups for one in group]], n_all)] if n_all <= 8 else []
    # as few columns as the rows need, so that no row is all but empty
    even = [max(math.ceil(len(one) / math.ceil(len(one) / c)) for one in groups) for c in range(min(most, 6), 0, -1)]
    tries += [(groups, columns) for columns in dict.fromkeys(even)]
    for arranged, columns in tries:
        legend = drawn.legend(handles=_in_columns(arranged, columns), loc=place, ncols=columns, columnspacing=1.2)
        if legend.get_window_extent().width < width or columns == 1:
            return legend
        legend.remove()
    return None


def _in_columns(groups: list[list[Any]], columns: int) -> list[Any]:
    """Return handles column by column, each group in rows of its own, places that stay empty filled."""
    from matplotlib.lines import Line2D

    if len(groups) == 1:
        return groups[0]
    found = []
    blocks = [[list(part) for part in np.array_split(np.array(group, dtype=object), columns)] for group in groups]
    for column in range(columns):
        for block in blocks:
            empty = [Line2D([], [], linestyle="", label="") for _ in range(len(block[0]) - len(block[column]))]
            found += block[column] + empty
    return found

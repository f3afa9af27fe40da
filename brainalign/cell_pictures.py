"""Values of cells, such as voxels or pairs of times, as a picture: colours, their bar, and outlines along edges.

Colours are chosen here, for every figure of values on both sides of 0.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Lightness grows all along, so that order survives in grey print and for dichromats. With ends as far below 0 as above
#: it, 0 is grey, what lies below is blue and darker, what lies above yellow and lighter: the sign is seen in grey, too.
SIGNED = "cividis"
#: Colours and widths in points of an outline, one over the other: seen on every colour.
OUTLINE = (("white", 2.0), ("black", 0.9))


def colour_bar(image: Any, axes: "Sequence[Axes]", label: str, **options: Any) -> Any:
    """Return the bar of an image beside axes; a line marks 0 where values lie on both sides of it."""
    whole: Any = axes[0].get_figure(root=False)
    bar = whole.colorbar(image, ax=list(axes), label=label, **{"shrink": 0.8, "aspect": 25, "pad": 0.01} | options)
    mark_zero(bar)
    return bar


def mark_zero(bar: Any) -> None:
    """Take the frame off a colour bar, and draw a line at 0 where values lie on both sides of it."""
    bar.outline.set_visible(False)
    low, high = bar.mappable.get_clim()
    if low < 0 < high:
        for colour, width in OUTLINE:
            bar.ax.axhline(0, color=colour, linewidth=width)


def outline(axis: "Axes", inside: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Draw a line around the cells ``inside``; arguments are those of :func:`cell_edges`."""
    from matplotlib.collections import LineCollection

    pieces = list(cell_edges(inside, x, y))
    for colour, width in OUTLINE if pieces else ():
        axis.add_collection(LineCollection(pieces, colors=colour, linewidths=width, capstyle="projecting"))


def cell_edges(inside: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the edges between cells inside and outside; what lies beyond the grid is outside.

    Parameters
    ----------
    inside
        ``(n, m)`` cells, true or false, rows along ``y``.
    x, y
        ``(m + 1,)`` and ``(n + 1,)`` edges of the cells.

    Returns
    -------
    np.ndarray
        ``(n_edges, 2, 2)``: straight pieces, each from one point (x, y) to another; pieces of one line are joined.

    Examples
    --------
    >>> cell_edges(np.array([[True, True]]), np.arange(3), np.arange(2)).tolist()
    [[[0, 0], [2, 0]], [[0, 1], [2, 1]], [[0, 0], [0, 1]], [[2, 0], [2, 1]]]
    """
    padded = np.pad(inside, 1)
    across = padded[1:, 1:-1] != padded[:-1, 1:-1]  # (n + 1, m): along x, at each y
    along = padded[1:-1, 1:] != padded[1:-1, :-1]  # (n, m + 1): along y, at each x
    pieces = [((x[start], y[row]), (x[stop], y[row])) for row, start, stop in _runs(across)]
    pieces += [((x[column], y[start]), (x[column], y[stop])) for column, start, stop in _runs(along.T)]
    return np.array(pieces).reshape(-1, 2, 2)


def middle_edges(centres: np.ndarray) -> np.ndarray:
    """Return edges ``(n + 1,)`` of cells around ``centres (n,)``: halfway between them, and as far beyond the ends.

    Examples
    --------
    >>> middle_edges(np.array([0.0, 2.0, 6.0])).tolist()
    [-1.0, 1.0, 4.0, 8.0]
    """
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.array([2 * centres[0] - middle[0], *middle, 2 * centres[-1] - middle[-1]])


def _runs(marks: np.ndarray) -> list[tuple[int, int, int]]:
    """Return (row, start, stop) of each run of True in a row of ``marks``."""
    steps = np.diff(np.pad(marks.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    starts, stops = np.argwhere(steps == 1), np.argwhere(steps == -1)
    return [(int(row), int(start), int(stop)) for (row, start), (_, stop) in zip(starts, stops, strict=True)]

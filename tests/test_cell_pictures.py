"""Outlines lie on the edges of cells, and a scale around 0 tells signs without colour."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.figure import Figure

from brainalign.cell_pictures import OUTLINE, SIGNED, cell_edges, colour_bar, middle_edges, outline


def test_edges_are_those_where_inside_and_outside_meet() -> None:
    inside = np.random.default_rng(0).random((9, 7)) < 0.5
    x, y = np.cumsum(np.linspace(1, 2, 8)), np.cumsum(np.linspace(3, 1, 10))
    drawn = set()
    for (x0, y0), (x1, y1) in cell_edges(inside, x, y):
        assert (x0 == x1) != (y0 == y1)  # along an edge, never across a corner
        columns, rows = (
            np.flatnonzero((ends >= low) & (ends <= high)) for ends, low, high in ((x, x0, x1), (y, y0, y1))
        )
        pieces = pairwise(columns if y0 == y1 else rows)
        drawn |= {("x", int(rows[0]), int(a)) if y0 == y1 else ("y", int(a), int(columns[0])) for a, _ in pieces}
    expected = set()
    padded = np.pad(inside, 1)
    for row in range(10):
        expected |= {("x", row, c) for c in range(7) if padded[row, c + 1] != padded[row + 1, c + 1]}
    for column in range(8):
        expected |= {("y", r, column) for r in range(9) if padded[r + 1, column] != padded[r + 1, column + 1]}
    assert drawn == expected


def test_a_grid_that_is_inside_as_a_whole_is_framed_and_an_empty_one_is_not() -> None:
    assert len(cell_edges(np.ones((3, 4), bool), np.arange(5), np.arange(4))) == 4
    assert cell_edges(np.zeros((3, 4), bool), np.arange(5), np.arange(4)).shape == (0, 2, 2)
    axes = Figure().subplots()
    outline(axes, np.zeros((3, 4), bool), np.arange(5), np.arange(4))
    assert not axes.collections
    outline(axes, np.eye(3, dtype=bool), np.arange(4), np.arange(4))
    assert [len(one.get_segments()) for one in axes.collections] == [
        len(cell_edges(np.eye(3), np.arange(4), np.arange(4)))
    ] * len(OUTLINE)


def test_one_time_has_a_cell() -> None:
    assert middle_edges(np.array([170.0])).tolist() == [169.5, 170.5]


def test_lightness_tells_signs() -> None:
    colours = colormaps[SIGNED](np.linspace(0, 1, 255))[:, :3]
    grey = colours @ [0.299, 0.587, 0.114]
    assert (np.diff(grey) > -1e-3).all()
    assert grey[0] < grey[127] - 0.2 < grey[127] + 0.2 < grey[-1]
    assert np.ptp(colours[127]) < 0.05  # 0 has no colour
    assert colours[20, 2] > colours[20, 0]
    assert colours[-20, 0] > colours[-20, 2]


@pytest.mark.parametrize(("low", "lines"), [(-1.0, len(OUTLINE)), (0.1, 0)])
def test_the_bar_marks_zero_where_there_are_both_signs(low: float, lines: int) -> None:
    axes = Figure().subplots()
    bar = colour_bar(axes.imshow([[low, 2.0]]), [axes], "score (r)")
    assert len(bar.ax.lines) == lines
    assert bar.ax.get_ylabel() == "score (r)"

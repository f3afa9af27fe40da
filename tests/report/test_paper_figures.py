"""Figures are fit for a paper: type that can be read, no text on text, units, rules told apart without colour."""

import itertools
import re
from collections.abc import Iterator

import numpy as np
import pytest
from hard_cases import CASES, hard_case
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from brainalign.report.figure import figures
from brainalign.report.plates import has_rows
from brainalign.report.style import DOUBLE, SINGLE, SMALL

#: Slow to draw with many panels, and alike in every case.
_FEW = {"stimulus_mds": ("two rules", "long names"), "rdm_gallery": ("28 rules", "long names", "one of all")}
#: What counts things or names them, and needs no unit.
_COUNTED = ("Layer", "Epoch", "Criterion", "Training loss", "share", "forward\npasses", "forward passes")


def _drawn() -> Iterator[tuple[str, str]]:
    for name, case in itertools.product(sorted(figures()), CASES):
        if case in _FEW.get(name, CASES) and (name != "time_generalisation" or case == "200 times"):
            yield case, name


def _draw(case: str, name: str) -> Iterator[Drawing]:
    results, figure = hard_case(case), figures()[name]()
    if not has_rows(type(figure), results):
        return
    for cell in list(figure.cells(results))[:2]:
        drawn = figure.draw(results, *cell)
        assert isinstance(drawn, Drawing)
        drawn.draw_without_rendering()
        yield drawn


@pytest.mark.parametrize(("case", "name"), _drawn())
def test_a_figure_can_be_printed(case: str, name: str) -> None:
    for drawn in _draw(case, name):
        said = _said(drawn)
        small = [text.get_text() for text in said if text.get_fontsize() < SMALL]
        assert not small, "type below 6 points"
        assert min(abs(drawn.get_figwidth() - width) for width in (SINGLE, DOUBLE)) < 1e-6
        boxes = [(text.get_text(), text.get_window_extent()) for text in said]
        page = Bbox.from_bounds(-1, -1, drawn.bbox.width + 2, drawn.bbox.height + 2)
        assert not [text for text, box in boxes if not _within(box, page)], "text is cut"
        assert not list(_touching(boxes)), "text on text"
        legends = [one.get_window_extent() for one in drawn.findobj(Legend)]
        covered = [axis.get_title(loc="left") for axis in drawn.axes for box in legends if _touch(axis.bbox, box)]
        assert not covered, "a legend covers data"
        _check_units(drawn)


def _said(drawn: Drawing) -> list[Text]:
    """Return the texts that are printed: ticks beyond the limits of axes are not, nor what stands on hidden axes."""
    hidden = set[int]()
    for axes in drawn.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            room = 1e-6 * (high - low)
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                if not (axes.axison and low - room <= tick.get_loc() <= high + room):
                    hidden |= {id(tick.label1), id(tick.label2)}
    texts = [text for text in drawn.findobj(Text) if text.get_visible() and text.get_text().strip()]
    return [text for text in texts if id(text) not in hidden]


def _within(box: Bbox, page: Bbox) -> bool:
    return page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1


def _touch(one: Bbox, other: Bbox) -> bool:
    """Return whether boxes overlap by more than half a pixel."""
    wide = min(one.x1, other.x1) - max(one.x0, other.x0)
    high = min(one.y1, other.y1) - max(one.y0, other.y0)
    return bool(wide > 0.5 and high > 0.5)


def _touching(boxes: list[tuple[str, Bbox]]) -> Iterator[tuple[str, str]]:
    ends = np.array([box.extents for _, box in boxes])
    for k, (text, _) in enumerate(boxes):
        wide = np.minimum(ends[k, 2], ends[k + 1 :, 2]) - np.maximum(ends[k, 0], ends[k + 1 :, 0])
        high = np.minimum(ends[k, 3], ends[k + 1 :, 3]) - np.maximum(ends[k, 1], ends[k + 1 :, 1])
        for other in np.flatnonzero((wide > 0.5) & (high > 1.0)):
            yield text, boxes[k + 1 + other][0]


def _check_units(drawn: Drawing) -> None:
    """Check that every axis of numbers has a label with a unit, its own or that of the first of its row."""
    for axes in drawn.axes:
        for axis in (axes.xaxis, axes.yaxis):
            ticks = [label.get_text() for label in axis.get_ticklabels() if label.get_visible()]
            if not axes.axison or not any(re.fullmatch(r"[−\d.]+", tick) for tick in ticks):
                continue
            label = axis.get_label_text() or (axis is axes.yaxis and _first_of_row(axes).get_ylabel()) or ""
            assert "(" in label or label in _COUNTED, (axes.get_title(loc="left"), label)


def _first_of_row(axes: Axes) -> Axes:
    place = axes.get_subplotspec()
    row = [one for one in axes.figure.axes if one.get_subplotspec() and one.get_subplotspec().rowspan == place.rowspan]
    return row[0]

"""Figures are fit for a paper: type that can be read, no text on text, units, rules told apart without colour."""

import re
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from hard_cases import hard_case
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure as Drawing
from matplotlib.legend import Legend
from matplotlib.markers import MarkerStyle
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from brainalign.face.example import example_maps
from brainalign.report.figure import figures
from brainalign.report.maps_page import plates_of
from brainalign.report.plate import Plate, described
from brainalign.report.plates import has_rows
from brainalign.report.rule_style import rule_styles
from brainalign.report.style import DOUBLE, SINGLE, SMALL

#: Cases that a figure is drawn of, where others look alike.
_TIMED = ("200 times",)
_OFTEN = ("28 rules", "one of all", "long names", "many recordings", "negative", "holes", "one time")
_FEW = {
    "bars": ("28 rules", "one of all", "long names", "many recordings", "negative", "one time"),
    "contrast_profile": ("12 layers", *_TIMED),
    "contrasts": ("28 rules", "one of all", "long names", "many recordings", "negative"),
    "heatmap": (*_OFTEN, "12 layers"),
    "layer_profile": (*_OFTEN, "12 layers"),
    "learning_curves": ("28 rules",),
    "rdm_gallery": ("28 rules", "one of all", "long names"),
    "rule_mds": ("28 rules", "one of all", "long names"),
    "scorecard": ("28 rules", "two rules", "long names"),
    "stimulus_mds": ("two rules", "long names"),
    "time_course": _TIMED,
    "time_generalisation": _TIMED,
    "trade_off": ("28 rules", "one of all", "long names", "many recordings"),
}
#: What counts things or names them, and needs no unit.
_COUNTED = ("Layer", "Epoch", "Criterion", "Training loss", "share", "forward\npasses", "forward passes")


@cache
def _drawn(case: str, name: str) -> tuple[Drawing, ...]:
    """Return the first figure of a case, laid out."""
    results, figure = hard_case(case), figures()[name]()
    assert has_rows(type(figure), results)
    found = []
    for cell in list(figure.cells(results))[:1]:
        drawn = figure.draw(results, *cell)
        assert isinstance(drawn, Drawing)
        drawn.draw_without_rendering()
        found.append(drawn)
    assert found
    return tuple(found)


ALL = [(case, name) for name in sorted(figures()) for case in _FEW.get(name, _OFTEN)]


@pytest.mark.parametrize(("case", "name"), ALL)
def test_a_figure_can_be_printed(case: str, name: str) -> None:
    for drawn in _drawn(case, name):
        assert min(abs(drawn.get_figwidth() - width) for width in (SINGLE, DOUBLE)) < 1e-6
        _check(drawn)


def test_maps_can_be_printed() -> None:
    for plate in plates_of(example_maps(), None):
        assert plate.figure.get_figwidth() < DOUBLE + 1e-6
        plate.figure.draw_without_rendering()
        _check(plate.figure)


@pytest.mark.parametrize(
    ("name", "case"),
    [("layer_profile", "long names"), ("time_course", "200 times"), ("learning_curves", "28 rules"),
     ("contrast_profile", "200 times"), ("layer_profile", "28 rules")],
)  # fmt: skip
def test_rules_are_told_apart_without_colour(name: str, case: str) -> None:
    """In the legend and in every panel, a line of a rule's colour carries its marker; dashes do for untrained."""
    (drawn, *_), results = _drawn(case, name), hard_case(case)
    styles = {
        style.colour: style for rule, style in rule_styles(results.rules).items() if rule not in results.untrained
    }
    entries = [line for legend in drawn.findobj(Legend) for line in legend.get_lines() if line.get_color() in styles]
    looks = {(line.get_color(), line.get_marker()) for line in entries}
    assert len(looks) >= len({line.get_label() for line in entries if line.get_label()}) > 0
    assert all(marker not in ("", "None") for _, marker in looks)
    for axis in drawn.axes:
        markers = {(line.get_color(), line.get_marker()) for line in axis.lines}
        used = {line.get_color() for line in axis.lines if line.get_color() in styles and line.get_linestyle() == "-"}
        assert all(
            any(colour == own and mark in MarkerStyle.markers and mark != "None" for own, mark in markers)
            for colour in used
        )


def test_outlines_of_pairs_of_times_lie_on_the_edges_of_cells() -> None:
    (drawn,) = _drawn("200 times", "time_generalisation")
    outlined = 0
    for axis in drawn.axes[:-1]:
        (mesh,) = (one for one in axis.collections if isinstance(one, QuadMesh))
        edges = mesh.get_coordinates()[0, :, 0]
        for one in axis.collections:
            if isinstance(one, LineCollection):
                ends = np.array(one.get_segments()).reshape(-1, 2)
                assert np.isin(ends, edges).all()
                outlined += len(ends)
    assert outlined > 100


def test_marks_of_a_scorecard_are_told_apart_in_grey() -> None:
    from brainalign.report.figures.scorecard import _FILLS

    grey = sorted(float(np.dot(to_rgb(fill), [0.299, 0.587, 0.114])) for fill in _FILLS.values())
    assert np.diff(grey).min() > 0.05  # what cannot be told has a question mark besides
    assert grey[0] > 0.55  # black type is read on it


def test_panels_of_one_recording_have_one_scale() -> None:
    for name, side in (("bars", "get_xlim"), ("layer_profile", "get_ylim"), ("contrasts", "get_xlim")):
        (drawn,) = _drawn("many recordings", name)
        limits: dict[str, set[tuple[float, float]]] = {}
        for axis in drawn.axes:
            limits.setdefault(axis.get_title(loc="left").split(" ")[0], set()).add(getattr(axis, side)())
        assert [len(found) for found in limits.values()] == [1, 1, 1]


def test_scores_below_zero_show_zero() -> None:
    (drawn,) = _drawn("negative", "layer_profile")
    assert all(axis.get_ylim()[0] < 0 <= axis.get_ylim()[1] for axis in drawn.axes)


def test_a_missing_score_says_so_in_its_cell() -> None:
    (drawn,) = _drawn("holes", "heatmap")
    assert [text.get_text() for axis in drawn.axes for text in axis.texts].count("n/a") == 1
    assert "n/a: no score." in figures()["heatmap"]().caption(hard_case("holes"), *_cell("holes"))
    assert "n/a" not in figures()["heatmap"]().caption(hard_case("two rules"), *_cell("two rules"))


def _cell(case: str) -> tuple[str, ...]:
    return tuple(figures()["heatmap"]().cells(hard_case(case))[0])


def test_what_a_figure_is_is_said_in_words() -> None:
    (drawn,) = _drawn("two rules", "layer_profile")
    said = described(Plate("layers", "Scores by layer", "", drawn))
    assert said == "Scores by layer. 1 panel: cichy92 · IT. Axes: Layer; RSA score (Spearman ρ)."


def _check(drawn: Drawing) -> None:
    said = _said(drawn)
    small = [text.get_text() for text in said if text.get_fontsize() < SMALL]
    assert not small, "type below 6 points"
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

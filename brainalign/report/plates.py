"""All figures of a study, each with its caption, in the order of the page."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import pandas as pd

from brainalign.alignment.result import AlignmentResult
from brainalign.report.figure import SECTIONS, Figure, figures
from brainalign.report.figures.scorecard import draw_scorecard, scorecard_caption, scorecard_title
from brainalign.report.plate import Plate
from brainalign.report.style import slug
from brainalign.report.wording import in_words_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


def draw_all(results: AlignmentResult) -> Iterator[Plate]:
    """Yield every figure that the tables can fill; a figure without rows is left out, never drawn empty."""
    for figure, cell in _in_order([made() for made in figures().values() if has_rows(made, results)], results):
        yield Plate(
            slug(figure.file, *cell),
            in_words_of(results, figure.title(results, *cell)),
            in_words_of(results, figure.caption(results, *cell)),
            cast("Drawing", figure.draw(results, *cell)),  # a figure of its own: nothing was given to draw on
            raster=figure.raster(results, *cell),
        )


def has_rows(figure: type[Figure], results: AlignmentResult) -> bool:
    """Return whether every table that a figure needs has rows, and the columns."""
    tables = {**results.tables, "alignment": results.shown_scores}
    return all(len(tables[name]) and set(names) <= set(tables[name].columns) for name, names in figure.needs.items())


def _in_order(drawn: list[Figure], results: AlignmentResult) -> list[tuple[Figure, tuple[str, ...]]]:
    """Return figures and cells as they stand on the page: by section, what they are about, and place."""
    drawn = sorted(drawn, key=lambda figure: (list(SECTIONS).index(figure.section), figure.place))
    found = [(figure, tuple(cell)) for figure in drawn for cell in figure.cells(results)]
    groups = list(dict.fromkeys(_group(figure, cell) for figure, cell in found))
    return sorted(found, key=lambda one: groups.index(_group(*one)))


def _group(figure: Figure, cell: tuple[str, ...]) -> tuple[str, ...]:
    return (figure.section, *cell[: SECTIONS[figure.section]])


def scorecard_plate(table: pd.DataFrame) -> Plate:
    """Return the figure of the scorecard of one network."""
    network = str(table.network.iloc[0])
    figure = cast("Drawing", draw_scorecard(table))
    return Plate(slug("scorecard", network), scorecard_title(network), scorecard_caption(table), figure)

"""The contract of a figure of the report."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from brainalign.alignment.result import AlignmentResult
from brainalign.discovery import available
from brainalign.report.style import words

if TYPE_CHECKING:
    from brainalign.report.style import On, Sheet

#: Sections of the page, in order, and how many names of a cell figures stand together by.
SECTIONS = {"scores": 2, "plausibility": 1, "geometry": 1, "training": 2}


class Figure(ABC):
    """What is drawn of results; the file ``report/figures/<name>.py`` holds the class.

    ``file`` begins the names of its files, ``heading`` its title. ``section`` and ``place`` say where on the page it
    stands. ``needs`` names the tables, and the columns of each, that it draws from: where one of them has no rows the
    figure is left out. ``raster`` is for figures that are mostly images.

    Examples
    --------
    >>> import brainalign as ba
    >>> from brainalign.report.score_figure import ScoreFigure
    >>> from brainalign.report.style import new_figure
    >>> class Lowest(ScoreFigure):
    ...     file, heading, place = "lowest", "The lowest score", 9
    ...     needs = {"alignment": ("score",)}
    ...     def draw(self, results, *cell, on=None):
    ...         axes = new_figure(2, 2).subplots() if on is None else on
    ...         axes.set_title(f"{results.scores.score.min():.2f}")
    ...         return axes
    ...     def caption(self, results, *cell):
    ...         return "The lowest score of all."
    >>> found, figure = ba.example(), Lowest()
    >>> (cell,) = figure.cells(found)
    >>> cell[0], figure.title(found, *cell), figure.raster(found, *cell)
    ('models', 'SIMULATED: The lowest score, models, RSA score (Pearson r)', False)
    >>> figure.draw(found, *cell).get_title() == f"{found.scores.score.min():.2f}", figure.caption(found, *cell)
    (True, 'The lowest score of all.')
    """

    file: ClassVar[str]
    heading: ClassVar[str]
    section: ClassVar[str]
    place: ClassVar[int]
    needs: ClassVar[Mapping[str, tuple[str, ...]]]

    @abstractmethod
    def cells(self, results: AlignmentResult) -> Sequence[tuple[str, ...]]:
        """Return what is drawn, a figure each, in order: such as (network, measure). None: nothing to draw."""

    @abstractmethod
    def draw(self, results: AlignmentResult, *cell: str, on: "On" = None) -> "Sheet":
        """Draw one cell.

        Parameters
        ----------
        results
            What was found.
        *cell
            One of :meth:`cells`.
        on
            Where to draw: matplotlib axes, for figures with one panel, or a part of a figure. Without it a figure of
            its own is made.

        Returns
        -------
        matplotlib Figure, SubFigure or Axes
            ``on``, or the figure that was made.

        Raises
        ------
        SpecError
            If axes are given and the figure has several panels.
        """

    @abstractmethod
    def caption(self, results: AlignmentResult, *cell: str) -> str:
        """Return the caption of one cell, from the rows that are drawn."""

    def title(self, results: AlignmentResult, *cell: str) -> str:
        """Return the title of one cell."""
        return f"{self.heading}, {', '.join(words(name) for name in cell)}"

    def raster(self, results: AlignmentResult, *cell: str) -> bool:
        """Return whether one cell is mostly images."""
        del results, cell
        return False


def figures() -> dict[str, type[Figure]]:
    """Return every figure by name."""
    return available("report.figures", Figure)

"""Figures of a result, by name: ``found.plot.bars()``."""

import io
from functools import partial
from typing import TYPE_CHECKING, Any

from brainalign.alignment.result import AlignmentResult as Result
from brainalign.errors import SpecError
from brainalign.report.figure import Figure, figures
from brainalign.report.plates import has_rows
from brainalign.report.style import paper
from brainalign.summary import some

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing
    from matplotlib.figure import SubFigure


class Plots:
    """The figures that can be drawn of a result; tab completion lists them.

    Parameters
    ----------
    result
        What was found.

    Examples
    --------
    >>> import brainalign as ba
    >>> found = ba.example()
    >>> "bars" in dir(found.plot)
    True
    >>> axes = found.plot.bars(measure="rsa corr").axes
    """

    def __init__(self, result: Result) -> None:
        self._result = result

    def __dir__(self) -> list[str]:
        return sorted(self.drawable())

    def __repr__(self) -> str:
        return f"Figures of this result: {', '.join(dir(self)) or 'none'}"

    def __getattr__(self, name: str) -> "Plot":
        if name.startswith("_"):
            raise AttributeError(name)
        known = self.drawable()
        if name in known:
            return Plot(known[name], self._result)
        there = "has nothing to draw here" if name in figures() else "is no figure"
        msg = f"{name!r} {there}; choose among: {', '.join(sorted(known)) or 'none'}."
        raise AttributeError(msg)

    def drawable(self) -> dict[str, Figure]:
        """Return the figures that have something to draw, by name."""
        made = {name: kind() for name, kind in figures().items() if has_rows(kind, self._result)}
        return {name: figure for name, figure in made.items() if figure.cells(self._result)}


class Plot:
    """One figure, to be called: ``found.plot.bars(ax=ax, roi="IT")``.

    Parameters
    ----------
    figure
        The figure.
    result
        What was found.
    """

    def __init__(self, figure: Figure, result: Result) -> None:
        self._figure, self._result = figure, result
        self.__doc__ = type(figure).__doc__

    def __repr__(self) -> str:
        cells = [", ".join(cell) for cell in self._figure.cells(self._result)]
        return f"{self._figure.heading}, of: {some((f'({cell})' for cell in cells), 8)}"

    def __call__(self, ax: "Axes | SubFigure | None" = None, **where: str) -> "Drawing | SubFigure | Axes":
        """Draw.

        Parameters
        ----------
        ax
            Matplotlib axes, for a figure with one panel, or a part of a figure; a figure of its own without.
        **where
            Which part of the result: ``network`` (a group), ``dataset``, ``roi``, ``layer``, ``measure``.

        Raises
        ------
        SpecError
            If nothing is there, several figures are, or several panels are to go into one pair of axes.
        """
        part, cell = self._cell(where)
        drawn = self._figure.draw(part, *cell, on=ax)
        if ax is None:
            drawn._repr_png_ = partial(png, drawn)  # type: ignore[union-attr]  # shown in notebooks without pyplot, too
        return drawn

    def caption(self, **where: str) -> str:
        """Return the caption of what :meth:`__call__` draws."""
        part, cell = self._cell(where)
        return self._figure.caption(part, *cell)

    def _cell(self, where: dict[str, str]) -> tuple[Result, tuple[str, ...]]:
        try:
            part = self._result.only(**where) if where else self._result
        except TypeError as error:
            msg = f"{', '.join(where)}: expected network, dataset, roi, layer or measure."
            raise SpecError(msg) from error
        cells = [tuple(cell) for cell in self._figure.cells(part)]
        if len(cells) != 1:
            listed = "; ".join(", ".join(cell) for cell in cells) or "nothing"
            more = "choose one, such as measure = '...'" if cells else "ask for less"
            msg = f"{self._figure.heading!r} is {len(cells)} figures here ({listed}); {more}."
            raise SpecError(msg)
        return part, cells[0]


def png(drawn: Any) -> bytes:
    """Return a matplotlib figure as PNG, for screens."""
    stream = io.BytesIO()
    with paper():
        drawn.savefig(stream, format="png", dpi=144)
    return stream.getvalue()

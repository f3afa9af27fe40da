"""The contract of a figure of maps of a brain."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from brainalign.comparisons.rsa import UNITS
from brainalign.discovery import available
from brainalign.report.wording import listed
from brainalign.searchlights.brain_maps import BrainMaps

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


class MapFigure(ABC):
    """What is drawn of a searchlight; the file ``report/map_figures/<name>.py`` holds the class.

    ``file`` begins the names of its files, ``heading`` its titles, ``place`` says where on the page it stands.
    """

    file: ClassVar[str]
    heading: ClassVar[str]
    place: ClassVar[int]

    @abstractmethod
    def cells(self, maps: BrainMaps) -> Sequence[tuple[str, ...]]:
        """Return names of maps by figure: those of one stand in one figure. None: nothing to draw."""

    @abstractmethod
    def draw(self, maps: BrainMaps, names: Sequence[str], alpha: float | None) -> "Drawing":
        """Draw maps ``names``.

        Parameters
        ----------
        maps
            What a searchlight found.
        names
            One of :meth:`cells`.
        alpha
            Mark centres whose p, adjusted for all centres of a map, is at most this; None where there is no test.
        """

    @abstractmethod
    def caption(self, maps: BrainMaps, names: Sequence[str], alpha: float | None) -> str:
        """Return the caption, without what :func:`caption_of` says of every figure."""


def map_figures() -> dict[str, type[MapFigure]]:
    """Return every figure of maps by name."""
    return available("report.map_figures", MapFigure)


def drawable(maps: BrainMaps) -> tuple[str, ...]:
    """Return the names of maps with a finite score."""
    return tuple(name for name in maps.names if np.isfinite(maps.map(name)).any())


def caption_of(figure: MapFigure, maps: BrainMaps, names: Sequence[str], alpha: float | None) -> str:
    """Return the caption of a figure: what is drawn, of whom, and the test."""
    simulated = "SIMULATED: no brain was recorded." if maps.facts.get("simulated") else ""
    who = f"{len(maps.subjects)} subjects" if len(maps.subjects) > 1 else f"subject {maps.subjects[0]}"
    compared = str(maps.facts.get("comparator"))
    measure = f"Scores: {UNITS.get(compared, compared)} of RDMs, mean over seeds and {who}."
    marked = "" if alpha is None else _marked_sentence(maps, names, alpha)
    test = maps.test.sentence if maps.test else "No test was made."
    said = (simulated, figure.caption(maps, names, alpha), f"Shown: {listed(list(names))}.", measure, marked, test)
    return " ".join(one for one in said if one)


def _marked_sentence(maps: BrainMaps, names: Sequence[str], alpha: float) -> str:
    """Return what outlines mean, or that there are none."""
    if any((maps.map(name, "p_fwe") <= alpha).any() for name in names):
        return f"Outlines: p <= {alpha:g}, adjusted for all centres of a map."
    return f"No centre has p <= {alpha:g}, adjusted for all centres of a map; none is outlined."

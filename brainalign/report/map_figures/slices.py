"""Slices of a volume, a figure for each map."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np

from brainalign.geometry.volume import Volume
from brainalign.report.map_figure import MapFigure, drawable
from brainalign.report.style import paper
from brainalign.searchlights.brain_maps import BrainMaps
from brainalign.searchlights.drawing import draw_slices, label_of, title_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


class Slices(MapFigure):
    """Slices across the third axis of the image."""

    file: ClassVar[str] = "slices"
    heading: ClassVar[str] = "Slices"
    place: ClassVar[int] = 2

    def cells(self, maps: BrainMaps) -> Sequence[tuple[str, ...]]:
        """Return each map of a volume."""
        there = any(isinstance(one, Volume) for one, _ in maps.geometry.parts())
        return [(name,) for name in drawable(maps)] if there else ()

    def draw(self, maps: BrainMaps, names: Sequence[str], alpha: float | None) -> "Drawing":
        """Draw the slices of one map."""
        (name,) = names
        volume, channels = next((one, own) for one, own in maps.geometry.parts() if isinstance(one, Volume))
        values = maps.map(name)[channels]
        marked = np.zeros(len(values), bool) if alpha is None else maps.map(name, "p_fwe")[channels] <= alpha
        with paper():
            return cast("Drawing", draw_slices(volume, values, marked, title_of(maps, name), label_of(maps)))

    def caption(self, maps: BrainMaps, names: Sequence[str], alpha: float | None) -> str:
        """Return what is drawn."""
        del maps, names, alpha
        return "Slices across the third axis of the image, evenly spaced where there are many. Grey: no centre."

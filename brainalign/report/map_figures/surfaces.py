"""Surfaces of both hemispheres, a figure for each map."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from brainalign.geometry.surface import Surface
from brainalign.report.map_figure import MapFigure, drawable
from brainalign.report.style import paper
from brainalign.searchlights.brain_maps import BrainMaps
from brainalign.searchlights.drawing import label_of, title_of
from brainalign.searchlights.surface_drawing import draw_surface

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


class Surfaces(MapFigure):
    """Scores on the meshes of the searchlight, from outside, from inside and from below."""

    file: ClassVar[str] = "surfaces"
    heading: ClassVar[str] = "Surfaces"
    place: ClassVar[int] = 3

    def cells(self, maps: BrainMaps) -> Sequence[tuple[str, ...]]:
        """Return each map that lies on meshes."""
        there = maps.meshes and any(isinstance(one, Surface) for one, _ in maps.geometry.parts())
        return [(name,) for name in drawable(maps)] if there else ()

    def draw(self, maps: BrainMaps, names: Sequence[str], alpha: float | None) -> "Drawing":
        """Draw one map on its meshes."""
        (name,) = names
        surface, channels = next((one, own) for one, own in maps.geometry.parts() if isinstance(one, Surface))
        marked = None if alpha is None else maps.map(name, "p_fwe")[channels] <= alpha
        with paper():
            values, meshes = maps.map(name)[channels], maps.meshes or {}
            drawn = draw_surface(surface, meshes, values, title_of(maps, name), label_of(maps), marked)
        return cast("Drawing", drawn)

    def caption(self, maps: BrainMaps, names: Sequence[str], alpha: float | None) -> str:
        """Return what is drawn."""
        del maps, names, alpha
        return "Scores on the surface, from outside, from inside and from below. Grey: no centre."

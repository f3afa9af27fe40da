"""Maximum projections: the largest score along each axis of the image, a row for each map."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from brainalign.cell_pictures import colour_bar
from brainalign.geometry.volume import Volume
from brainalign.report.map_figure import MapFigure, drawable
from brainalign.report.style import DOUBLE, new_figure, paper
from brainalign.searchlights.brain_maps import BrainMaps
from brainalign.searchlights.drawing import label_of, paint, title_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

#: Maps in one figure at most; axes of the image that the planes have, and the one that is looked along.
_ROWS, _PLANES = 6, (((1, 2), 0), ((0, 2), 1), ((0, 1), 2))


class Projections(MapFigure):
    """The brain seen through, along the three axes of the image, all maps in the same colours."""

    file: ClassVar[str] = "projections"
    heading: ClassVar[str] = "Largest scores along each axis"
    place: ClassVar[int] = 1

    def cells(self, maps: BrainMaps) -> Sequence[tuple[str, ...]]:
        """Return maps, several to a figure, of volumes that are more than one voxel thick."""
        volume, _ = _volume(maps)
        if volume is None or (np.ptp(volume.index, axis=0) == 0).any():
            return ()
        names = drawable(maps)
        return [names[k : k + _ROWS] for k in range(0, len(names), _ROWS)]

    def draw(self, maps: BrainMaps, names: Sequence[str], alpha: float | None) -> "Drawing":
        """Draw the projections."""
        volume, channels = _volume(maps)
        assert volume is not None  # cells has looked
        values = [maps.map(name)[channels] for name in names]
        ends = float(np.nanmin(values)), float(np.nanmax(values))
        sides = np.linalg.norm(volume.affine[:3, :3], axis=0) * (np.ptp(volume.index, axis=0) + 2)
        widths = [sides[axes[0]] for axes, _ in _PLANES]
        with paper():
            height = DOUBLE * 0.8 * max(sides[axes[1]] for axes, _ in _PLANES) / sum(widths) + 0.35
            figure = new_figure(DOUBLE, height * len(names) + 0.2)
            grid = figure.subplots(len(names), 3, squeeze=False, width_ratios=widths)
            shown: Any = None
            for row, (name, own) in enumerate(zip(names, values, strict=True)):
                marked = np.zeros(len(own), bool) if alpha is None else maps.map(name, "p_fwe")[channels] <= alpha
                for panel, (axes, along) in zip(grid[row], _PLANES, strict=True):
                    shown = _project(panel, volume, own, marked, ends, axes, along)
                grid[row][0].set_title(title_of(maps, name))
            colour_bar(shown, list(grid.ravel()), label_of(maps), aspect=20 * len(names) ** 0.5)
        return figure

    def caption(self, maps: BrainMaps, names: Sequence[str], alpha: float | None) -> str:
        """Return what is drawn."""
        del maps, names, alpha
        return "The largest score along each axis of the image, in the same colours for all maps. Grey: no centre."


def _volume(maps: BrainMaps) -> tuple[Volume | None, np.ndarray]:
    parts = maps.geometry.parts()
    return next(((one, own) for one, own in parts if isinstance(one, Volume)), (None, np.empty(0, int)))


def _project(
    panel: Any, volume: Volume, values: np.ndarray, marked: np.ndarray, ends: tuple[float, float],
    axes: tuple[int, int], along: int,
) -> Any:  # fmt: skip
    """Draw one plane, cut to where there are centres."""
    low, high = volume.index.min(axis=0) - 1, volume.index.max(axis=0) + 2
    cube, line = np.full(high - low, -np.inf), np.zeros(high - low, dtype=bool)
    place = tuple((volume.index - low).T)
    cube[place], line[place] = np.where(np.isfinite(values), values, -np.inf), marked
    plane = cube.max(axis=along)
    outline = np.asarray(line.any(axis=along))
    return paint(panel, np.where(np.isfinite(plane), plane, np.nan), outline, ends, volume.affine, axes)

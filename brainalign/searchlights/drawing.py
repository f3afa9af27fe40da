"""A map as a figure: slices and planes of a volume; surfaces are drawn beside."""

from typing import TYPE_CHECKING, Any

import numpy as np

from brainalign.cell_pictures import colour_bar, outline
from brainalign.comparisons.rsa import UNITS
from brainalign.errors import SpecError
from brainalign.geometry.surface import Surface
from brainalign.geometry.volume import Volume
from brainalign.searchlights.surface_drawing import draw_surface

if TYPE_CHECKING:
    from brainalign.searchlights.brain_maps import BrainMaps

#: Width of a figure at most, and of a slice, in inches: a page has two columns of 89 mm.
_WIDEST, _SIDE = 183 / 25.4, 2.6
#: Slices that are shown at most, and in a row; colours.
_SLICES, _ABREAST, _COLOURS, _OUTSIDE = 8, 4, "viridis", "0.93"
#: What a map can hold, as a colour bar says it.
WORDS = {
    "score": "score", "ceiling_lower": "noise ceiling (lower)", "ceiling_upper": "noise ceiling (upper)", "p": "p",
    "p_fwe": "p, all centres", "p_all": "p, all centres and maps",
}  # fmt: skip


def draw(maps: "BrainMaps", name: str | None, what: str, alpha: float | None, ax: Any) -> Any:
    """Return the figure of a map; see :meth:`BrainMaps.plot`."""
    values = maps.map(name, what)
    outlined = np.zeros(len(values), bool) if alpha is None else maps.map(name, "p_fwe") <= alpha
    if not np.isfinite(values).any():
        msg = f"Map {name or maps.names[0]!r} has no finite {what}; nothing can be drawn."
        raise SpecError(msg)
    title = title_of(maps, name)
    part, channels = maps.geometry.parts()[0]
    if isinstance(part, Surface) and maps.meshes and ax is None:
        marked = None if alpha is None else outlined[channels]
        return draw_surface(part, maps.meshes, values[channels], title, label_of(maps, what), marked)
    if not isinstance(part, Volume):
        msg = "A surface is drawn into a figure of its own, on the meshes of the searchlight; leave ax out."
        raise SpecError(msg)
    return draw_slices(part, values[channels], outlined[channels], title, label_of(maps, what), ax)


def title_of(maps: "BrainMaps", name: str | None) -> str:
    """Return the name of a map, with what must be said before it."""
    return ("SIMULATED " if maps.facts.get("simulated") else "") + (name or maps.names[0])


def label_of(maps: "BrainMaps", what: str = "score") -> str:
    """Return what the colours of a map are, with their unit."""
    unit = UNITS.get(str(maps.facts.get("comparator")), str(maps.facts.get("comparator") or ""))
    return WORDS[what] if what.startswith("p") or not unit else f"{WORDS[what]} ({unit})"


def draw_slices(
    volume: Volume, values: np.ndarray, outlined: np.ndarray, title: str, label: str, ax: Any = None
) -> Any:
    """Draw slices of a volume of values ``(n_voxels,)``, or the one with the largest value into ``ax``."""
    from matplotlib import pyplot as plt

    index = volume.index
    ends = float(np.nanmin(values)), float(np.nanmax(values))
    levels = np.unique(index[:, 2])
    if ax is not None:
        levels = np.array([index[int(np.nanargmax(values)), 2]])
    elif len(levels) > _SLICES:
        levels = levels[np.linspace(0, len(levels) - 1, _SLICES).round().astype(int)]
    if ax is None:
        columns = min(len(levels), _ABREAST)
        rows = -(-len(levels) // columns)
        side = min(_SIDE, (_WIDEST - 0.9) / columns)  # inches
        sizes = np.linalg.norm(volume.affine[:3, :2], axis=0) * volume.shape[:2]
        size = (side * columns + 0.9, rows * (side * sizes[1] / sizes[0] + 0.3) + 0.3)
        figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
        panels = list(grid.ravel()[: len(levels)])
        for empty in grid.ravel()[len(levels) :]:
            empty.remove()
    else:
        figure, panels = ax.figure, [ax]
    shown: Any = None
    for level, panel in zip(levels, panels, strict=True):
        own = index[:, 2] == level
        picture, line = np.full(volume.shape[:2], np.nan), np.zeros(volume.shape[:2], dtype=bool)
        picture[index[own, 0], index[own, 1]] = values[own]
        line[index[own, 0], index[own, 1]] = outlined[own]
        shown = paint(panel, picture, line, ends, volume.affine)
        z = float((volume.affine @ np.array([0, 0, level, 1]))[2])
        panel.set_title(f"z = {z:.0f} mm" if len(levels) > 1 else title, fontsize="medium")
    if ax is None and len(levels) > 1:
        figure.suptitle(title, fontsize="large")
    colour_bar(shown, panels, label, aspect=20)
    return figure


def paint(
    panel: Any,
    picture: np.ndarray,
    line: np.ndarray,
    ends: tuple[float, float],
    affine: np.ndarray,
    axes: tuple[int, int] = (0, 1),
) -> Any:
    """Draw a plane ``(n, m)`` as voxels lie in the image, first axis to the right and second up; return the picture.

    Parameters
    ----------
    panel
        Axes of matplotlib.
    picture, line
        Values, NaN where there is no centre, and what lies within the outline.
    ends
        Lowest and highest value of the colours.
    affine
        Of the image; the sides of the plane are named after it.
    axes
        Which axes of the image the plane has.
    """
    from matplotlib import colormaps

    colours = colormaps[_COLOURS].with_extremes(bad=_OUTSIDE)
    shown = panel.imshow(picture.T, origin="lower", cmap=colours, vmin=ends[0], vmax=ends[1], interpolation="nearest")
    outline(panel, line.T, *(np.arange(n + 1) - 0.5 for n in line.shape))
    lie = affine[:3, list(axes)]
    sizes = np.linalg.norm(lie, axis=0)
    panel.set_aspect(sizes[1] / sizes[0])
    panel.set_xticks([])
    panel.set_yticks([])
    panel.spines[:].set_visible(False)
    for side, (axis, sign) in {"right": (0, 1), "left": (0, -1), "top": (1, 1), "bottom": (1, -1)}.items():
        _name(panel, side, _direction(sign * lie[:, axis]))
    return shown


def _direction(step: np.ndarray) -> str:
    """Return the letter of the side of the body to which an axis of the image points."""
    k = int(np.abs(step).argmax())
    return ("R" if step[k] > 0 else "L", "A" if step[k] > 0 else "P", "S" if step[k] > 0 else "I")[k]


def _name(panel: Any, side: str, letter: str) -> None:
    from matplotlib.patheffects import withStroke

    place = {"right": (0.98, 0.5), "left": (0.02, 0.5), "top": (0.5, 0.98), "bottom": (0.5, 0.02)}[side]
    across = {"right": "right", "left": "left"}.get(side, "center")
    along = {"top": "top", "bottom": "bottom"}.get(side, "center")
    halo = [withStroke(linewidth=1.5, foreground="white")]  # it may stand on any colour
    panel.text(*place, letter, transform=panel.transAxes, ha=across, va=along, fontsize=7, path_effects=halo)

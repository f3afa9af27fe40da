"""A map as a figure: slices of a volume, both sides of a surface."""

from typing import TYPE_CHECKING, Any

import numpy as np

from brainalign.errors import SpecError
from brainalign.geometry.surface import Surface

if TYPE_CHECKING:
    from brainalign.searchlights.brain_maps import BrainMaps

#: Slices that are shown at most, and colours.
_SLICES, _COLOURS, _OUTSIDE = 8, "viridis", "0.93"
_WORDS = {
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
    title = f"{name or maps.names[0]}"
    title = f"SIMULATED {title}" if maps.facts.get("simulated") else title
    if isinstance(maps.geometry, Surface):
        return _surface(maps, values, title, _WORDS[what], ax)
    return _slices(maps, values, outlined, title, _WORDS[what], ax)


def _slices(maps: "BrainMaps", values: np.ndarray, outlined: np.ndarray, title: str, label: str, ax: Any) -> Any:
    from matplotlib import pyplot as plt

    index = maps.geometry.index  # type: ignore[attr-defined]  # no surface is a volume
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    levels = np.unique(index[:, 2])
    if ax is not None:
        levels = np.array([index[int(np.nanargmax(values)), 2]])
    elif len(levels) > _SLICES:
        levels = levels[np.linspace(0, len(levels) - 1, _SLICES).round().astype(int)]
    if ax is None:
        figure, grid = plt.subplots(1, len(levels), figsize=(2.2 * len(levels) + 1.2, 3.0), squeeze=False)
        panels = list(grid[0])
    else:
        figure, panels = ax.figure, [ax]
    shown: Any = None
    for level, panel in zip(levels, panels, strict=True):
        shown = _slice(panel, maps, index[:, 2] == level, values, outlined, (low, high))
        z = float((maps.geometry.affine @ np.array([0, 0, level, 1]))[2])  # type: ignore[attr-defined]
        panel.set_title(f"z = {z:.0f} mm" if len(levels) > 1 else title, fontsize=9)
    if ax is None and len(levels) > 1:
        figure.suptitle(title, fontsize=10)
    figure.colorbar(shown, ax=panels, label=label, shrink=0.8)
    return figure


def _slice(
    panel: Any, maps: "BrainMaps", own: np.ndarray, values: np.ndarray, outlined: np.ndarray, ends: tuple[float, float]
) -> Any:
    """Draw one slice as voxels lie in the image, first axis to the right and second up."""
    from matplotlib import colormaps

    index, shape = maps.geometry.index, maps.geometry.shape  # type: ignore[attr-defined]
    picture, line = np.full(shape[:2], np.nan), np.zeros(shape[:2])
    picture[index[own, 0], index[own, 1]] = values[own]
    line[index[own, 0], index[own, 1]] = outlined[own]
    colours = colormaps[_COLOURS].with_extremes(bad=_OUTSIDE)
    shown = panel.imshow(picture.T, origin="lower", cmap=colours, vmin=ends[0], vmax=ends[1], interpolation="nearest")
    if line.any():
        fine = np.kron(line, np.ones((8, 8)))
        place = (np.arange(n) / 8 - 7 / 16 for n in fine.shape)
        panel.contour(*place, fine.T, levels=[0.5], colors="red", linewidths=1.2)
    lie = maps.geometry.affine[:3, :2]  # type: ignore[attr-defined]
    sizes = np.linalg.norm(lie, axis=0)
    panel.set_aspect(sizes[1] / sizes[0])
    panel.set_xticks([])
    panel.set_yticks([])
    for side, (axis, sign) in {"right": (0, 1), "left": (0, -1), "top": (1, 1), "bottom": (1, -1)}.items():
        _name(panel, side, _direction(sign * lie[:, axis]))
    return shown


def _direction(step: np.ndarray) -> str:
    """Return the letter of the side of the body to which an axis of the image points."""
    k = int(np.abs(step).argmax())
    return ("R" if step[k] > 0 else "L", "A" if step[k] > 0 else "P", "S" if step[k] > 0 else "I")[k]


def _name(panel: Any, side: str, letter: str) -> None:
    place = {"right": (0.98, 0.5), "left": (0.02, 0.5), "top": (0.5, 0.98), "bottom": (0.5, 0.02)}[side]
    across = {"right": "right", "left": "left"}.get(side, "center")
    along = {"top": "top", "bottom": "bottom"}.get(side, "center")
    panel.text(*place, letter, transform=panel.transAxes, ha=across, va=along, fontsize=7, color="0.35")


def _surface(maps: "BrainMaps", values: np.ndarray, title: str, label: str, ax: Any) -> Any:
    from matplotlib import pyplot as plt
    from nilearn.plotting import plot_surf_stat_map

    if ax is not None or not maps.meshes:
        msg = "A surface is drawn into a figure of its own, on the meshes of the searchlight; leave ax out."
        raise SpecError(msg)
    parts = maps.geometry.arrays(values)  # type: ignore[attr-defined]  # draw has looked
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    figure = plt.figure(figsize=(3.2 * 2 * len(parts), 3.0))
    sides = {"L": "left", "R": "right"}
    views = [(side, view) for side in parts for view in ("lateral", "ventral")]
    for k, (side, view) in enumerate(views):
        panel = figure.add_subplot(1, len(views), k + 1, projection="3d")
        points, faces = maps.meshes[sides[side]]
        whole = np.nan_to_num(parts[side], nan=low)
        plot_surf_stat_map(
            (points, faces), whole, hemi=sides[side], view=view, axes=panel, figure=figure,
            colorbar=k == len(views) - 1, vmin=low, vmax=high, cmap=_COLOURS, bg_on_data=False,
            title=f"{sides[side]}, {view}",
        )  # fmt: skip
    figure.suptitle(f"{title}: {label}", fontsize=10)
    return figure

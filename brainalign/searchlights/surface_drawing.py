"""Values on the meshes of two hemispheres as a figure."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from brainalign.cell_pictures import mark_zero
from brainalign.geometry.surface import SIDES, Surface

_COLOURS, _OUTSIDE, _OUTLINE = "viridis", (0.85, 0.85, 0.85, 1.0), (0.0, 0.0, 0.0, 1.0)
#: Elevation and azimuth in degrees of each view, by side; meshes have x to the right, y to the front, z up.
_VIEWS = {
    "outside": {"L": (0, 180), "R": (0, 0)},
    "inside": {"L": (0, 0), "R": (0, 180)},
    "below": {"L": (-90, 90), "R": (-90, 90)},
}


def draw_surface(
    surface: Surface,
    meshes: Mapping[str, tuple[np.ndarray, np.ndarray]],
    values: np.ndarray,
    title: str,
    label: str,
    marked: np.ndarray | None = None,
) -> Any:
    """Return a figure of each hemisphere from outside, from inside and from below, a row for each.

    Parameters
    ----------
    surface
        Which vertex each value is of.
    meshes
        ``"left"`` and ``"right"`` to coordinates ``(n, 3)`` and faces ``(m, 3)``.
    values
        ``(n_vertices,)``; what is NaN, and vertices without a value, are grey.
    title, label
        Of the figure, and of the colours.
    marked
        ``(n_vertices,)`` vertices that get an outline; faces that join one to another are black.
    """
    from matplotlib import colormaps
    from matplotlib import pyplot as plt
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    parts = surface.arrays(values)
    inside = surface.arrays(np.zeros(len(values)) if marked is None else marked.astype(float))
    scale = ScalarMappable(Normalize(float(np.nanmin(values)), float(np.nanmax(values))), colormaps[_COLOURS])
    figure = plt.figure(figsize=(6.6, 2.0 * len(parts) + 0.3))
    panels = []
    for row, side in enumerate(parts):
        points, faces = meshes[SIDES[side]]
        colours = _face_colours(faces, parts[side], np.nan_to_num(inside[side]) > 0, scale)
        for column, view in enumerate(_VIEWS):
            panel: Any = figure.add_subplot(len(parts), 3, 3 * row + column + 1, projection="3d")
            _show(panel, np.asarray(points), np.asarray(faces), colours, _VIEWS[view][side])
            panel.set_title(f"{SIDES[side]}, {view}", fontsize="medium", y=1.0)
            panels.append(panel)
    figure.subplots_adjust(left=0.0, right=0.88, bottom=0.0, top=0.86, wspace=0.0, hspace=0.05)
    mark_zero(figure.colorbar(scale, cax=figure.add_axes((0.89, 0.2, 0.015, 0.6)), label=label))
    figure.suptitle(title, fontsize="large")
    return figure


def _face_colours(faces: np.ndarray, values: np.ndarray, inside: np.ndarray, scale: Any) -> np.ndarray:
    """Return ``(n_faces, 4)`` colours: of the mean of the corners, grey where one has no value."""
    means = values[faces].mean(axis=1)
    colours = np.asarray(scale.to_rgba(np.nan_to_num(means)))
    colours[~np.isfinite(means)] = _OUTSIDE
    corners = inside[faces].sum(axis=1)
    colours[(corners > 0) & (corners < 3)] = _OUTLINE
    return colours


def _show(panel: Any, points: np.ndarray, faces: np.ndarray, colours: np.ndarray, view: tuple[int, int]) -> None:
    """Draw the faces that look at the viewer, darker where they turn away."""
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    elevation, azimuth = np.deg2rad(view)
    eye = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    corners = points[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    outward = np.sign((normal * (corners.mean(axis=1) - points.mean(axis=0))).sum(axis=1).mean()) or 1.0
    facing = outward * (normal @ eye)
    seen = facing > 0
    shaded = colours[seen].copy()
    shaded[:, :3] *= (0.55 + 0.45 * facing[seen])[:, None]
    panel.add_collection3d(Poly3DCollection(corners[seen], facecolors=shaded, edgecolors=shaded, linewidths=0.3))
    low, high = points.min(axis=0), points.max(axis=0)
    thick = 0.01 * (high - low).max()  # a flat map has no depth of its own
    low, high = low - thick, high + thick
    panel.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(low[2], high[2]))
    panel.set_box_aspect(high - low, zoom=1.2)
    panel.set_proj_type("ortho")
    panel.view_init(elev=view[0], azim=view[1])
    panel.set_axis_off()

"""Where maps are highest: a few peaks of each, apart from one another."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from brainalign.errors import SpecError
from brainalign.geometry.surface import SIDES, Surface
from brainalign.geometry.volume import Volume
from brainalign.searchlights.centre_table import table_of_means

if TYPE_CHECKING:
    from brainalign.searchlights.brain_maps import BrainMaps


def peaks_of(maps: "BrainMaps", apart: float | None, most: int) -> pd.DataFrame:
    """Return rows of the table of centres: see :meth:`BrainMaps.peaks`."""
    apart = 2 * float(maps.facts.get("radius", 0)) if apart is None else apart
    if apart < 0 or most < 1:
        msg = f"apart = {apart:g} mm, most = {most}; expected 0 or more, and 1 or more."
        raise SpecError(msg)
    table, n = table_of_means(maps), len(maps.geometry)
    points, part = _points(maps)
    rows = []
    for k in range(len(maps.names)):
        scores = table["score"].to_numpy()[k * n : (k + 1) * n]
        chosen = _apart(scores, points, part, apart, most)
        rows.append(table.iloc[k * n + np.array(chosen, dtype=int)].assign(peak=range(1, len(chosen) + 1)))
    found = pd.concat(rows, ignore_index=True)
    first = ["map", "peak"]
    return found[[*first, *(name for name in found.columns if name not in first)]]


def _apart(scores: np.ndarray, points: np.ndarray, part: np.ndarray, apart: float, most: int) -> list[int]:
    """Return the centres with the highest scores, no two of one part nearer than ``apart``; equal scores by place."""
    left = np.where(np.isfinite(scores), scores, -np.inf)
    chosen: list[int] = []
    while len(chosen) < most and np.isfinite(left.max()):
        k = int(left.argmax())
        chosen.append(k)
        near = (part == part[k]) & (np.linalg.norm(points - points[k], axis=1) < apart)
        left[near] = -np.inf
        left[k] = -np.inf
    return chosen


def _points(maps: "BrainMaps") -> tuple[np.ndarray, np.ndarray]:
    """Return the places of centres in mm ``(n, 3)``, and a number for each hemisphere or volume ``(n,)``."""
    points, part = np.zeros((len(maps.geometry), 3)), np.zeros(len(maps.geometry), dtype=int)
    for one, channels in maps.geometry.parts():
        if isinstance(one, Volume):
            points[channels] = one.points()
        elif isinstance(one, Surface):
            meshes: Any = maps.meshes or {}
            for number, side in enumerate(one.n_vertices):
                own = one.side == side
                points[channels[own]] = np.asarray(meshes[SIDES[side]][0])[one.vertex[own]]
                part[channels[own]] = 1 + number
    return points, part

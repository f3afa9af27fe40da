"""Maps as tables: a row for each centre."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from brainalign.geometry.surface import Surface
from brainalign.geometry.volume import Volume

if TYPE_CHECKING:
    from brainalign.searchlights.brain_maps import BrainMaps


def table_of_means(maps: "BrainMaps") -> pd.DataFrame:
    """Return a row for each centre and map: place, mm, what the map is of, and all that it holds."""
    places, parts = _places(maps), []
    for name in maps.names:
        own = maps.models[maps.models["map"] == name]
        about = {"map": name, "model": own["model"].iloc[0], "layer": own["layer"].iloc[0], "n_seeds": len(own)}
        values = {what: maps.map(name, what) for what in maps.contents}
        parts.append(places.assign(**about, n_subjects=len(maps.subjects), **values))
    return pd.concat(parts, ignore_index=True)


def table_of_each(maps: "BrainMaps") -> pd.DataFrame:
    """Return a row for each centre, model, seed and subject, with its score."""
    places = _places(maps)
    parts = [
        places.assign(**_about(maps, row), subject=subject, score=maps.scores[k, row])
        for row in range(len(maps.models))
        for k, subject in enumerate(maps.subjects)
    ]
    return pd.concat(parts, ignore_index=True)


def _about(maps: "BrainMaps", row: int) -> dict[str, Any]:
    return {str(name): value for name, value in maps.models.iloc[row].items()}


def _places(maps: "BrainMaps") -> pd.DataFrame:
    found: dict[str, Any] = {"place": maps.geometry.names()}
    n, parts = len(maps.geometry), maps.geometry.parts()
    for part, channels in parts:
        if isinstance(part, Volume):
            columns = dict(zip("xyz", np.round(part.points(), 6).T, strict=True))
        elif isinstance(part, Surface):
            columns = {"side": part.side, "vertex": part.vertex}
        else:
            continue
        found |= {name: values if len(parts) == 1 else _spread(values, channels, n) for name, values in columns.items()}
    return pd.DataFrame({**found, "n_places": maps.n_places})


def _spread(values: np.ndarray, channels: np.ndarray, n: int) -> pd.Series:
    """Return values of some channels among all, empty elsewhere."""
    kind: Any = {"i": "Int64", "U": object}.get(values.dtype.kind, float)
    return pd.Series(values, index=channels).reindex(range(n)).astype(kind)

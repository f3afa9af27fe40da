"""Atlases and regions of interest: labels by name, as masks over the places of maps."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from brainalign.errors import DataError
from brainalign.geometry.volume import Volume
from brainalign.readers.damage import require_data
from brainalign.readers.maps import Maps, hemisphere, load_image, require_grid

_NO_REGION = ("unknown", "???", "medialwall", "medial_wall", "background", "")


def read_atlas(
    path: str | os.PathLike[str], maps: Maps, names: str | os.PathLike[str] | Mapping[int, str] | None = None
) -> dict[str, np.ndarray]:
    """Return the regions of an atlas as masks over the places of ``maps``, ``(n_places,)`` each, by name.

    Parameters
    ----------
    path
        A label volume on the grid of ``maps``; a GIFTI label file, ``.annot`` or ``.label`` of the same hemisphere; a
        CIFTI ``.dlabel.nii`` on the same grayordinates.
    maps
        What it is laid over.
    names
        Of a volume: number to name, or a table with the columns ``index`` and ``name`` (BIDS ``dseg.tsv``), or a
        FreeSurfer colour table. Other files name their labels themselves.

    Returns
    -------
    masks
        Regions of which no place is among ``maps`` are left out, and so is what is labelled unknown or 0.

    Raises
    ------
    DataError
        If the atlas is damaged or lies on another grid, has labels without names, or shares no place with the maps.
    """
    file = require_data(path)
    labels, table = _labels(file, maps, names)
    found: dict[str, np.ndarray] = {}
    for value in np.unique(labels):
        name = table.get(int(value))
        if name is None and value != 0:
            have = ", ".join(f"{key} = {one}" for key, one in list(table.items())[:3]) or "none"
            msg = f"{str(file)!r}: label {int(value)} has no name; expected one in the table ({have}). Give names."
            raise DataError(msg)
        if name is None or name.lower() in _NO_REGION:
            continue
        mask = labels == value
        found[name] = found[name] | mask if name in found else mask
    if not found:
        msg = (
            f"{str(file)!r} has no region among the {len(maps.places)} places of {maps.name}; expected some. Look at "
            "both."
        )
        raise DataError(msg)
    return found


def _labels(file: Path, maps: Maps, names: Any) -> tuple[np.ndarray, dict[int, str]]:
    """Return the label of each place, and names by label."""
    if file.suffix in (".annot", ".label"):
        return _freesurfer(file, maps)
    import nibabel

    image = load_image(file)
    if isinstance(image, nibabel.GiftiImage):
        values = np.asarray(image.darrays[0].data).ravel()
        _require_vertices(values, file, maps)
        return values[_vertices(maps)], dict(image.labeltable.get_labels_as_dict())
    if isinstance(image, nibabel.Cifti2Image):
        return _dlabel(image, file, maps)
    grid = maps.geometry
    if not isinstance(grid, Volume):
        msg = f"{str(file)!r} is a volume, {maps.name} is none; expected an atlas of the same places."
        raise DataError(msg)
    require_grid(image, grid.shape, grid.affine, str(file), maps.name)
    values = np.asanyarray(image.dataobj).reshape(grid.shape)[tuple(grid.index.T)]
    if not np.array_equal(values, np.round(values)):
        msg = (
            f"{str(file)!r} holds decimal numbers; expected labels. Threshold a probability map first, or give a mask."
        )
        raise DataError(msg)
    return values.astype(int), _names(names, file)


def _names(names: Any, file: Path) -> dict[int, str]:
    if names is None:
        msg = f"{str(file)!r}: a volume does not name its labels. Give names = the table of the atlas, or {{1: 'V1'}}."
        raise DataError(msg)
    if isinstance(names, Mapping):
        return {int(key): str(value) for key, value in names.items()}
    table = {}
    lines = require_data(names).read_text("utf-8-sig").splitlines()
    header = lines[0].strip().split("\t") if lines else []
    if {"index", "name"} <= set(header):
        columns = header.index("index"), header.index("name")
        rows = [line.split("\t") for line in lines[1:] if line.strip()]
        return {int(float(row[columns[0]])): row[columns[1]].strip() for row in rows}
    for line in lines:  # a FreeSurfer colour table: number, name, red, green, blue, alpha
        parts = line.split()
        if len(parts) >= 2 and parts[0].isdigit():
            table[int(parts[0])] = parts[1]
    if not table:
        msg = f"{str(names)!r} names no labels; expected the columns index and name, or lines 'number name'."
        raise DataError(msg)
    return table


def _freesurfer(file: Path, maps: Maps) -> tuple[np.ndarray, dict[int, str]]:
    from nibabel import freesurfer

    vertices = _vertices(maps)
    try:
        if file.suffix == ".label":
            _require_rows(file)
            members = freesurfer.read_label(str(file))
            return np.isin(vertices, members).astype(int), {1: file.stem}
        values, _, names = freesurfer.read_annot(str(file))
    except Exception as error:  # a damaged binary file
        msg = (
            f"{str(file)!r} cannot be read ({' '.join(str(error).split())[:160]}); expected a FreeSurfer file. Fetch "
            "it."
        )
        raise DataError(msg) from error
    _require_vertices(values, file, maps)
    # -1 is a vertex without a label; 0 is a label of its own, so all are counted from 1
    return values[vertices] + 1, {k + 1: name.decode() for k, name in enumerate(names)}


def _require_rows(file: Path) -> None:
    """Refuse a label that does not hold as many vertices as its second line says, which nibabel does not look at."""
    lines = file.read_text("ascii", "replace").splitlines()
    stated = lines[1].strip() if len(lines) > 1 else ""
    n = sum(len(line.split()) == _OF_VERTEX for line in lines[2:])
    if not stated.isdigit() or int(stated) != n:
        what = f"its second line says {stated} vertices and {n} are there" if stated.isdigit() else "no number of them"
        msg = f"its vertices are not whole: {what}"
        raise ValueError(msg)


# vertex, three coordinates, value
_OF_VERTEX = 5


def _vertices(maps: Maps) -> np.ndarray:
    if maps.kind != "surface":
        msg = f"{maps.name} is no surface; expected maps over vertices for an atlas of vertices."
        raise DataError(msg)
    return np.array([int(one.split("-")[1]) for one in maps.places])


def _require_vertices(values: np.ndarray, file: Path, maps: Maps) -> None:
    """Refuse an atlas of another mesh or of the other hemisphere."""
    sides = {hemisphere(file), maps.places[0].split("-")[0]} - {"?"}
    if len(sides) > 1:
        msg = f"{str(file)!r} is of the other hemisphere than {maps.name}; expected the same. Give that of this side."
        raise DataError(msg)
    if _vertices(maps).max() >= len(values):
        n = int(_vertices(maps).max()) + 1
        msg = f"{str(file)!r} has {len(values)} vertices, {maps.name} at least {n}; expected the same mesh."
        raise DataError(msg)


def _dlabel(image: Any, file: Path, maps: Maps) -> tuple[np.ndarray, dict[int, str]]:
    from brainalign.readers.maps import read_maps

    own = read_maps(file)
    where = {place: k for k, place in enumerate(own.places)}
    at = [where.get(place, -1) for place in maps.places]
    if min(at) < 0:
        n = sum(one < 0 for one in at)
        msg = f"{str(file)!r} lacks {n} of {len(at)} places of {maps.name}; expected the same grayordinates."
        raise DataError(msg)
    axis = image.header.get_axis(0)
    names = {int(key): str(value[0]) for key, value in axis.label[0].items()} if hasattr(axis, "label") else {}
    return own.data[0, at].astype(int), names

"""Which channels lie around every place: spheres of voxels, discs of a surface."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from brainalign.errors import DataError, SpecError
from brainalign.geometry.geometry import Geometry
from brainalign.geometry.surface import SIDES, Surface
from brainalign.geometry.volume import Volume
from brainalign.readers.maps import load_image

#: Centres looked for at once, and bytes of distances held at once.
_CENTRES, _BYTES = 4096, 2**26
#: Rounding of mm that float32 affines and meshes leave.
_SLACK = 1e-4

Meshes = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Patches:
    """The channels around each centre.

    Parameters
    ----------
    centres
        ``(n_centres,)`` channel at the centre of each patch.
    starts
        ``(n_centres + 1,)`` where the members of each begin in ``members``.
    members
        Channels of all patches, one patch after another, each in increasing order.
    sentence
        How they were made, for captions.
    """

    centres: np.ndarray
    starts: np.ndarray
    members: np.ndarray
    sentence: str

    def __len__(self) -> int:
        return len(self.centres)

    def of(self, k: int) -> np.ndarray:
        """Return the channels of patch ``k``."""
        return self.members[self.starts[k] : self.starts[k + 1]]

    @property
    def sizes(self) -> np.ndarray:
        """``(n_centres,)`` number of channels of each."""
        return np.diff(self.starts)


def patches_of(
    geometry: Geometry,
    radius: float,
    min_places: int | None = None,
    distance: str = "geodesic",
    meshes: Meshes | None = None,
) -> Patches:
    """Return the patch around every place.

    Parameters
    ----------
    geometry
        Where channels are.
    radius
        In mm; places at this distance are in the patch.
    min_places
        Patches of fewer places, as at the edges of a brain, are left out; half as many as the largest patch has, and
        at least 2, unless given.
    distance
        On surfaces: ``"geodesic"``: the shortest way along edges of the mesh, which is never shorter than the way over
        its faces; ``"euclidean"``: through space, within the hemisphere.
    meshes
        Of surfaces, and of the cortex of grayordinates: ``"left"`` and ``"right"`` to a GIFTI file, a mesh of nilearn,
        or ``(coordinates, faces)``.

    Raises
    ------
    SpecError
        If an option is out of range, or one is given that the places do not need.
    DataError
        If a mesh is missing or has another number of vertices, or no patch is large enough.

    Examples
    --------
    >>> grid = Volume((3, 1, 1), np.diag([2.0, 2.0, 2.0, 1.0]), np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0]]))
    >>> found = patches_of(grid, radius=2.0, min_places=2)
    >>> [found.of(k).tolist() for k in range(len(found))]
    [[0, 1], [0, 1, 2], [1, 2]]
    """
    if not radius > 0 or not np.isfinite(radius) or (min_places is not None and min_places < 1):
        msg = f"radius = {radius} mm, min_places = {min_places}; expected more than 0, and 1 or more."
        raise SpecError(msg)
    if distance not in ("geodesic", "euclidean"):
        msg = f"distance = {distance!r}; expected 'geodesic' or 'euclidean'."
        raise SpecError(msg)
    parts = geometry.parts()
    if meshes and not any(isinstance(one, Surface) for one, _ in parts):
        msg = f"meshes = {', '.join(meshes)} for {geometry.places}; expected none. Leave meshes out."
        raise SpecError(msg)
    found = [_of_part(one, channels, radius, min_places, distance, meshes or {}) for one, channels in parts]
    if not any(len(one) for one in found):
        raise DataError(found[0].sentence)
    if len(found) == 1:
        return found[0]
    lists = sorted((int(centre), one.of(k)) for one in found for k, centre in enumerate(one.centres))
    starts = np.concatenate([[0], np.cumsum([len(members) for _, members in lists])])
    members = np.concatenate([one for _, one in lists])
    centres = np.array([centre for centre, _ in lists])
    return Patches(centres, starts, members, " ".join(one.sentence for one in found))


def _of_part(
    part: Geometry, channels: np.ndarray, radius: float, min_places: int | None, distance: str, meshes: Meshes
) -> Patches:
    """Return the patches of what lies on meshes or on a grid, over the channels of the whole."""
    if isinstance(part, Volume):
        lists, shape = _spheres(part, radius), f"Spheres of {radius:g} mm (distances of the middles of voxels)"
    elif isinstance(part, Surface):
        lists = _discs(part, radius, distance, meshes)
        how = "along edges of the mesh" if distance == "geodesic" else "through space, within a hemisphere"
        shape = f"Discs of {radius:g} mm ({distance} distances, {how})"
    else:
        msg = f"A searchlight got places of type {type(part).__name__}; expected voxels, vertices or grayordinates."
        raise SpecError(msg)
    channels = channels.astype(np.int32)
    return _kept([channels[one] for one in lists], channels, min_places, part.places, shape)


def _kept(lists: list[np.ndarray], channels: np.ndarray, min_places: int | None, places: str, shape: str) -> Patches:
    sizes = np.array([len(one) for one in lists])
    least = max(2, int(np.ceil(sizes.max() / 2))) if min_places is None else min_places
    large = np.flatnonzero(sizes >= least)
    if not len(large):
        sentence = (
            f"{shape}: the largest holds {sizes.max()} {places}, expected {least} or more. Give a larger radius, or a "
            "smaller min_places."
        )
        return Patches(large, np.zeros(1, int), np.empty(0, np.int32), sentence)
    sentence = (
        f"{shape} of {sizes[large].min()} to {sizes[large].max()} {places} around {len(large)} centres; "
        f"{len(lists) - len(large)} {places} with fewer than {least} around them are no centres."
    )
    starts = np.concatenate([[0], np.cumsum(sizes[large])])
    return Patches(channels[large], starts, np.concatenate([lists[k] for k in large]), sentence)


def _spheres(volume: Volume, radius: float) -> list[np.ndarray]:
    return _near(volume.points(), radius)


def _near(points: np.ndarray, radius: float) -> list[np.ndarray]:
    """Return the positions of the points within a radius of each point."""
    from scipy.spatial import cKDTree

    tree = cKDTree(points)
    found: list[np.ndarray] = []
    for start in range(0, len(points), _CENTRES):
        lists = tree.query_ball_point(points[start : start + _CENTRES], radius + _SLACK, return_sorted=True)
        found += [np.array(one, dtype=np.int32) for one in lists]
    return found


def _discs(surface: Surface, radius: float, distance: str, meshes: Meshes) -> list[np.ndarray]:
    found: list[np.ndarray] = [np.empty(0, np.int32)] * len(surface)
    for side, n in surface.n_vertices.items():
        points, faces = _mesh(meshes, SIDES[side], n)
        channel = np.flatnonzero(surface.side == side)
        vertex = surface.vertex[channel]
        if distance == "euclidean":
            lists = _near(points[vertex], radius)
        else:
            lists = _along(points, faces, vertex, radius)
        for k, own in zip(channel, lists, strict=True):
            found[k] = np.sort(channel[own]).astype(np.int32)
    return found


def _along(points: np.ndarray, faces: np.ndarray, vertex: np.ndarray, radius: float) -> list[np.ndarray]:
    """Return positions in ``vertex`` of those within a way of ``radius`` along edges of each."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra

    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    length = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    edges = coo_array((np.maximum(length, 1e-9), (pairs[:, 0], pairs[:, 1])), shape=(len(points),) * 2).tocsr()
    width, found = max(1, _BYTES // (8 * len(points))), []
    for start in range(0, len(vertex), width):
        ways = dijkstra(edges, directed=False, indices=vertex[start : start + width], limit=radius + _SLACK)
        found += [np.flatnonzero(np.isfinite(one[vertex])) for one in ways]
    return found


def _mesh(meshes: Meshes, part: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    if part not in meshes:
        have = ", ".join(meshes) or "none"
        msg = f"Meshes are {have}; expected {part!r}, too. Give meshes = {{{part!r}: its file}}."
        raise DataError(msg)
    points, faces = mesh(meshes[part])
    if points.shape != (n, 3) or faces.ndim != 2 or faces.shape[1] != 3 or faces.max() >= n:
        msg = (
            f"The mesh {part!r} has {len(points)} vertices, the recording lies on {n}; expected the same. Give "
            "the mesh of its space."
        )
        raise DataError(msg)
    return points, faces


def mesh(given: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return coordinates and faces of a file, a mesh of nilearn, or of both as arrays."""
    if isinstance(given, (str, os.PathLike)):
        import nibabel

        from brainalign.readers.damage import require_data

        image = load_image(require_data(given))
        if not isinstance(image, nibabel.GiftiImage) or len(image.darrays) < 2:
            msg = f"{os.fspath(given)!r} holds no mesh; expected a GIFTI file of coordinates and faces (.surf.gii)."
            raise DataError(msg)
        return _arrays(image.darrays[0].data, image.darrays[1].data)
    if hasattr(given, "coordinates") and hasattr(given, "faces"):
        return _arrays(given.coordinates, given.faces)
    return _arrays(*given)


def _arrays(points: Any, faces: Any) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(points, dtype=np.float64), np.asarray(faces, dtype=np.int64)

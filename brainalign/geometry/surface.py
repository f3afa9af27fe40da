"""Vertices of the surfaces of two hemispheres."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from brainalign.errors import DataError
from brainalign.geometry.geometry import Geometry

#: What nilearn and GIFTI call a side, and what files are called.
SIDES = {"L": "left", "R": "right"}
_STRUCTURES = {"L": "CortexLeft", "R": "CortexRight"}


@dataclass(frozen=True, eq=False)
class Surface(Geometry):
    """Vertices of the surface of one hemisphere or two.

    Parameters
    ----------
    side
        ``(n_channels,)`` ``"L"`` or ``"R"``, the hemisphere of each channel.
    vertex
        ``(n_channels,)`` its vertex, counted from 0 within the hemisphere.
    n_vertices
        Side to the number of vertices of its mesh, those without a channel (the medial wall) among them.
    space
        Name of a mesh that people share, such as ``"fsaverage5"``; empty: none is known.

    Raises
    ------
    DataError
        If a side is another word, or a vertex is outside of its mesh.

    Examples
    --------
    >>> import numpy as np
    >>> one = Surface(np.array(["L", "L", "R"]), np.array([0, 2, 1]), {"L": 4, "R": 4}, "fsaverage")
    >>> one.names(), one.at(one.side == "R").names()
    (('L-0', 'L-2', 'R-1'), ('R-1',))
    >>> {side: part.tolist() for side, part in one.arrays(np.array([0.5, 1.0, 2.0])).items()}
    {'L': [0.5, nan, 1.0, nan], 'R': [nan, 2.0, nan, nan]}
    """

    place: ClassVar[str] = "vertex"
    places: ClassVar[str] = "vertices"

    side: np.ndarray
    vertex: np.ndarray
    n_vertices: Mapping[str, int] = field(default_factory=dict)
    space: str = ""

    def __post_init__(self) -> None:
        side, vertex = np.asarray(self.side), np.asarray(self.vertex)
        unknown = sorted(set(side.tolist()) - set(self.n_vertices) | set(self.n_vertices) - set(SIDES))
        if unknown or side.shape != vertex.shape or vertex.ndim != 1:
            msg = (
                f"Vertices {vertex.shape} with sides {side.shape} of {dict(self.n_vertices)}; expected one side, 'L' "
                f"or 'R', for each, and the size of its mesh{f' (got {unknown[0]!r})' if unknown else ''}."
            )
            raise DataError(msg)
        sizes = np.array([self.n_vertices[one] for one in side.tolist()], dtype=np.int64)
        if vertex.dtype.kind not in "iu" or (vertex < 0).any() or (vertex >= sizes).any():
            msg = f"Vertices run to {vertex.max()} on meshes of {dict(self.n_vertices)}; expected those of the meshes."
            raise DataError(msg)
        object.__setattr__(self, "side", side)
        object.__setattr__(self, "vertex", vertex.astype(np.int64))
        object.__setattr__(self, "n_vertices", {one: int(n) for one, n in sorted(self.n_vertices.items())})

    def __len__(self) -> int:
        return len(self.vertex)

    def at(self, kept: np.ndarray) -> "Surface":
        """Return some of the vertices, and the meshes that are still needed."""
        side = self.side[kept]
        sizes = {one: n for one, n in self.n_vertices.items() if (side == one).any()}
        return replace(self, side=side, vertex=self.vertex[kept], n_vertices=sizes)

    def in_space(self, space: str) -> "Surface":
        """Return the same vertices in a space of this name."""
        return replace(self, space=space)

    def names(self) -> tuple[str, ...]:
        """Return side and vertex joined by a hyphen."""
        return tuple(f"{side}-{vertex}" for side, vertex in zip(self.side.tolist(), self.vertex.tolist(), strict=True))

    def mismatch(self, other: Geometry) -> str:
        """Return why values of ``other`` cannot be laid over these vertices."""
        if not isinstance(other, Surface):
            return f"vertices and {other.places}"
        same = dict(other.n_vertices) == dict(self.n_vertices)
        return "" if same else f"meshes of {dict(self.n_vertices)} and {dict(other.n_vertices)} vertices"

    def arrays(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Return values ``(n_channels,)`` by side as ``(n_vertices,)`` float32, NaN where there is no channel."""
        found = {}
        for one, n in self.n_vertices.items():
            whole, own = np.full(n, np.nan, dtype=np.float32), self.side == one
            whole[self.vertex[own]] = np.asarray(values)[own]
            found[one] = whole
        return found

    def image(self, values: np.ndarray) -> Any:
        """Return ``nibabel.GiftiImage`` by ``"left"`` and ``"right"``, of values ``(n_channels,)``, float32."""
        import nibabel

        found = {}
        for one, whole in self.arrays(values).items():
            array = nibabel.gifti.GiftiDataArray(whole, intent="NIFTI_INTENT_NONE", datatype="NIFTI_TYPE_FLOAT32")
            meta = nibabel.gifti.GiftiMetaData({"AnatomicalStructurePrimary": _STRUCTURES[one]})
            found[SIDES[one]] = nibabel.gifti.GiftiImage(darrays=[array], meta=meta)
        return found

    def files(self, values: np.ndarray, name: str) -> dict[str, bytes]:
        """Return one GIFTI file for each hemisphere, ``hemi-L_<name>.shape.gii``."""
        images = self.image(values)
        return {f"hemi-{one}_{name}.shape.gii": images[SIDES[one]].to_bytes() for one in self.n_vertices}

"""Grayordinates: vertices of the cortex and voxels below it, in the order of a CIFTI file."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from brainalign.errors import DataError
from brainalign.geometry.geometry import Geometry
from brainalign.geometry.surface import Surface
from brainalign.geometry.volume import Volume

_PREFIX = "CIFTI_STRUCTURE_"
#: Structures whose meshes users can name.
_SIDES = {"CORTEX_LEFT": "L", "CORTEX_RIGHT": "R"}
_SAME_MM = 1e-3


@dataclass(frozen=True, eq=False)
class Grayordinates(Geometry):
    """Places of a dense CIFTI file, of which channels are some or all.

    Maps are written over all places of the file, so that they lie where the data lay.

    Parameters
    ----------
    structure
        ``(n_places,)`` name of the structure of each place of the file, such as ``"CORTEX_LEFT"``, ``"AMYGDALA_LEFT"``.
    vertex
        ``(n_places,)`` its vertex, -1 for voxels.
    voxel
        ``(n_places, 3)`` indices of its voxel, -1 for vertices.
    n_vertices
        Structure to the number of vertices of its mesh.
    affine, shape
        Of the voxels: ``(4, 4)`` to mm, and 3 numbers; ``None`` where there are none.
    index
        ``(n_channels,)`` which place each channel is; all in order unless given.
    space
        Name of the space that people share, such as ``"fsLR"``; empty: none is known.

    Raises
    ------
    DataError
        If arrays do not fit each other.

    Examples
    --------
    >>> import numpy as np
    >>> one = Grayordinates(
    ...     np.array(["CORTEX_LEFT", "CORTEX_LEFT", "THALAMUS_LEFT"]), np.array([0, 5, -1]),
    ...     np.array([[-1, -1, -1], [-1, -1, -1], [2, 3, 4]]), {"CORTEX_LEFT": 8}, 2 * np.eye(4), (9, 9, 9),
    ... )
    >>> one.names(), [part.places for part, _ in one.parts()]
    (('cortex_left-0', 'cortex_left-5', 'thalamus_left-2-3-4'), ['vertices', 'voxels'])
    >>> one.at(np.array([2])).image(np.array([0.5])).get_fdata().tolist()
    [[nan, nan, 0.5]]
    """

    place: ClassVar[str] = "grayordinate"
    places: ClassVar[str] = "grayordinates"

    structure: np.ndarray
    vertex: np.ndarray
    voxel: np.ndarray
    n_vertices: Mapping[str, int] = field(default_factory=dict)
    affine: np.ndarray | None = None
    shape: tuple[int, int, int] | None = None
    index: np.ndarray | None = None
    space: str = ""

    def __post_init__(self) -> None:
        structure, vertex, voxel = (np.asarray(one) for one in (self.structure, self.vertex, self.voxel))
        n = len(structure)
        if structure.ndim != 1 or vertex.shape != (n,) or voxel.shape != (n, 3):
            msg = f"Structures {structure.shape}, vertices {vertex.shape}, voxels {voxel.shape}; expected (n,), (n, 3)."
            raise DataError(msg)
        on = vertex >= 0
        unknown = sorted(set(structure[on].tolist()) - set(self.n_vertices))
        if unknown:
            msg = f"Structure {unknown[0]!r} has vertices; expected the size of its mesh, too. Give n_vertices."
            raise DataError(msg)
        if not on.all() and (self.affine is None or self.shape is None):
            msg = f"{int((~on).sum())} voxels have no affine or shape; expected both. Read them from the CIFTI file."
            raise DataError(msg)
        index = np.arange(n) if self.index is None else np.asarray(self.index)
        for name, value in (("structure", structure), ("vertex", vertex), ("voxel", voxel), ("index", index)):
            object.__setattr__(self, name, value)

    @classmethod
    def of_axis(cls, axis: Any, space: str = "") -> "Grayordinates":
        """Return the places of a ``nibabel.cifti2.BrainModelAxis``."""
        names = np.array([str(one).removeprefix(_PREFIX) for one in axis.name])
        sizes = {str(name).removeprefix(_PREFIX): int(n) for name, n in axis.nvertices.items()}
        shape = None if axis.volume_shape is None else tuple(int(n) for n in axis.volume_shape)
        voxel = np.where(axis.vertex[:, None] >= 0, -1, axis.voxel)
        return cls(
            structure=names,
            vertex=axis.vertex,
            voxel=voxel,
            n_vertices=sizes,
            affine=axis.affine,
            shape=shape,  # type: ignore[arg-type]
            space=space,
        )

    @property
    def _kept(self) -> np.ndarray:
        assert self.index is not None  # filled in above
        return self.index

    def __len__(self) -> int:
        return len(self._kept)

    def at(self, kept: np.ndarray) -> "Grayordinates":
        """Return some of the channels; the places of the file stay."""
        return replace(self, index=self._kept[kept])

    def in_space(self, space: str) -> "Grayordinates":
        """Return the same places in a space of this name."""
        return replace(self, space=space)

    def structures(self) -> np.ndarray:
        """Return the structure of each channel, ``(n_channels,)``, in lower case."""
        return np.char.lower(self.structure[self._kept])

    def names(self) -> tuple[str, ...]:
        """Return structure and vertex, or structure and indices of the voxel, joined by hyphens."""
        vertex, voxel = self.vertex[self._kept], self.voxel[self._kept]
        return tuple(
            f"{name}-{v}" if v >= 0 else f"{name}-{'-'.join(map(str, ijk))}"
            for name, v, ijk in zip(self.structures().tolist(), vertex.tolist(), voxel.tolist(), strict=True)
        )

    def parts(self) -> tuple[tuple[Geometry, np.ndarray], ...]:
        """Return the vertices as a surface and the voxels as a volume, each with its channels.

        Vertices of another structure than the cortex raise :class:`DataError`.
        """
        vertex, found = self.vertex[self._kept], []
        channel = np.flatnonzero(vertex >= 0)
        other = sorted(set(self.structure[self._kept[channel]].tolist()) - set(_SIDES))
        if other:
            msg = f"Vertices lie on {other[0].lower()!r}; expected the cortex. Leave that structure out."
            raise DataError(msg)
        if len(channel):
            side = np.array([_SIDES[one] for one in self.structure[self._kept[channel]].tolist()])
            sizes = {one: self.n_vertices[name] for name, one in _SIDES.items() if (side == one).any()}
            surface: Geometry = Surface(side, vertex[channel], sizes, self.space)
            found.append((surface, channel))
        channel = np.flatnonzero(vertex < 0)
        if len(channel):
            assert self.shape is not None and self.affine is not None  # noqa: PT018  # __post_init__ has looked
            found.append((Volume(self.shape, self.affine, self.voxel[self._kept[channel]], self.space), channel))
        return tuple(found)

    def mismatch(self, other: Geometry) -> str:
        """Return why values of ``other`` cannot be laid over these places."""
        if not isinstance(other, Grayordinates):
            return f"grayordinates and {other.places}"
        if dict(other.n_vertices) != dict(self.n_vertices):
            return f"meshes of {dict(self.n_vertices)} and {dict(other.n_vertices)} vertices"
        if other.shape != self.shape:
            return f"grids of {self.shape} and {other.shape}"
        if self.affine is None or other.affine is None:
            return ""
        return "" if np.abs(other.affine - self.affine).max() < _SAME_MM else "grids at other positions in mm"

    def image(self, values: np.ndarray) -> Any:
        """Return a ``nibabel.Cifti2Image`` (dscalar), float32, of values ``([n_maps,] n_channels)``."""
        return self._image(values, None)

    def _image(self, values: np.ndarray, name: str | None) -> Any:
        import nibabel

        rows = np.atleast_2d(np.asarray(values, dtype=np.float32))
        data = np.full((len(rows), len(self.structure)), np.nan, dtype=np.float32)
        data[:, self._kept] = rows
        models = nibabel.cifti2.BrainModelAxis(
            np.array([f"{_PREFIX}{one}" for one in self.structure.tolist()]), self.voxel, self.vertex, self.affine,
            self.shape, {f"{_PREFIX}{one}": n for one, n in self.n_vertices.items()},
        )  # fmt: skip
        maps = nibabel.cifti2.ScalarAxis([name or f"map {k + 1}" for k in range(len(rows))])
        image = nibabel.Cifti2Image(data, header=(maps, models))
        image.nifti_header.set_intent("ConnDenseScalar")
        return image

    def files(self, values: np.ndarray, name: str) -> dict[str, bytes]:
        """Return one CIFTI file, ``<name>.dscalar.nii``."""
        return {f"{name}.dscalar.nii": self._image(values, name).to_bytes()}

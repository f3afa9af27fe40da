"""Voxels of a volume."""

import gzip
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from brainalign.errors import DataError
from brainalign.geometry.geometry import Geometry

#: Two affines that differ by less place voxels alike.
_SAME_MM = 1e-3
_SPACES = {3: "Talairach", 4: "MNI152"}


@dataclass(frozen=True, eq=False)
class Volume(Geometry):
    """Voxels on the grid of an image.

    Parameters
    ----------
    shape
        Of the image, 3 numbers.
    affine
        ``(4, 4)``, from indices of voxels to mm.
    index
        ``(n_channels, 3)`` indices of the voxel of each channel, each once.
    space
        Name of a space that people share; empty: none is known.

    Raises
    ------
    DataError
        If a voxel lies outside of the image, or the affine is no affine.

    Examples
    --------
    >>> import numpy as np
    >>> one = Volume((4, 4, 2), np.diag([3.0, 3.0, 4.0, 1.0]), np.array([[0, 0, 0], [1, 0, 1]]))
    >>> one.points().tolist(), one.names()
    ([[0.0, 0.0, 0.0], [3.0, 0.0, 4.0]], ('0-0-0', '1-0-1'))
    >>> image = one.image(np.array([0.5, 2.0]))
    >>> image.shape, float(image.get_fdata()[1, 0, 1])
    ((4, 4, 2), 2.0)
    """

    place: ClassVar[str] = "voxel"
    places: ClassVar[str] = "voxels"

    shape: tuple[int, int, int]
    affine: np.ndarray
    index: np.ndarray
    space: str = ""

    def __post_init__(self) -> None:
        shape, affine = tuple(int(n) for n in self.shape), np.asarray(self.affine, dtype=np.float64)
        index = np.asarray(self.index)
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
            msg = f"Affine of voxels is {affine.tolist()}; expected (4, 4) finite numbers that place voxels in mm."
            raise DataError(msg)
        fits = index.ndim == 2 and index.shape[1] == 3 and index.dtype.kind in "iu" and len(shape) == 3
        if not fits or (index < 0).any() or (index >= np.array(shape)).any():
            msg = f"Indices of voxels are {index.dtype} {index.shape}; expected whole numbers (n, 3) within {shape}."
            raise DataError(msg)
        for name, value in (("shape", shape), ("affine", affine), ("index", index.astype(np.int64))):
            object.__setattr__(self, name, value)

    @classmethod
    def of_mask(cls, image: Any, space: str | None = None) -> "Volume":
        """Return the voxels above 0 of an image of nibabel, in the order of :func:`numpy.argwhere`."""
        kept = np.asanyarray(image.dataobj).reshape(image.shape[:3]) > 0
        shape = (int(image.shape[0]), int(image.shape[1]), int(image.shape[2]))
        return cls(shape, image.affine, np.argwhere(kept), space_of(image) if space is None else space)

    def __len__(self) -> int:
        return len(self.index)

    def at(self, kept: np.ndarray) -> "Volume":
        """Return some of the voxels."""
        return replace(self, index=self.index[kept])

    def in_space(self, space: str) -> "Volume":
        """Return the same voxels in a space of this name."""
        return replace(self, space=space)

    def names(self) -> tuple[str, ...]:
        """Return indices joined by hyphens."""
        return tuple("-".join(map(str, one)) for one in self.index.tolist())

    def points(self) -> np.ndarray:
        """Return the middle of each voxel in mm, ``(n_channels, 3)``."""
        return self.index @ self.affine[:3, :3].T + self.affine[:3, 3]

    def mismatch(self, other: Geometry) -> str:
        """Return why values of ``other`` cannot be laid over these voxels."""
        if not isinstance(other, Volume):
            return f"voxels and {other.places}"
        if other.shape != self.shape:
            return f"grids of {self.shape} and {other.shape}"
        return "" if np.abs(other.affine - self.affine).max() < _SAME_MM else "grids at other positions in mm"

    def image(self, values: np.ndarray) -> Any:
        """Return a ``nibabel.Nifti1Image``, float32, of values ``(n_channels,)`` or ``(n_maps, n_channels)``."""
        import nibabel

        values = np.asarray(values)
        data = np.full((*self.shape, *values.shape[:-1]), np.nan, dtype=np.float32)
        data[tuple(self.index.T)] = values.T
        image = nibabel.Nifti1Image(data, self.affine)
        image.header.set_xyzt_units("mm")
        code = next((code for code, name in _SPACES.items() if self.space.startswith(name)), 1)
        image.set_sform(self.affine, code=code)
        return image

    def files(self, values: np.ndarray, name: str) -> dict[str, bytes]:
        """Return one compressed NIfTI file; the same values give the same bytes."""
        return {f"{name}.nii.gz": gzip.compress(self.image(values).to_bytes(), mtime=0)}


def space_of(image: Any) -> str:
    """Return the space of people in general that a NIfTI header names, empty where it names none."""
    code = int(image.header["sform_code"]) if "sform_code" in image.header else 0
    return _SPACES.get(code, "")

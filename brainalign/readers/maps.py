"""Volumes, surfaces and grayordinates as rows of numbers over named places."""

import gzip
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from brainalign.errors import DataError
from brainalign.geometry.geometry import Geometry
from brainalign.geometry.grayordinates import Grayordinates
from brainalign.geometry.surface import Surface
from brainalign.geometry.volume import Volume, space_of
from brainalign.readers.damage import require_data

# seconds between volumes that scanners take
_SHORTEST, _LONGEST = 0.05, 30.0
# millimetres of a voxel that scanners take, from mice to a coarse template
_FINEST, _COARSEST = 0.01, 100.0
# bytes of a compressed file that are unpacked at once to see whether it is whole
_PIECE = 2**22


@dataclass(frozen=True, eq=False)
class Maps:
    """Maps over places of a brain: volumes of a run, betas, statistical maps.

    Parameters
    ----------
    data
        ``(n_maps, n_places)``.
    places
        Names: ``"12-40-7"`` of voxels by their indices from 0, ``"L-512"`` of vertices.
    kind
        ``"volume"``, ``"surface"`` or ``"grayordinates"``.
    seconds
        Between maps as the header says, ``None`` where maps are no time series.
    names
        Of maps, as far as the file names them.
    rois
        Structures that the file names, as masks ``(n_places,)``.
    geometry
        Where the places are, ``None`` where that is not known.
    name
        The file, for messages.
    """

    data: np.ndarray
    places: tuple[str, ...]
    kind: str
    seconds: float | None
    names: tuple[str, ...] = ()
    rois: Mapping[str, np.ndarray] = field(default_factory=dict)
    geometry: Geometry | None = None
    name: str = ""

    def __len__(self) -> int:
        return len(self.data)

    def repetition_time(self, declared: float | None = None) -> float:
        """Return the seconds between maps: what was declared, else what the header says if that can be.

        Raises
        ------
        DataError
            If there is none, more than 30 s (milliseconds that the header calls seconds) or less than 0.05 s.
        """
        seconds = self.seconds if declared is None else declared
        if seconds is None or not _SHORTEST <= seconds <= _LONGEST:
            what = "no time between volumes" if seconds is None else f"{seconds:g} s between volumes"
            hint = f"{seconds / 1000:g}, if these are milliseconds" if seconds and seconds > _LONGEST else "the seconds"
            hint = f"{1000 * seconds:g}, if the header's are seconds" if seconds and seconds < _SHORTEST else hint
            msg = f"{self.name}: {what}; expected {_SHORTEST:g} to {_LONGEST:g} s. Give repetition_time = {hint}."
            raise DataError(msg)
        return float(seconds)

    def at(self, kept: np.ndarray) -> "Maps":
        """Return the maps at some places, given as a boolean mask or positions."""
        where = np.flatnonzero(kept) if np.asarray(kept).dtype == bool else np.asarray(kept)
        geometry = None if self.geometry is None else self.geometry.at(where)
        rois = {roi: mask[where] for roi, mask in self.rois.items() if mask[where].any()}
        places = tuple(self.places[k] for k in where)
        return replace(self, data=self.data[:, where], places=places, rois=rois, geometry=geometry)


def read_maps(path: str | os.PathLike[str], mask: str | os.PathLike[str] | None = None) -> Maps:
    """Return the maps of a NIfTI, GIFTI or CIFTI file.

    Parameters
    ----------
    path
        ``.nii``, ``.nii.gz``, ``.gii`` (one hemisphere: ``lh``, ``rh``, ``hemi-L``, ``.R.`` in its name), or CIFTI
        (``.dscalar.nii``, ``.dtseries.nii``).
    mask
        Volumes: a volume on the same grid that is above 0 where voxels are kept; all voxels that vary, or in one volume
        are neither 0 nor NaN, unless given.

    Raises
    ------
    DataError
        If the file is missing, a pointer, damaged or of another format, holds one value everywhere or has voxels of a
        size that cannot be, or the mask is on another grid or empty.
    """
    import nibabel

    file = require_data(path)
    image = load_image(file)
    if isinstance(image, nibabel.Cifti2Image):
        found = _grayordinates(image, file)
    elif isinstance(image, nibabel.GiftiImage):
        found = _surface(image, file)
    else:
        return _volume(image, file, mask)
    if mask is not None:
        msg = f"{str(file)!r} is no volume; expected mask = None. Choose places by an atlas of the same surface."
        raise DataError(msg)
    return found


def load_image(file: Path) -> Any:
    """Return the image of nibabel with its data read; what is damaged raises :class:`DataError`."""
    import nibabel

    logger = nibabel.imageglobals.logger
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # it prints how it repairs headers
    try:
        image = nibabel.load(file)
        if file.suffix == ".gz":
            _unpacked(file)
        elif hasattr(image, "dataobj"):
            np.asanyarray(image.dataobj[..., -1])  # the last bytes: a file that is cut short lacks them
    except Exception as error:  # whatever a damaged file makes of nibabel, gzip and expat
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        msg = f"{str(file)!r} cannot be read ({reason}); expected a whole NIfTI, GIFTI or CIFTI file. Fetch it again."
        raise DataError(msg) from error
    finally:
        logger.setLevel(level)
    return image


def _unpacked(file: Path) -> None:
    """Unpack a file to its end, where its checksum is: nibabel stops before, and reads what was overwritten."""
    with gzip.open(file) as stream:
        while stream.read(_PIECE):
            pass


def _volume(image: Any, file: Path, mask: str | os.PathLike[str] | None) -> Maps:
    if len(image.shape) not in (3, 4):
        msg = f"{str(file)!r} has {len(image.shape)} axes {image.shape}; expected a volume or volumes (3 or 4 axes)."
        raise DataError(msg)
    _require_size(image, file)
    values = _all_values(image, file)
    values = values[..., None] if values.ndim == 3 else values
    if mask is not None:
        kept = _mask(Path(mask), image, file)
    elif values.shape[3] > 1:
        kept = values.max(axis=3) > values.min(axis=3)
    else:
        kept = np.nan_to_num(values[..., 0]) != 0
    if not kept.any():
        msg = f"{str(file)!r}: no voxel varies; expected data. Fetch it again."
        raise DataError(msg)
    _require_last(values[kept], file)
    index = np.argwhere(kept)
    seconds = None
    if values.shape[3] > 1:
        factor = {"msec": 1e-3, "usec": 1e-6}.get(image.header.get_xyzt_units()[1], 1.0)
        seconds = float(image.header.get_zooms()[3]) * factor or None
    geometry = Volume(tuple(image.shape[:3]), np.asarray(image.affine), index, space_of(image))
    return Maps(values[kept].T, geometry.names(), "volume", seconds, geometry=geometry, name=repr(str(file)))


def _require_size(image: Any, file: Path) -> None:
    """Refuse voxels of a size that cannot be: metres or micrometres in a header that others read as millimetres."""
    sizes = np.linalg.norm(image.affine[:3, :3], axis=0)
    if not ((sizes >= _FINEST) & (sizes <= _COARSEST)).all():
        shown = " x ".join(f"{size:.3g}" for size in sizes)
        msg = (
            f"{str(file)!r} has voxels of {shown} mm; expected {_FINEST:g} to {_COARSEST:g} mm. Save it with an affine "
            "in millimetres."
        )
        raise DataError(msg)


def _require_varying(values: np.ndarray, file: Path) -> None:
    """Refuse maps ``(n_maps, n_places)`` of a surface or grayordinates that hold one value, or do at their end.

    One map of one value other than 0 is a mask.
    """
    lowest, highest = np.fmin.reduce(values, axis=None), np.fmax.reduce(values, axis=None)
    if not (highest > lowest or (len(values) == 1 and highest != 0 and np.isfinite(highest))):
        msg = f"{str(file)!r}: one value at all {values.shape[1]} places; expected data. Fetch it again."
        raise DataError(msg)
    _require_last(values.T, file)


def _require_last(values: np.ndarray, file: Path) -> None:
    """Refuse volumes ``(n_places, n_volumes)`` of which the last hold one value: a copy that broke off."""
    varies = np.fmax.reduce(values, axis=0) > np.fmin.reduce(values, axis=0)  # which leave NaN aside
    n, blank = len(varies), int(np.argmax(varies[::-1]))
    if blank and varies.any():
        msg = (
            f"{str(file)!r}: the last {blank} of {n} volumes hold one value everywhere; expected data, which a copy "
            "that broke off lacks. Fetch it again, or cut them off."
        )
        raise DataError(msg)


def _all_values(image: Any, file: Path) -> np.ndarray:
    try:
        return np.asanyarray(image.dataobj)
    except Exception as error:  # as above: a gzip stream may break anywhere
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        msg = f"{str(file)!r} cannot be read ({reason}); expected a whole file. Fetch it again."
        raise DataError(msg) from error


def _mask(path: Path, image: Any, file: Path) -> np.ndarray:
    other = load_image(require_data(path))
    require_grid(other, image.shape[:3], image.affine, str(path), str(file))
    kept = np.asanyarray(other.dataobj).reshape(other.shape[:3]) > 0
    if not kept.any():
        msg = f"The mask {str(path)!r} is empty; expected voxels above 0. Give another."
        raise DataError(msg)
    return kept


def require_grid(image: Any, shape: tuple[int, ...], affine: np.ndarray, name: str, other: str) -> None:
    """Refuse a volume on another grid than the one it is laid over."""
    same = tuple(image.shape[:3]) == tuple(shape) and np.allclose(image.affine, affine, atol=1e-3)
    if not same or any(n != 1 for n in image.shape[3:]):
        what = "another position or voxel size" if tuple(image.shape[:3]) == tuple(shape) else f"shape {image.shape}"
        msg = (
            f"{name!r} has {what}, {other!r} has shape {tuple(shape)}; expected one volume on the same grid. Resample "
            "it: "
            "nilearn.image.resample_to_img(mask, image, interpolation='nearest')."
        )
        raise DataError(msg)


def hemisphere(file: Path) -> str:
    """Return ``"L"`` or ``"R"`` as the name of a surface file says, ``"?"`` where it does not."""
    name = file.name.lower()
    left = name.startswith("lh.") or "hemi-l" in name or ".l." in name or "-lh." in name or "_lh_" in name
    right = name.startswith("rh.") or "hemi-r" in name or ".r." in name or "-rh." in name or "_rh_" in name
    return "L" if left and not right else "R" if right and not left else "?"


def _surface(image: Any, file: Path) -> Maps:
    arrays = [np.asarray(one.data) for one in image.darrays]
    arrays = [one.squeeze(axis=1) if one.ndim == 2 and one.shape[1] == 1 else one for one in arrays]
    if not arrays or any(one.ndim != 1 or one.shape != arrays[0].shape for one in arrays):
        shapes = ", ".join(str(one.shape) for one in arrays[:3]) or "none"
        msg = (
            f"{str(file)!r} holds arrays of shape {shapes}; expected maps over vertices, not a mesh. Give func or "
            "shape."
        )
        raise DataError(msg)
    side = hemisphere(file)
    places = tuple(f"{side}-{k}" for k in range(len(arrays[0])))
    step = next((one.meta.get("TimeStep") for one in image.darrays if one.meta.get("TimeStep")), None)
    names = tuple(str(one.meta.get("Name", "")) for one in image.darrays)
    n, geometry = len(arrays[0]), None
    if side != "?":
        geometry = Surface(np.full(n, side), np.arange(n), {side: n})
    seconds = float(step) / 1000 if step else None
    values = np.stack(arrays)
    _require_varying(values, file)
    return Maps(
        data=values,
        places=places,
        kind="surface",
        seconds=seconds,
        names=names,
        geometry=geometry,
        name=repr(str(file)),
    )


def _grayordinates(image: Any, file: Path) -> Maps:
    import nibabel

    rows, columns = (image.header.get_axis(k) for k in range(2))
    if not isinstance(columns, nibabel.cifti2.BrainModelAxis):
        msg = f"{str(file)!r} is parcellated; expected grayordinates (dscalar, dtseries, dlabel). Give the dense file."
        raise DataError(msg)
    rois = {}
    for structure, part, _ in columns.iter_structures():
        mask = np.zeros(len(columns), dtype=bool)
        mask[part] = True
        rois[str(structure).removeprefix("CIFTI_STRUCTURE_").lower()] = mask
    seconds = None
    if isinstance(rows, nibabel.cifti2.SeriesAxis):
        seconds = float(rows.step) if str(rows.unit).upper() == "SECOND" else None
    names = tuple(str(one) for one in getattr(rows, "name", ()))
    geometry = Grayordinates.of_axis(columns)
    values = _all_values(image, file)
    _require_varying(values, file)
    return Maps(
        data=values,
        places=geometry.names(),
        kind="grayordinates",
        seconds=seconds,
        names=names,
        rois=rois,
        geometry=geometry,
        name=repr(str(file)),
    )


def both_hemispheres(left: Maps, right: Maps) -> Maps:
    """Return two hemispheres side by side, with ROIs ``"left"`` and ``"right"``.

    Raises
    ------
    DataError
        If they hold other numbers of maps, or their names do not say which is which.
    """
    if len(left) != len(right):
        msg = f"{left.name} holds {len(left)} maps, {right.name} holds {len(right)}; expected the same maps of both."
        raise DataError(msg)
    if not (left.places[0].startswith("L-") and right.places[0].startswith("R-")):
        msg = (
            f"{left.name} and {right.name}: expected a left and a right hemisphere, named hemi-L and hemi-R or lh and "
            "rh."
        )
        raise DataError(msg)
    n, m = len(left.places), len(right.places)
    rois = {"left": np.arange(n + m) < n, "right": np.arange(n + m) >= n}
    data = np.concatenate([left.data, right.data], axis=1)
    side = np.where(rois["left"], "L", "R")
    geometry = Surface(side, np.concatenate([np.arange(n), np.arange(m)]), {"L": n, "R": m})
    name = f"{left.name}, {right.name}"
    return replace(left, data=data, places=left.places + right.places, rois=rois, geometry=geometry, name=name)

"""To the images of nilearn and nibabel, and from them."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from brainalign.errors import DataError, SpecError, StimulusMismatchError
from brainalign.geometry.geometry import Geometry
from brainalign.geometry.surface import Surface
from brainalign.geometry.volume import Volume, space_of
from brainalign.readers.maps import require_grid
from brainalign.recordings.recording import Recording
from brainalign.searchlights.brain_maps import BrainMaps

_SIDES = {"left": "L", "right": "R"}


def from_nilearn(
    images: Any,
    ids: Sequence[Any],
    mask: Any = None,
    *,
    runs: Sequence[Any] | None = None,
    rois: Mapping[str, Any] | None = None,
    subject: str = "s01",
    dataset: str = "images",
    unit: str = "a.u.",
    space: str | None = None,
) -> Recording:
    """Return images, one for each trial, as a recording that knows where its voxels or vertices are.

    Parameters
    ----------
    images
        A 4D image of nibabel or its path, a list of 3D ones, or a ``SurfaceImage`` of nilearn ``(n_vertices,
        n_trials)``: betas or other maps, one for each trial, not the volumes of a run.
    ids
        Stimulus of each trial, ``n_trials``.
    mask
        Of volumes: a masker of nilearn (fitted, or with a ``mask_img``), a mask or its path; what the masker does
        besides, such as smoothing, is done. Without one, all voxels that vary are kept. Of surfaces: none, vertices
        that vary are kept.
    runs
        Run of each trial, ``n_trials``.
    rois
        Name to a mask on the same grid, or to booleans ``(n_channels,)``.
    subject, dataset, unit
        Who, from which set, and the unit of the values.
    space
        Name of the space that people share; what the header names (MNI152, Talairach) unless given.

    Raises
    ------
    StimulusMismatchError
        If there is another number of images than ids.
    DataError
        If there is no voxel that varies, or grids differ.

    Examples
    --------
    >>> import brainalign as ba, nibabel, numpy as np
    >>> data = np.random.default_rng(0).normal(size=(4, 4, 3, 2)).astype("float32")
    >>> betas = nibabel.Nifti1Image(data, np.diag([3, 3, 3, 1]))
    >>> mask = nibabel.Nifti1Image(np.ones((4, 4, 3), dtype="uint8"), betas.affine)
    >>> one = ba.from_nilearn(betas, ["face", "house"], mask)
    >>> one.data.shape, one.channels[:2], one.geometry.points()[1].tolist()
    ((2, 48, 1), ('0-0-0', '0-0-1'), [0.0, 0.0, 3.0])
    """
    geometry, values = _surface(images, mask) if hasattr(images, "mesh") else _volume(images, mask, space)
    if len(values) != len(ids):
        msg = f"{len(values)} images for {len(ids)} ids; expected one image for each trial. Give betas, not volumes."
        raise StimulusMismatchError(msg)
    if space is not None:
        geometry = geometry.in_space(space)
    regions = {"all": np.ones(len(geometry), dtype=bool)}
    regions |= {str(name): _region(one, geometry, str(name)) for name, one in (rois or {}).items()}
    return Recording(
        data=values[:, :, None], stimulus_ids=tuple(ids), channels=geometry.names(), times=(0.0,), subject=subject,
        dataset=dataset, modality="fMRI", unit=unit, rois=regions, runs=None if runs is None else tuple(map(str, runs)),
        geometry=geometry,
    )  # fmt: skip


def to_nilearn(thing: BrainMaps | Recording, name: str | None = None, what: str = "score", **options: Any) -> Any:
    """Return a map, or the trials of a recording, as an image of nilearn.

    Parameters
    ----------
    thing
        What :func:`searchlight` found, or a :class:`Recording` with a geometry and one time.
    name, what
        Of a map, see :meth:`BrainMaps.map`.
    **options
        Of a map: ``alpha``, ``subject`` and ``seed`` of :meth:`BrainMaps.image`.

    Returns
    -------
    image
        ``nibabel.Nifti1Image`` of a volume, trials on its fourth axis; of surfaces ``nilearn.surface.SurfaceImage`` of
        a map whose searchlight had meshes, else ``nibabel.GiftiImage`` by side. Places without a value hold NaN.

    Raises
    ------
    SpecError
        If a recording has no geometry or several times, or there is no such map.

    Examples
    --------
    >>> import brainalign as ba
    >>> image = ba.to_nilearn(ba.example_maps(), "a late")
    >>> image.shape, image.affine[0, 0].item()
    ((5, 5, 4), 3.0)
    """
    if isinstance(thing, Recording):
        if thing.geometry is None or len(thing.times) != 1 or name is not None or options:
            msg = f"{thing.name}: expected a geometry, one time and no further options to make an image of its trials."
            raise SpecError(msg)
        if not isinstance(thing.geometry, Volume):
            msg = f"{thing.name} lies on {thing.geometry.places}; expected voxels. Map it, and give meshes."
            raise SpecError(msg)
        return thing.geometry.image(np.asarray(thing.data[:, :, 0]))
    if not isinstance(thing, BrainMaps):
        msg = f"to_nilearn got {type(thing).__name__}; expected BrainMaps or a Recording."
        raise SpecError(msg)
    image = thing.image(name, what, **options)
    if not isinstance(thing.geometry, Surface) or not thing.meshes:
        return image
    from nilearn.surface import InMemoryMesh, PolyMesh, SurfaceImage

    mesh = PolyMesh(**{part: InMemoryMesh(*thing.meshes[part]) for part in image})
    return SurfaceImage(mesh, {part: one.darrays[0].data for part, one in image.items()})


def _volume(images: Any, mask: Any, space: str | None) -> tuple[Geometry, np.ndarray]:
    import nilearn.image

    whole = nilearn.image.concat_imgs(images) if isinstance(images, (list, tuple)) else nilearn.image.load_img(images)
    if len(whole.shape) == 3:
        whole = nilearn.image.new_img_like(whole, np.asanyarray(whole.dataobj)[..., None])
    if hasattr(mask, "transform"):
        return _masked(whole, mask, space)
    if mask is None:
        data = np.asanyarray(whole.dataobj)
        kept = data.max(axis=3) > data.min(axis=3) if data.shape[3] > 1 else data[..., 0] != 0
        mask = nilearn.image.new_img_like(whole, kept.astype(np.uint8))
    mask = nilearn.image.load_img(mask)
    require_grid(mask, whole.shape[:3], whole.affine, "The mask", "The images")
    geometry = Volume.of_mask(mask, space_of(whole) if space is None else space)
    _refuse_empty(geometry)
    return geometry, np.asanyarray(whole.dataobj)[tuple(geometry.index.T)].T


def _masked(whole: Any, masker: Any, space: str | None) -> tuple[Geometry, np.ndarray]:
    """Return what a masker makes of images, and the voxels of its mask."""
    if not hasattr(masker, "mask_img_"):
        masker = masker.fit(whole if getattr(masker, "mask_img", None) is None else None)
    values = np.atleast_2d(masker.transform(whole))
    geometry = Volume.of_mask(masker.mask_img_, space_of(whole) if space is None else space)
    _refuse_empty(geometry)
    if values.shape[1] != len(geometry):
        msg = (
            f"The masker makes {values.shape[1]} signals of {len(geometry)} voxels; expected one for each, as "
            "NiftiMasker does. Regions have no place."
        )
        raise DataError(msg)
    return geometry, values


def _surface(image: Any, mask: Any) -> tuple[Geometry, np.ndarray]:
    if mask is not None:
        msg = "mask is given for a surface; expected None. Vertices that vary are kept; choose others by rois."
        raise SpecError(msg)
    sides, vertices, values, sizes = [], [], [], {}
    for part, data in image.data.parts.items():
        rows = np.asarray(data).reshape(len(data), -1)
        kept = rows.max(axis=1) > rows.min(axis=1) if rows.shape[1] > 1 else rows[:, 0] != 0
        vertices.append(np.flatnonzero(kept))
        sides += [_SIDES[part]] * int(kept.sum())
        values.append(rows[kept])
        if kept.any():
            sizes[_SIDES[part]] = len(rows)
    geometry = Surface(np.array(sides, dtype="<U1"), np.concatenate(vertices), sizes)
    _refuse_empty(geometry)
    return geometry, np.concatenate(values).T


def _refuse_empty(geometry: Geometry) -> None:
    if not len(geometry):
        msg = f"No {geometry.place} varies, or the mask is empty; expected some. Give another mask."
        raise DataError(msg)


def _region(given: Any, geometry: Geometry, name: str) -> np.ndarray:
    if not isinstance(given, (str, os.PathLike)) and not hasattr(given, "affine"):
        return np.asarray(given)
    import nilearn.image

    if not isinstance(geometry, Volume):
        msg = f"ROI {name!r} is an image of a volume; expected booleans, one for each of {len(geometry)} vertices."
        raise DataError(msg)
    image = nilearn.image.load_img(given)
    require_grid(image, geometry.shape, geometry.affine, f"ROI {name}", "The images")
    return np.asanyarray(image.dataobj).reshape(geometry.shape)[tuple(geometry.index.T)] > 0

"""Trials in images beside a ``recording.toml``: a map for each trial, over voxels, vertices or grayordinates."""

from dataclasses import replace
from pathlib import Path

from brainalign.errors import SpecError
from brainalign.readers.maps import Maps, both_hemispheres, read_maps

#: Suffixes of images, and what stands for the two hemispheres in names of files.
IMAGES, HEMISPHERE = (".nii", ".gz", ".gii"), "{hemi}"


def is_image(given: str) -> bool:
    """Return whether a file is named as an image: NIfTI, GIFTI or CIFTI."""
    return given.lower().endswith(IMAGES)


def hemispheres(given: str) -> tuple[str, ...]:
    """Return the files that a name stands for: one for each hemisphere where it says ``{hemi}``."""
    return tuple(given.replace(HEMISPHERE, side) for side in "LR") if HEMISPHERE in given else (given,)


def read_images(folder: Path, given: str, mask: str, space: str, what: str) -> Maps:
    """Return the maps of a file, or of both hemispheres, in the space that was declared.

    Parameters
    ----------
    folder
        Where files are.
    given
        Name of an image, or of two with ``{hemi}`` (L and R).
    mask
        Volume that is above 0 where voxels are kept; ``""``: those that vary.
    space
        Name of the space that people share; ``""``: as the header says.
    what
        What is read, for messages.

    Raises
    ------
    SpecError
        If a mask is given for surfaces, or a surface does not say which hemisphere it is.
    DataError
        If a file is missing, damaged or of another kind.
    """
    if mask and not given.lower().endswith((".nii", ".nii.gz")):
        msg = f"{what}: mask = {mask!r} beside surfaces {given!r}; expected none. Leave mask out."
        raise SpecError(msg)
    parts = [read_maps(folder / one, folder / mask if mask else None) for one in hemispheres(given)]
    maps = both_hemispheres(*parts) if len(parts) == 2 else parts[0]
    if maps.geometry is None and maps.kind == "surface":
        msg = f"{what}: {maps.name} does not say its hemisphere. Name it hemi-L or hemi-R, or lh or rh."
        raise SpecError(msg)
    if space and maps.geometry is not None:
        maps = replace(maps, geometry=maps.geometry.in_space(space))
    return maps

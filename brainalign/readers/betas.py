"""Betas that others estimated: arrays of trials by voxels in any order of axes and scale."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from brainalign.errors import DataError
from brainalign.readers.arrays import read_array
from brainalign.readers.trials import Trials


def of_betas(
    betas: str | os.PathLike[str] | np.ndarray,
    ids: Sequence[Any],
    *,
    variable: str | None = None,
    trial_axis: int = 0,
    mask: np.ndarray | None = None,
    rois: Mapping[str, np.ndarray] | None = None,
    runs: Sequence[Any] | None = None,
    scale: float = 1.0,
    unit: str = "a.u.",
    names: Sequence[str] | None = None,
) -> Trials:
    """Return betas as trials.

    Parameters
    ----------
    betas
        A file that :func:`brainalign.readers.arrays.read_array` reads, or an array: trials on one axis, voxels on all
        others.
    ids, runs
        One per trial.
    variable
        Where the array is in its file.
    trial_axis
        Axis of trials.
    mask
        Boolean over the other axes, in their order: voxels that are kept.
    rois
        Name to boolean mask over the other axes, or over the voxels that are kept.
    scale, unit
        Factor to the unit: ``1 / 300`` for the whole numbers of NSD, whose unit is percent signal change.
    names
        Of the voxels that are kept; their indices unless given.

    Raises
    ------
    DataError
        If lengths do not agree, or whole numbers come without a scale that was thought of.
    """
    array = betas if isinstance(betas, np.ndarray) else read_array(betas, variable)
    what = "Betas" if isinstance(betas, np.ndarray) else repr(os.fspath(betas))
    if array.ndim < 2 or not -array.ndim <= trial_axis < array.ndim:
        msg = f"{what} has shape {array.shape}; expected trials and voxels, trials on axis {trial_axis}."
        raise DataError(msg)
    if array.dtype.kind in "iu" and scale == 1.0:
        msg = (
            f"{what} holds whole numbers ({array.dtype}); betas were multiplied before they were stored. Give scale = "
            "the "
            "factor that undoes it (1 / 300 in NSD)."
        )
        raise DataError(msg)
    moved = np.moveaxis(array, trial_axis, 0)
    grid = moved.shape[1:]
    if len(moved) != len(ids):
        shapes = ", ".join(str(n) for n in array.shape)
        msg = (
            f"{what}: {len(ids)} ids for axes of {shapes}; expected as many as axis {trial_axis} has. Give trial_axis."
        )
        raise DataError(msg)
    kept = np.ones(grid, dtype=bool) if mask is None else np.asarray(mask)
    if kept.shape != grid or kept.dtype != bool or not kept.any():
        msg = f"{what}: the mask is {kept.dtype} {kept.shape}; expected booleans {grid}, some of them true."
        raise DataError(msg)
    data = moved.reshape(len(moved), -1)[:, kept.ravel()]
    data = data if scale == 1.0 else data * np.float32(scale) if data.dtype.itemsize <= 4 else data * scale
    places = ["-".join(map(str, one)) for one in np.argwhere(kept).tolist()] if names is None else list(names)
    return Trials(
        data=data[:, :, None], stimulus_ids=tuple(ids), channels=tuple(places), times=(0.0,), modality="fMRI",
        unit=unit,
        rois={roi: _region(one, grid, kept, roi, what) for roi, one in (rois or {}).items()},
        runs=None if runs is None else tuple(runs),
    )  # fmt: skip


def _region(mask: Any, grid: tuple[int, ...], kept: np.ndarray, roi: str, what: str) -> np.ndarray:
    given = np.asarray(mask)
    if given.shape == grid:
        return given[kept]
    if given.shape == (int(kept.sum()),):
        return given
    msg = f"{what}: the mask of ROI {roi!r} has shape {given.shape}; expected {grid}, or ({int(kept.sum())},)."
    raise DataError(msg)

"""Assemblies as Brain-Score writes them: netCDF 4 of xarray, which is HDF5 with marked dimensions."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np

NO_VALUES = "This is a netCDF dimension but not a netCDF variable"


def write_assembly(
    path: Path, data: np.ndarray, dims: Sequence[str], coordinates: Mapping[str, tuple[str, Sequence]],
    variable: str = "data",
) -> Path:  # fmt: skip
    """Write an array with its coordinates; a coordinate named as its dimension is the dimension's own values."""
    with h5py.File(path, "w", track_order=True) as file:
        own = {name for name, (dim, _) in coordinates.items() if name == dim}
        for dim, size in zip(dims, data.shape, strict=True):
            if dim not in own:
                file.create_dataset(dim, shape=(size,), dtype=">f4").make_scale(f"{NO_VALUES}{size:10d}")
        for name, (dim, values) in sorted(coordinates.items(), key=lambda one: one[0] not in own):
            given = np.asarray(values)
            if given.dtype.kind == "U":
                file.create_dataset(name, data=list(values), dtype=h5py.string_dtype())
            else:
                file[name] = given.astype("i1") if given.dtype.kind == "b" else given
            if given.dtype.kind == "b":
                file[name].attrs["dtype"] = np.bytes_(b"bool")
            if name == dim:
                file[name].make_scale(name)
            else:
                file[name].dims[0].attach_scale(file[dim])
        stored = file.create_dataset(variable, data=data, compression="gzip", compression_opts=9)
        stored.attrs["_FillValue"] = np.array([np.nan], dtype=data.dtype)
        stored.attrs["coordinates"] = np.bytes_(" ".join(coordinates).encode())
        for k, dim in enumerate(dims):
            stored.dims[k].attach_scale(file[dim])
    return path

"""Assemblies in netCDF files, as Brain-Score publishes them: presentations by neuroids by time bins."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from brainalign.errors import DataError
from brainalign.readers.damage import require_data
from brainalign.readers.trials import Trials

_DIMS = ("presentation", "neuroid", "time_bin")
#: Coordinates that name the stimulus of a presentation, the first that there is.
IDS = ("stimulus_id", "image_id")
#: Coordinates that name the animal and the region of a neuroid.
ANIMAL, REGION = "animal", "region"
# netCDF marks a dimension that has no values of its own
_NO_VALUES = b"This is a netCDF dimension but not a netCDF variable"
_BLOCK_BYTES = 2**26


@dataclass(frozen=True, eq=False)
class Assembly:
    """What an assembly says of itself; its numbers are read by :meth:`trials`.

    Parameters
    ----------
    path
        The file.
    variable
        Where the numbers are in it.
    dims
        Names of its axes in the order of the file, which need not be presentation, neuroid, time bin.
    shape
        Their lengths.
    coordinates
        Name to the dimension it belongs to, and its values.
    """

    path: Path
    variable: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    coordinates: Mapping[str, tuple[str, np.ndarray]]

    def of(self, dim: str, *names: str) -> np.ndarray:
        """Return the first of several coordinates of a dimension; none raises :class:`DataError`."""
        for name in names:
            for known in (name, f"{name}_"):
                if known in self.coordinates and self.coordinates[known][0] == dim:
                    return self.coordinates[known][1]
        have = ", ".join(name for name, (of, _) in self.coordinates.items() if of == dim) or "none"
        msg = f"{str(self.path)!r} has no coordinate {' or '.join(names)} of {dim}; choose one of: {have}."
        raise DataError(msg)

    def has(self, dim: str, name: str) -> bool:
        """Return whether a dimension has a coordinate."""
        return any(known in self.coordinates and self.coordinates[known][0] == dim for known in (name, f"{name}_"))

    def size(self, dim: str) -> int:
        """Return the length of a dimension; 1 where the assembly has none of that name."""
        return self.shape[self.dims.index(dim)] if dim in self.dims else 1

    def stimulus_ids(self, ids: str = "") -> tuple[str, ...]:
        """Return the stimulus of each presentation, from the coordinate ``ids``, or the usual one."""
        return tuple(_text(one) for one in self.of("presentation", *([ids] if ids else IDS)))

    def animals(self, coordinate: str = ANIMAL) -> np.ndarray:
        """Return the animal of each neuroid ``(n_neuroids,)``; ``"all"`` where the usual coordinate is missing."""
        if coordinate == ANIMAL and not self.has("neuroid", ANIMAL):
            return np.full(self.size("neuroid"), "all")
        return np.array([_text(one) for one in self.of("neuroid", coordinate)])

    def regions(self, coordinate: str = REGION) -> tuple[str, ...]:
        """Return the regions of neuroids in the order of the file; ``"all"`` where the usual coordinate is missing."""
        return tuple(dict.fromkeys(self._named(coordinate).tolist()))

    def trials(
        self,
        neuroids: np.ndarray | None = None,
        *,
        ids: str = "",
        rois: str = REGION,
        runs: str = "",
        modality: str = "spikes",
        unit: str = "a.u.",
    ) -> Trials:
        """Return the presentations as trials of some neuroids.

        A neuroid that has no number at all is left out, then a presentation that some neuroid lacks; notes say how
        many.

        Parameters
        ----------
        neuroids
            Boolean mask ``(n_neuroids,)``: those of one animal, say; all unless given.
        ids, runs
            Coordinates of presentations that name stimuli and runs; no runs unless given.
        rois
            Coordinate of neuroids that names their region; one ROI, ``"all"``, where there is none.
        modality, unit
            Of the numbers, which the file does not say.

        Raises
        ------
        DataError
            If a coordinate is missing, or no presentation is left.
        """
        kept = np.ones(self.size("neuroid"), dtype=bool) if neuroids is None else neuroids
        data = self._numbers(kept)
        alive = np.isfinite(data).any(axis=(0, 2))
        whole = np.isfinite(data[:, alive]).all(axis=(1, 2))
        if not whole.any():
            msg = (
                f"{str(self.path)!r}: no presentation has a number for each of {int(kept.sum())} neuroids. Select some."
            )
            raise DataError(msg)
        lost = ((~alive, "neuroids without a number"), (~whole, "presentations that a neuroid lacks"))
        names = self._names()[kept][alive]
        labels = np.array(self.stimulus_ids(ids))[whole]
        return Trials(
            data=data if alive.all() and whole.all() else data[whole][:, alive],
            stimulus_ids=tuple(labels.tolist()),
            channels=tuple(names.tolist()),
            times=self.times(),
            modality=modality,
            unit=unit,
            rois=self._regions(rois, kept, alive),
            runs=None if not runs else tuple(_text(one) for one in self.of("presentation", runs)[whole]),
            notes=tuple(f"{int(mask.sum())} {what} were left out." for mask, what in lost if mask.any()),
        )

    def times(self) -> tuple[float, ...]:
        """Return the middle of each time bin in seconds; the file has its ends in milliseconds."""
        if "time_bin" not in self.dims:
            return (0.0,)
        start, end = (self.of("time_bin", f"time_bin_{end}").astype(float) for end in ("start", "end"))
        return tuple(((start + end) / 2000).round(9).tolist())

    def _names(self) -> np.ndarray:
        if self.has("neuroid", "neuroid_id"):
            return np.array([_text(one) for one in self.of("neuroid", "neuroid_id")])
        return np.array([f"neuroid-{k}" for k in range(self.size("neuroid"))])

    def _regions(self, rois: str, kept: np.ndarray, alive: np.ndarray) -> dict[str, np.ndarray]:
        named = self._named(rois)[kept][alive]
        return {str(one): named == one for one in dict.fromkeys(named.tolist())}

    def _named(self, rois: str) -> np.ndarray:
        if rois == REGION and not self.has("neuroid", REGION):
            return np.full(self.size("neuroid"), "all")
        return np.array([_text(one) for one in self.of("neuroid", rois)])

    def _numbers(self, kept: np.ndarray) -> np.ndarray:
        """Return ``(n_presentations, n_kept, n_times)``, whatever the order of axes in the file, block by block."""
        import h5py

        axis = {dim: k for k, dim in enumerate(self.dims)}
        order = [axis[dim] for dim in _DIMS if dim in axis]
        found: np.ndarray | None = None
        with h5py.File(self.path, "r") as file:
            stored = file[self.variable]
            shape = (self.size("presentation"), int(kept.sum()), self.size("time_bin"))
            kind = stored.dtype if stored.dtype.kind == "f" else np.dtype(float)
            found = np.empty(shape, dtype=kind.newbyteorder("="))
            for start, stop in _blocks(stored.shape, stored.dtype.itemsize):
                block = stored[start:stop].transpose(order)
                block = block if block.ndim == 3 else block[:, :, None]
                if self.dims[0] == "presentation":
                    found[start:stop] = block[:, kept]
                elif self.dims[0] == "neuroid":
                    before = int(kept[:start].sum())
                    own = kept[start:stop]
                    found[:, before : before + int(own.sum())] = block[:, own]
                else:
                    found[:, :, start:stop] = block[:, kept]
        return found


def read_assembly(path: str | os.PathLike[str], variable: str = "") -> Assembly:
    """Return the assembly of a netCDF file of version 4.

    Parameters
    ----------
    path
        The file.
    variable
        Name of its numbers, where it holds several arrays.

    Raises
    ------
    DataError
        If the file is damaged or of another kind, or holds no array of presentations by neuroids.
    """
    import h5py

    file = require_data(path)
    try:
        with h5py.File(file, "r") as opened:
            arrays = {name: _dims(opened, one) for name, one in opened.items() if isinstance(one, h5py.Dataset)}
            name = variable or _only(arrays, file)
            if name not in arrays or not {"presentation", "neuroid"} <= set(arrays[name]):
                raise DataError(_no_assembly(arrays, file))
            if set(arrays[name]) - set(_DIMS) or len(arrays[name]) > 3:
                raise DataError(_no_assembly(arrays, file))
            coordinates = {
                one: (dims[0], _values(opened[one]))
                for one, dims in arrays.items()
                if one != name and len(dims) == 1 and dims[0] in arrays[name]
            }
            return Assembly(
                path=file, variable=name, dims=arrays[name], shape=tuple(opened[name].shape), coordinates=coordinates
            )
    except (OSError, KeyError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        with file.open("rb") as begun:
            old = begun.read(3) == b"CDF"
        why = "it is netCDF of version 3" if old else " ".join(str(error).split())[:160]
        msg = f"{str(file)!r} cannot be read ({why}); expected netCDF of version 4. Fetch or save it again."
        raise DataError(msg) from error


def _dims(file: Any, one: Any) -> tuple[str, ...]:
    """Return the names of the dimensions of an array; none of a dimension without values."""
    if "DIMENSION_LIST" in one.attrs:
        return tuple(file[scales[0]].name.strip("/") for scales in one.attrs["DIMENSION_LIST"])
    marked = bytes(one.attrs.get("NAME", b"")).startswith(_NO_VALUES)
    return (one.name.strip("/"),) if one.attrs.get("CLASS") == b"DIMENSION_SCALE" and not marked else ()


def _only(arrays: Mapping[str, tuple[str, ...]], file: Path) -> str:
    """Return the one array of presentations by neuroids."""
    found = [name for name, dims in arrays.items() if {"presentation", "neuroid"} <= set(dims)]
    if len(found) != 1:
        raise DataError(_no_assembly(arrays, file))
    return found[0]


def _no_assembly(arrays: Mapping[str, tuple[str, ...]], file: Path) -> str:
    have = ", ".join(f"{name} ({', '.join(dims)})" for name, dims in arrays.items() if len(dims) > 1) or "no array"
    return (
        f"{str(file)!r} holds {have}; expected one array of presentation, neuroid and, if there is, time_bin. "
        "Name it: variable, or give another file."
    )


def _values(one: Any) -> np.ndarray:
    values = one[()]
    if one.attrs.get("dtype") in (b"bool", "bool"):
        return np.asarray(values, dtype=bool)
    return np.array([_text(each) for each in values]) if values.dtype.kind in "OS" else np.asarray(values)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return str(int(value)) if isinstance(value, float | np.floating) and float(value).is_integer() else str(value)


def _blocks(shape: tuple[int, ...], itemsize: int) -> Iterator[tuple[int, int]]:
    step = max(1, _BLOCK_BYTES // max(1, itemsize * int(np.prod(shape[1:]))))
    yield from ((start, min(start + step, shape[0])) for start in range(0, shape[0], step))

"""Data sets of CoSMoMVPA: samples with their attributes, features with theirs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from brainalign.errors import DataError
from brainalign.readers.id_forms import formed
from brainalign.readers.matlab import read_matlab
from brainalign.readers.trials import Trials

# seconds from onset that no epoch reaches
_LONGEST = 60.0


@dataclass(frozen=True, eq=False)
class CosmoDataset:
    """What one struct of CoSMoMVPA holds.

    Parameters
    ----------
    samples
        ``(n_samples, n_features)``.
    sa, fa
        Attributes of samples ``(n_samples, ...)`` and of features ``(n_features, ...)`` by name.
    dimensions
        Dimension of features to its values: ``{"chan": names, "time": seconds}`` of EEG. ``fa`` counts into them from
        1.
    name
        File and struct, for messages.
    """

    samples: np.ndarray
    sa: Mapping[str, Any]
    fa: Mapping[str, np.ndarray]
    dimensions: Mapping[str, Any]
    name: str

    def trials(
        self,
        ids: str,
        modality: str,
        unit: str,
        *,
        runs: str | None = None,
        id_form: str = "text",
        time_unit: str = "s",
    ) -> Trials:
        """Return samples as trials.

        Features with the dimensions ``chan`` and ``time`` become channels by times, in the order of their values,
        whatever the order of columns; others become channels of one time.

        Parameters
        ----------
        ids, runs
            Sample attributes that hold them.
        modality, unit
            Of the samples, which the file does not say.
        id_form
            See :func:`brainalign.readers.id_forms.formed`.
        time_unit
            ``"s"`` or ``"ms"``: what the dimension ``time`` is in.

        Raises
        ------
        DataError
            If an attribute is missing, or features do not fill channels by times once.
        """
        labels = formed(_texts(self._attribute(ids)), id_form, self.name)
        parts = None if runs is None else tuple(_texts(self._attribute(runs)))
        if {"chan", "time"} <= set(self.dimensions) and {"chan", "time"} <= set(self.fa):
            channels, times, data = self._grid(time_unit)
        else:
            channels, times = self._features(), (0.0,)
            data = self.samples[:, :, None]
        return Trials(
            data=data, stimulus_ids=labels, channels=channels, times=times, modality=modality, unit=unit, runs=parts
        )

    def _grid(self, time_unit: str) -> tuple[tuple[str, ...], tuple[float, ...], np.ndarray]:
        channels = tuple(_texts(self.dimensions["chan"]))
        times = in_seconds(self.dimensions["time"], time_unit, self.name)
        row, column = (np.ravel(self.fa[name]).astype(int) - 1 for name in ("chan", "time"))
        place = row * len(times) + column
        if sorted(place.tolist()) != list(range(len(channels) * len(times))):
            msg = (
                f"{self.name}: {len(place)} features for {len(channels)} channels by {len(times)} times; expected each "
                "once. Undo the feature selection, or give samples as an array."
            )
            raise DataError(msg)
        data = np.empty((len(self.samples), len(channels) * len(times)), self.samples.dtype)
        data[:, place] = self.samples
        return channels, times, data.reshape(-1, len(channels), len(times))

    def _features(self) -> tuple[str, ...]:
        if not self.fa:
            return tuple(f"feature {k + 1}" for k in range(self.samples.shape[1]))
        columns = [np.ravel(values) for values in self.fa.values()]
        names = tuple("-".join(str(int(one[k])) for one in columns) for k in range(self.samples.shape[1]))
        return names if len(set(names)) == len(names) else tuple(f"{k + 1}:{one}" for k, one in enumerate(names))

    def _attribute(self, name: str) -> Any:
        if name not in self.sa:
            msg = f"{self.name}: no sample attribute {name!r}; choose one of {', '.join(self.sa) or 'none'}."
            raise DataError(msg)
        return self.sa[name]


def in_seconds(values: Any, unit: str, name: str) -> tuple[float, ...]:
    """Return times in seconds; those that cannot be in the unit they are said to be in raise :class:`DataError`."""
    if unit not in ("s", "ms"):
        msg = f"{name}: time_unit = {unit!r}; expected 's' or 'ms'."
        raise DataError(msg)
    times = np.ravel(np.asarray(values, dtype=float)) / (1000.0 if unit == "ms" else 1.0)
    if len(times) and np.abs(times).max() > _LONGEST:
        msg = (
            f"{name}: times run from {times[0]:g} to {times[-1]:g} s from onset; expected seconds. Give time_unit = "
            "'ms'."
        )
        raise DataError(msg)
    return tuple(times.tolist())


def read_cosmomvpa(path: str | os.PathLike[str], variable: str | None = None) -> CosmoDataset:
    """Return the data set of a ``.mat`` file, of MATLAB version 5 to 7.3.

    Parameters
    ----------
    path
        The file.
    variable
        Name of the struct, ``"ds"`` say; unless given, the only one, or the file's own variables.

    Raises
    ------
    DataError
        If there is no such struct, or attributes and samples differ in length.
    """
    content = read_matlab(path)
    shown = repr(os.fspath(path))
    structs = [name for name, one in content.items() if isinstance(one, dict) and "samples" in one]
    if variable is None and "samples" in content:
        struct = content
    elif variable in structs or (variable is None and len(structs) == 1):
        struct = content[variable or structs[0]]
    else:
        have = ", ".join(structs or content) or "nothing"
        msg = f"{shown} holds {have}; expected one struct with samples, sa and fa. Name it: variable = 'ds'."
        raise DataError(msg)
    samples = np.atleast_2d(np.asarray(struct["samples"]))
    sa, fa = (
        {k: np.asarray(v) if _flat(v) else v for k, v in (struct.get(part) or {}).items()} for part in ("sa", "fa")
    )
    _check_lengths(samples, sa, fa, shown)
    fdim = (struct.get("a") or {}).get("fdim") or {}
    names = _texts(fdim.get("labels", []))
    values = fdim.get("values", [])
    dimensions = {names[0]: values} if len(names) == 1 and _flat(values) else dict(zip(names, values, strict=False))
    return CosmoDataset(samples=samples, sa=sa, fa=fa, dimensions=dimensions, name=shown)


def _check_lengths(samples: np.ndarray, sa: Mapping[str, Any], fa: Mapping[str, Any], shown: str) -> None:
    for part, attributes, n in (("sa", sa, samples.shape[0]), ("fa", fa, samples.shape[1])):
        for name, values in attributes.items():
            if len(np.atleast_1d(np.asarray(values, dtype=object))) != n and np.size(values) != n:
                msg = f"{shown}: {part}.{name} has {np.size(values)} values for samples {samples.shape}; expected {n}."
                raise DataError(msg)


def _flat(values: Any) -> bool:
    return isinstance(values, np.ndarray | int | float | np.number) or (
        isinstance(values, list) and all(isinstance(one, str | int | float | np.number) for one in values)
    )


def _texts(values: Any) -> list[str]:
    """Return values as text, one each; whole numbers without a point."""
    listed = [values] if isinstance(values, str) else list(np.ravel(np.asarray(values, dtype=object)))
    return [str(int(one)) if isinstance(one, float) and one.is_integer() else str(one) for one in listed]

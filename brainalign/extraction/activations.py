"""Layers of one network under their stimuli."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from brainalign.datasets.stimuli import checked_ids, positions
from brainalign.errors import DataError, StimulusMismatchError
from brainalign.extraction.origin import Origin
from brainalign.patterns import Patterns
from brainalign.storage import content_hash, read_tensors, write_arrays, write_tensors
from brainalign.summary import Summarised, Summary, some

#: How names of files of activations end.
SUFFIXES = (".safetensors", ".npz")


@dataclass(frozen=True, eq=False)
class Activations(Summarised):
    """Layers of one network under their stimuli.

    Parameters
    ----------
    layers
        Layer name, in the order signals pass, to ``(n_stimuli, n_features)`` float32. A layer that is called several
        times has one entry per call, in order: ``relu``, ``relu_1``, ...
    stimulus_ids
        Unique ids of the rows, in any form that :func:`~brainalign.datasets.stimuli.checked_ids` reads.
    key
        Content hash of weights, the function they are weights of, stimuli, preprocessing and ``activity``; that of
        layers and ids where none is given.
    activity
        What the activity of a hidden unit is, where a rule says so (a spike rate, and over which time), or where places
        were pooled.
    origin
        Whose layers they are: name, group and seed.
    residual
        How far from rest each answer is, relative to its size, ``(n_stimuli,)``; None where answers do not settle.

    Raises
    ------
    StimulusMismatchError
        If ids repeat or cannot be read, or a layer is not ``(n_stimuli, n_features)`` numbers.

    Examples
    --------
    >>> import brainalign as ba, numpy as np, tempfile
    >>> one = ba.Activations({"fc": np.eye(3), "out": np.ones((3, 2)) * [[1], [2], [3]]}, ("cat", "dog", "car"))
    >>> print(one)
    Activations of network, seed 0: 2 layers
      layers (features): fc (3), out (2)
      stimuli: cat, dog, car
      group, role: models, model
    >>> one.subset(["dog", "cat"]).layers["out"].tolist()
    [[2.0, 2.0], [1.0, 1.0]]
    >>> one.patterns("fc").rows(["car"]).tolist()
    [[0.0, 0.0, 1.0]]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     one.save(f"{folder}/mine.npz")
    ...     print(ba.Activations.load(f"{folder}/mine.npz").key == one.key)
    True
    """

    layers: Mapping[str, np.ndarray]
    stimulus_ids: tuple[str, ...]
    key: str = ""
    activity: str = ""
    origin: Origin = field(default_factory=Origin)
    residual: np.ndarray | None = None

    def __post_init__(self) -> None:
        ids = checked_ids(self.stimulus_ids, "Activations")
        layers = {name: _checked_layer(name, values, len(ids)) for name, values in self.layers.items()}
        object.__setattr__(self, "stimulus_ids", ids)
        object.__setattr__(self, "layers", layers)
        if not self.key:
            object.__setattr__(self, "key", content_hash(list(ids), list(layers), dict(layers)))

    def summary(self) -> Summary:
        """Return whose layers they are, and their sizes."""
        own = self.origin
        sizes = some((f"{name} ({values.shape[1]})" for name, values in self.layers.items()), 6)
        facts = {
            "layers (features)": sizes,
            "stimuli": some(self.stimulus_ids),
            **({"activity": self.activity} if self.activity else {}),
            "group, role": f"{own.group}, {own.role}",
        }
        return Summary(f"Activations of {own.name}, seed {own.seed}: {len(self.layers)} layers", facts)

    def subset(self, ids: Sequence[str]) -> "Activations":
        """Return the rows ``ids``, in that order."""
        ids = checked_ids(ids, "Activations")
        rows = positions(self.stimulus_ids, ids, "activations")
        layers = {name: values[rows] for name, values in self.layers.items()}
        residual = None if self.residual is None else self.residual[rows]
        return replace(self, layers=layers, stimulus_ids=ids, residual=residual)

    def patterns(self, layer: str) -> Patterns:
        """Return one layer as patterns under ids; an unknown layer raises :class:`DataError`."""
        if layer not in self.layers:
            msg = f"These activations have no layer {layer!r}; choose among: {', '.join(self.layers)}."
            raise DataError(msg)
        return Patterns(self.layers[layer], self.stimulus_ids, f"Features of layer {layer}")

    def save(self, path: str | Path) -> None:
        """Write as safetensors, or as NumPy arrays where the name ends in ``.npz``; atomically.

        An ``.npz`` file holds ``ids`` and an array for each layer; a file of your own needs no more.

        Raises
        ------
        DataError
            If the name ends otherwise, or a layer has a name that the file needs.
        """
        path = Path(path)
        facts: dict[str, Any] = {"stimulus_ids": list(self.stimulus_ids), "key": self.key, "layers": list(self.layers)}
        facts |= {"activity": self.activity, "origin": self.origin.record()}
        if path.suffix == ".safetensors":
            tensors = {name: torch.tensor(values) for name, values in self.layers.items()}
            if self.residual is not None:
                tensors[_RESIDUAL] = torch.tensor(self.residual)
            write_tensors(path, tensors, facts)
            return
        _check_suffix(path)
        taken = [name for name in self.layers if name in _RESERVED]
        if taken:
            msg = f"A layer is named {taken[0]!r}, which means something else in an .npz file; write .safetensors."
            raise DataError(msg)
        arrays = {"ids": np.array(self.stimulus_ids), **self.layers, "about": np.array(json.dumps(facts))}
        if self.residual is not None:
            arrays[_RESIDUAL] = self.residual
        write_arrays(path, arrays)

    @classmethod
    def load(cls, path: str | Path) -> "Activations":
        """Read what :meth:`save` wrote, or an ``.npz`` file of ``ids`` and layers ``(n_stimuli, n_features)``.

        Raises
        ------
        DataError
            If the file is another, or not whole.
        """
        path = Path(path)
        if path.suffix != ".safetensors":
            return cls._of_arrays(path)
        tensors, facts = read_tensors(path)
        if not {"layers", "stimulus_ids", "key"} <= facts.keys():
            msg = f"{str(path)!r} holds no activations; give a file that Activations.save wrote."
            raise DataError(msg)
        layers = {name: tensors[name].numpy() for name in facts["layers"]}
        residual = tensors[_RESIDUAL].numpy() if _RESIDUAL in tensors else None
        return cls(layers, tuple(facts["stimulus_ids"]), **_further(facts), residual=residual)

    @classmethod
    def _of_arrays(cls, path: Path) -> "Activations":
        _check_suffix(path)
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        except (OSError, ValueError, EOFError) as error:
            msg = f"Cannot read {str(path)!r} ({error}): expected a whole .npz file of arrays."
            raise DataError(msg) from error
        if "ids" not in arrays:
            found = ", ".join(arrays) or "nothing"
            msg = (
                f"{str(path)!r} holds {found}; expected 'ids' (n_stimuli,) and a layer (n_stimuli, n_features) or more."
            )
            raise DataError(msg)
        facts = json.loads(str(arrays["about"])) if "about" in arrays else {}
        layers = {name: values for name, values in arrays.items() if name not in _RESERVED}
        ids = arrays["ids"].tolist()
        further = _further(facts) if facts else {"origin": Origin(path.stem)}
        return cls(layers, tuple(ids), **further, residual=arrays.get(_RESIDUAL))


_RESIDUAL = "residual of the answer"
_RESERVED = ("ids", "about", _RESIDUAL)


def _check_suffix(path: Path) -> None:
    if path.suffix not in SUFFIXES:
        msg = f"Activations in {str(path)!r}; expected a name that ends in {' or '.join(SUFFIXES)}."
        raise DataError(msg)


def _further(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return key, activity and origin of a file; files of earlier versions have no origin."""
    return {
        "key": facts["key"],
        "activity": facts.get("activity", ""),
        "origin": Origin.from_record(facts.get("origin", {})),
    }


def _checked_layer(name: str, values: Any, n: int) -> np.ndarray:
    if isinstance(values, Tensor):
        values = values.detach().cpu().numpy()
    if np.ma.is_masked(values):
        msg = f"Activations: layer {name!r} is partly masked; expected a value everywhere. Leave those stimuli out."
        raise StimulusMismatchError(msg)
    values = np.asarray(values)
    if values.ndim != 2 or len(values) != n or values.dtype.kind not in "fiub":
        msg = (
            f"Activations: layer {name!r} is {values.dtype} {values.shape} for {n} stimuli; expected numbers "
            f"({n}, n_features). Give one row per stimulus id."
        )
        raise StimulusMismatchError(msg)
    return values.astype(values.dtype.newbyteorder("="), copy=False)

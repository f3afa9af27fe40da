"""What the layers of a network do when it is shown stimuli, checked to be a function of each stimulus alone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from brainalign.datasets.preprocessing import Preprocessing
from brainalign.datasets.stimuli import Stimuli, checked_ids, positions
from brainalign.errors import BrainalignError, DataError, ExtractionError, StimulusMismatchError
from brainalign.extraction.failures import checked_device, failure
from brainalign.extraction.leak_check import require_function_of_stimulus, require_same_layers
from brainalign.extraction.module_key import module_key, plain_repr
from brainalign.extraction.module_layers import Evaluating, Respond, floating_dtype, module_in, module_respond
from brainalign.patterns import Patterns
from brainalign.storage import content_hash, read_tensors, write_tensors
from brainalign.training.checkpoint import Checkpoint

#: Stimuli on which layers are checked to be functions of one stimulus.
_TRIED = 12


@dataclass(frozen=True, eq=False)
class Activations:
    """Layers of one network under their stimuli.

    Parameters
    ----------
    layers
        Layer name, in the order signals pass, to ``(n_stimuli, n_features)`` float32. A layer that is called several
        times has one entry per call, in order: ``relu``, ``relu_1``, ...
    stimulus_ids
        Unique ids of the rows, in any form that :func:`~brainalign.datasets.stimuli.checked_ids` reads.
    key
        Content hash of weights, the function they are weights of, stimuli, preprocessing and ``activity``.
    activity
        What the activity of a hidden unit is, where a rule says so (a spike rate, and over which time).
    residual
        How far from rest each answer is, relative to its size, ``(n_stimuli,)``; None where answers do not settle.

    Raises
    ------
    StimulusMismatchError
        If ids repeat or cannot be read, or a layer is not ``(n_stimuli, n_features)`` numbers.
    """

    layers: Mapping[str, np.ndarray]
    stimulus_ids: tuple[str, ...]
    key: str
    activity: str = ""
    residual: np.ndarray | None = None

    def __post_init__(self) -> None:
        ids = checked_ids(self.stimulus_ids, "Activations")
        layers = {name: _checked_layer(name, values, len(ids)) for name, values in self.layers.items()}
        object.__setattr__(self, "stimulus_ids", ids)
        object.__setattr__(self, "layers", layers)

    def subset(self, ids: Sequence[str]) -> "Activations":
        """Return the rows ``ids``, in that order."""
        ids = checked_ids(ids, "Activations")
        rows = positions(self.stimulus_ids, ids, "activations")
        layers = {name: values[rows] for name, values in self.layers.items()}
        residual = None if self.residual is None else self.residual[rows]
        return Activations(layers, ids, self.key, self.activity, residual)

    def patterns(self, layer: str) -> Patterns:
        """Return one layer as patterns under ids; an unknown layer raises :class:`DataError`."""
        if layer not in self.layers:
            msg = f"These activations have no layer {layer!r}; choose among: {', '.join(self.layers)}."
            raise DataError(msg)
        return Patterns(self.layers[layer], self.stimulus_ids, f"Features of layer {layer}")

    def save(self, path: str | Path) -> None:
        """Write as safetensors, atomically."""
        tensors = {name: torch.tensor(values) for name, values in self.layers.items()}
        if self.residual is not None:
            tensors["residual|"] = torch.tensor(self.residual)
        facts = {"stimulus_ids": list(self.stimulus_ids), "key": self.key, "layers": list(self.layers)}
        write_tensors(path, tensors, {**facts, "activity": self.activity})

    @classmethod
    def load(cls, path: str | Path) -> "Activations":
        """Read what :meth:`save` wrote; another file raises :class:`DataError`."""
        tensors, facts = read_tensors(path)
        if not {"layers", "stimulus_ids", "key"} <= facts.keys():
            msg = f"{str(path)!r} holds no activations; give a file that Activations.save wrote."
            raise DataError(msg)
        layers = {name: tensors[name].numpy() for name in facts["layers"]}
        residual = tensors["residual|"].numpy() if "residual|" in tensors else None
        return cls(layers, tuple(facts["stimulus_ids"]), facts["key"], facts.get("activity", ""), residual)


def extract(
    model: Checkpoint | nn.Module,
    stimuli: Stimuli,
    preprocessing: Preprocessing | None = None,
    layers: Sequence[str] = (),
    batch_size: int = 128,
    device: str = "cpu",
) -> tuple[Activations, ...]:
    """Show stimuli to every instance of a population, or to a module of your own.

    Before anything is stored, a few stimuli are shown again alone, in another order and a second time; a layer
    in which the answer of any unit changes by more than rounding explains (batch normalisation left in training mode,
    dropout, a hidden state) is refused.

    Parameters
    ----------
    model
        A checkpoint, or any :class:`torch.nn.Module` of half, single or double precision that maps images to
        anything. A module is put in evaluation mode for the duration and returned as it was.
    stimuli
        What to show.
    preprocessing
        From images to inputs. A checkpoint brings its own; pass one to show another resolution. A module needs one.
    layers
        Layers to keep, one name or several; empty keeps all of a checkpoint, and all modules without children of a
        module. A module that is called several times has one entry per call, ``relu``, ``relu_1``, ...: its name asks
        for all, ``relu_1`` for the second. A module that is registered under several names is one layer, under the
        first. ``output`` is what a module returns.
    batch_size
        Stimuli per pass; it does not change the result.
    device
        Where to compute, ``"cpu"`` or ``"cuda"``.

    Returns
    -------
    tuple of Activations
        One per instance; one for a module.

    Raises
    ------
    ExtractionError
        If an activation is not finite or depends on batch, order or chance, if the network cannot read the inputs,
        or if a layer is unknown, never runs, or is no tensor with the stimuli on its first axis.
    """
    options = _Options.checked(model, stimuli, preprocessing, layers, batch_size, device)
    if isinstance(model, Checkpoint):
        return tuple(_each(model, stimuli, options))
    with Evaluating(model, options.device) as still:
        return (_extract(_own(still, options), stimuli, options),)


def extract_each(
    model: Checkpoint,
    stimuli: Stimuli,
    preprocessing: Preprocessing | None = None,
    layers: Sequence[str] = (),
    batch_size: int = 128,
    device: str = "cpu",
) -> Iterator[Activations]:
    """Yield what :func:`extract` returns, each instance when it is asked for: the layers of one network at a time."""
    yield from _each(model, stimuli, _Options.checked(model, stimuli, preprocessing, layers, batch_size, device))


def _each(model: Checkpoint, stimuli: Stimuli, options: "_Options") -> Iterator[Activations]:
    for row in range(len(model.seeds)):
        yield _extract(_instance(model, row, options), stimuli, options)


@dataclass(frozen=True)
class _Options:
    """What :func:`extract` was asked for, checked."""

    preprocessing: Preprocessing
    layers: tuple[str, ...]
    batch_size: int
    device: torch.device

    @classmethod
    def checked(
        cls, model: Any, stimuli: Any, preprocessing: Any, layers: Any, batch_size: Any, device: Any
    ) -> "_Options":
        if not isinstance(model, (Checkpoint, nn.Module)):
            msg = f"extract() got a model of type {type(model).__name__}; expected a Checkpoint or a torch module."
            raise ExtractionError(msg)
        if not isinstance(stimuli, Stimuli):
            msg = f"extract() got stimuli of type {type(stimuli).__name__}; expected Stimuli(ids, images, name)."
            raise ExtractionError(msg)
        if preprocessing is None and isinstance(model, Checkpoint):
            preprocessing = model.preprocessing
        if not isinstance(preprocessing, Preprocessing):
            msg = (
                "extract() got a module without preprocessing; pass the Preprocessing it was trained with, "
                "e.g. Preprocessing(3, (224, 224), mean, std)."
            )
            raise ExtractionError(msg)
        layers = (layers,) if isinstance(layers, str) else tuple(layers)
        wrong = [layer for layer in layers if not isinstance(layer, str)]
        if wrong:
            msg = f"Layers hold {wrong[0]!r}; expected names. Give layers = ['name', ...]."
            raise ExtractionError(msg)
        if not isinstance(batch_size, Integral) or isinstance(batch_size, bool) or batch_size < 1:
            msg = f"batch_size is {batch_size!r}; expected a whole number from 1 on. It does not change the result."
            raise ExtractionError(msg)
        return cls(preprocessing, layers, int(batch_size), checked_device(device))


@dataclass(frozen=True, eq=False)
class _Network:
    """A network ready to be shown inputs: how it answers, in other precisions, and what names its function."""

    respond: Respond
    in_precision: Callable[[torch.dtype], Respond | None]
    dtype: torch.dtype
    function: tuple[Any, ...]
    activity: str = ""
    trained: tuple[int, int] | None = None
    residual: Callable[[Tensor], Tensor | None] = lambda x: None

    def show(self, x: Tensor, respond: Respond | None = None) -> dict[str, Tensor]:
        """Return every layer ``(n, n_features)`` for inputs ``x``, or say in one line why there is none."""
        try:
            with torch.no_grad():
                found = (respond or self.respond)(x)
        except BrainalignError:
            raise
        except Exception as error:  # a network is anyone's code
            raise failure(error, x, self.trained) from error
        return {name: _features(name, value, len(x)) for name, value in found.items()}

    def other_precisions(self) -> Iterator[Callable[[Tensor], dict[str, Tensor]]]:
        """Yield the network in other precisions, double first."""
        for dtype in (torch.float64, torch.float32):
            respond = self.in_precision(dtype) if dtype != self.dtype else None
            if respond is not None:
                yield lambda x, respond=respond: self.show(x, respond)  # type: ignore[misc]


def _own(module: nn.Module, options: _Options) -> _Network:
    layers = options.layers
    dtype = floating_dtype([*module.parameters(), *module.buffers()])
    respond = module_respond(module, layers)
    return _Network(respond, lambda other: module_in(other, module, layers), dtype, (module_key(module),))


def _instance(model: Checkpoint, row: int, options: _Options) -> _Network:
    unknown = [name for name in options.layers if name not in model.network.layers]
    if unknown:
        msg = f"Unknown layer {unknown[0]!r}. Choose among: {', '.join(model.network.layers)}."
        raise ExtractionError(msg)

    def respond_in(dtype: torch.dtype) -> Respond:
        params, state = (
            {n: t.to(options.device, dtype if t.is_floating_point() else t.dtype) for n, t in group.items()}
            for group in model.instance(row)
        )

        def respond(x: Tensor) -> dict[str, Tensor]:
            found = model.rule.respond(model.network, params, state, x.to(dtype))
            return {name: found[name] for name in options.layers or found}

        return respond

    dtype = floating_dtype(model.params.values())
    # Equal weights of another network, or read out by another rule, are another function.
    function = (model.weights_hash(row), plain_repr(model.network), plain_repr(model.rule))
    trained = model.network.task.input_shape[1:]
    params, state = ({n: t.to(options.device) for n, t in group.items()} for group in model.instance(row))

    def residual(x: Tensor) -> Tensor | None:
        with torch.no_grad():
            return model.rule.residual(model.network, params, state, x.to(dtype))

    return _Network(respond_in(dtype), respond_in, dtype, function, model.rule.activity, trained, residual)


def _extract(network: _Network, stimuli: Stimuli, options: _Options) -> Activations:
    def inputs(images: np.ndarray) -> Tensor:
        return options.preprocessing(torch.from_numpy(images).permute(0, 3, 1, 2).to(options.device))

    tried = stimuli.images[np.unique(np.linspace(0, len(stimuli) - 1, min(len(stimuli), _TRIED)).round().astype(int))]
    if len(tried) == 1:  # one stimulus is shown beside its negative, or nothing could leak into it
        tried = np.concatenate([tried, 255 - tried])
    x = inputs(tried)
    first = require_function_of_stimulus(network.show, x, network.other_precisions)
    parts, residuals = [], list[np.ndarray]()
    for rows in _blocks(len(stimuli), options.batch_size):
        x = inputs(stimuli.images[rows])
        found = network.show(x)
        if (residual := network.residual(x)) is not None:
            residuals.append(residual.float().cpu().numpy())
        require_same_layers(first, found)
        parts.append({name: layer.float().cpu().numpy() for name, layer in found.items()})
    values = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    for name, layer in values.items():
        _require_finite(name, layer, stimuli, network.dtype)
    # The same weights read over another time are other activations.
    activity = [network.activity] if network.activity else []
    key = content_hash(*network.function, stimuli.key, options.preprocessing.record(), list(options.layers), *activity)
    unrest = np.concatenate(residuals) if residuals else None
    return Activations(values, stimuli.ids, key, network.activity, unrest)


def _blocks(n: int, size: int) -> Iterator[np.ndarray]:
    for start in range(0, n, size):
        yield np.arange(start, min(start + size, n))


def _features(name: str, value: Tensor, n: int) -> Tensor:
    """Return what a layer returned for ``n`` stimuli as ``(n, n_features)``."""
    if value.ndim == 0 or len(value) != n:
        msg = (
            f"Layer {name!r} returns {tuple(value.shape)} for {n} stimuli; expected the stimuli on the first axis. "
            "Name the layers to keep (layers = [...]), or move its batch axis to the front."
        )
        raise ExtractionError(msg)
    if value.numel() == 0:
        msg = f"Layer {name!r} has no features ({tuple(value.shape)}); expected at least one. Name the layers to keep."
        raise ExtractionError(msg)
    if value.is_complex():
        msg = f"Layer {name!r} returns complex numbers; expected real ones. Take their size or their parts first."
        raise ExtractionError(msg)
    return value.reshape(n, -1)


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


def _require_finite(name: str, layer: np.ndarray, stimuli: Stimuli, dtype: torch.dtype) -> None:
    bad = ~np.isfinite(layer).all(axis=1)
    if bad.any():
        remedy = "The network diverged: train it with a lower rate."
        if dtype in (torch.float16, torch.float64):
            remedy = f"Numbers of {str(dtype).split('.')[1]} left the range, or the network diverged: try its float()."
        msg = (
            f"Layer {name!r} is not finite for {int(bad.sum())} of {len(stimuli)} stimuli, first "
            f"{stimuli.ids[int(bad.argmax())]!r}; expected numbers. {remedy}"
        )
        raise ExtractionError(msg)

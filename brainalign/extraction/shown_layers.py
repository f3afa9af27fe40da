"""Layers of one network under stimuli: shown, checked to be a function of each stimulus alone, and named by content."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from brainalign.datasets.stimuli import Stimuli
from brainalign.errors import BrainalignError, ExtractionError
from brainalign.extraction.failures import checked_device, failure
from brainalign.extraction.inputs import Inputs, Pixels, checked_inputs
from brainalign.extraction.layer_names import is_pattern, matching, unknown
from brainalign.extraction.leak_check import require_function_of_stimulus, require_same_layers
from brainalign.extraction.module_key import module_key, plain_repr
from brainalign.extraction.module_layers import Evaluating, Respond, floating_dtype, module_in, module_respond
from brainalign.extraction.pooling import POOLS, check_pool, pooled
from brainalign.extraction.projection import Projection
from brainalign.storage import content_hash
from brainalign.training.checkpoint import Checkpoint

#: Stimuli on which layers are checked to be functions of one stimulus.
_TRIED = 12
# rows that are looked at together, so that a layer on disk is not read at once
_CHECKED = 256


@dataclass(frozen=True, eq=False)
class Showing:
    """How networks are shown stimuli, checked.

    Parameters
    ----------
    inputs
        From pictures to inputs.
    layers
        Names that are asked for; empty for all.
    labels
        Names that layers get, one for each of ``layers``; empty where they keep their own.
    pool
        One of :data:`~brainalign.extraction.pooling.POOLS`.
    batch_size, device
        How many at once, and where.
    projection, folder
        How wide layers are projected, and where layers are written as they come; None for neither.
    """

    inputs: Inputs
    layers: tuple[str, ...]
    labels: tuple[str, ...]
    pool: str
    batch_size: int
    device: torch.device
    projection: Projection | None = None
    folder: Path | None = None

    @classmethod
    def checked(
        cls,
        model: Any,
        stimuli: Any,
        transform: Any,
        layers: Any,
        pool: str,
        batch_size: Any,
        device: Any,
        projection: Any = None,
        folder: Any = None,
    ) -> "Showing":
        """Return the options for a checkpoint or module.

        Raises
        ------
        ExtractionError
            If one is not what it must be; one line that says what was expected.
        """
        if not isinstance(model, (Checkpoint, nn.Module)):
            msg = (
                f"show() got a model of type {type(model).__name__}; expected a torch module, what train() returned, "
                "or a mapping from names to these."
            )
            raise ExtractionError(msg)
        if not isinstance(stimuli, Stimuli):
            msg = f"show() got stimuli of type {type(stimuli).__name__}; expected Stimuli(ids, images, name)."
            raise ExtractionError(msg)
        if not isinstance(batch_size, Integral) or isinstance(batch_size, bool) or batch_size < 1:
            msg = f"batch_size is {batch_size!r}; expected a whole number from 1 on. It does not change the result."
            raise ExtractionError(msg)
        where = checked_device(device)
        labels = tuple(map(str, layers)) if isinstance(layers, Mapping) else ()
        names = layers.values() if isinstance(layers, Mapping) else (layers,) if isinstance(layers, str) else layers
        names = tuple(names)
        wrong = [layer for layer in names if not isinstance(layer, str)]
        if wrong:
            msg = f"Layers hold {wrong[0]!r}; expected names. Give layers = ['name', ...]."
            raise ExtractionError(msg)
        if transform is None and isinstance(model, Checkpoint):
            transform = model.preprocessing
        if projection is not None:
            if not isinstance(projection, Projection):
                msg = f"projection is {projection!r}; expected Projection(components), or None to keep layers whole."
                raise ExtractionError(msg)
            projection.check(len(stimuli))
        written = None if folder is None else Path(folder)
        inputs = checked_inputs(transform, stimuli)
        return cls(
            inputs=inputs,
            layers=names,
            labels=labels,
            pool=check_pool(pool),
            batch_size=int(batch_size),
            device=where,
            projection=projection,
            folder=written,
        )

    @property
    def asked(self) -> list[Any]:
        """What was asked for, for keys."""
        return [list(pair) for pair in zip(self.labels, self.layers, strict=True)] if self.labels else list(self.layers)


@dataclass(frozen=True, eq=False)
class Found:
    """Layers ``(n_stimuli, n_features)`` by name, their content, what an activity is, and how unsettled answers are.

    ``residual`` is ``(n_stimuli,)``; None where answers do not settle.
    """

    layers: Mapping[str, np.ndarray]
    key: str
    activity: str
    residual: np.ndarray | None = None


def layers_of_module(module: nn.Module, stimuli: Stimuli, showing: Showing) -> Found:
    """Return the layers of a module of your own, put in evaluation mode for the duration.

    Raises
    ------
    ExtractionError
        If a layer is no function of each stimulus alone, not finite, unknown, or never runs.
    """
    with Evaluating(module, showing.device) as still:
        return _found(_own(still, showing), stimuli, showing)


def layers_of_instance(model: Checkpoint, row: int, stimuli: Stimuli, showing: Showing) -> Found:
    """Return the layers of one instance of a population; raises as :func:`layers_of_module`."""
    return _found(_instance(model, row, showing), stimuli, showing)


@dataclass(frozen=True, eq=False)
class _Network:
    """A network ready to be shown inputs: how it answers, in other precisions, and what names its function."""

    respond: Respond
    in_precision: Callable[[torch.dtype], Respond | None]
    dtype: torch.dtype
    function: tuple[Any, ...]
    activity: str = ""
    trained: tuple[int, int] | None = None
    pool: str = "none"
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
        return {name: _features(name, value, len(x), self.pool) for name, value in found.items()}

    def other_precisions(self) -> Iterator[Callable[[Tensor], dict[str, Tensor]]]:
        """Yield the network in other precisions, double first."""
        for dtype in (torch.float64, torch.float32):
            respond = self.in_precision(dtype) if dtype != self.dtype else None
            if respond is not None:
                yield lambda x, respond=respond: self.show(x, respond)  # type: ignore[misc]


def _own(module: nn.Module, showing: Showing) -> _Network:
    layers = showing.layers
    dtype = floating_dtype([*module.parameters(), *module.buffers()])
    respond = module_respond(module, layers)
    function = (module_key(module),)
    return _Network(respond, lambda other: module_in(other, module, layers), dtype, function, pool=showing.pool)


def _instance(model: Checkpoint, row: int, showing: Showing) -> _Network:
    asked = _asked(showing.layers, model.network.layers)

    def respond_in(dtype: torch.dtype) -> Respond:
        params, state = (
            {n: t.to(showing.device, dtype if t.is_floating_point() else t.dtype) for n, t in group.items()}
            for group in model.instance(row)
        )

        def respond(x: Tensor) -> dict[str, Tensor]:
            found = model.rule.respond(model.network, params, state, x.to(dtype))
            return {name: found[name] for name in asked or found}

        return respond

    dtype = floating_dtype(model.params.values())
    # Equal weights of another network, or read out by another rule, are another function.
    function = (model.weights_hash(row), plain_repr(model.network), plain_repr(model.rule))
    trained = model.network.task.input_shape[1:]
    params, state = ({n: t.to(showing.device) for n, t in group.items()} for group in model.instance(row))

    def residual(x: Tensor) -> Tensor | None:
        with torch.no_grad():
            return model.rule.residual(model.network, params, state, x.to(dtype))

    activity = model.rule.activity
    return _Network(
        respond=respond_in(dtype),
        in_precision=respond_in,
        dtype=dtype,
        function=function,
        activity=activity,
        trained=trained,
        pool=showing.pool,
        residual=residual,
    )


def _asked(layers: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the layers of a population that are asked for, by name or pattern."""
    found: list[str] = []
    for layer in layers:
        if layer not in names and not is_pattern(layer):
            raise unknown(layer, names)
        found += [layer] if layer in names else matching(layer, names)
    return list(dict.fromkeys(found))


def _found(network: _Network, stimuli: Stimuli, showing: Showing) -> Found:
    def inputs(images: Pixels) -> Tensor:
        return showing.inputs.make(images).to(showing.device)

    tried = stimuli.at(np.unique(np.linspace(0, len(stimuli) - 1, min(len(stimuli), _TRIED)).round().astype(int)))
    if len(tried) == 1:  # one stimulus is shown beside its negative, or nothing could leak into it
        tried = [tried[0], 255 - tried[0]]
    x = inputs(tried)
    first = require_function_of_stimulus(network.show, x, network.other_precisions)
    # The same weights read over another time, or pooled, are other activations.
    activity = ", ".join(part for part in (network.activity, POOLS[showing.pool]) if part)
    further = [*([activity] if activity else []), *([showing.projection.record()] if showing.projection else [])]
    key = content_hash(*network.function, stimuli.key, showing.inputs.record, showing.asked, *further)
    values: dict[str, np.ndarray] = {}
    residuals: list[np.ndarray] = []
    for rows in _blocks(len(stimuli), showing.batch_size):
        x = inputs(stimuli.at(rows))
        found = network.show(x)
        require_same_layers(first, found)
        if (residual := network.residual(x)) is not None:
            residuals.append(residual.float().cpu().numpy())
        for name, layer in found.items():
            part = layer.float().cpu().numpy()
            part = part if showing.projection is None else showing.projection.projected(part)
            if name not in values:
                values[name] = _room(name, (len(stimuli), part.shape[1]), part.dtype, key, showing.folder)
            values[name][rows] = part
    for name, whole in values.items():
        _require_finite(name, whole, stimuli, network.dtype)
    unrest = np.concatenate(residuals) if residuals else None
    return Found(_labelled(values, showing), key, activity, unrest)


def _room(name: str, shape: tuple[int, int], dtype: np.dtype, key: str, folder: Path | None) -> np.ndarray:
    """Return an array for a layer: in memory, or in a file of the folder."""
    if folder is None:
        return np.empty(shape, dtype)
    folder.mkdir(parents=True, exist_ok=True)
    file = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
    return np.lib.format.open_memmap(folder / f"{key[:16]}-{file}.npy", mode="w+", dtype=dtype, shape=shape)


def _labelled(values: dict[str, np.ndarray], showing: Showing) -> dict[str, np.ndarray]:
    """Return layers under the names that were asked for them."""
    if not showing.labels:
        return values
    if list(values) != list(showing.layers):
        extra = [name for name in values if name not in showing.layers] or list(values)
        msg = (
            f"Layers {list(showing.layers)} stand for {list(values)}; expected one entry for each name of yours. Name "
            f"single calls and tensors, such as {extra[0]!r}."
        )
        raise ExtractionError(msg)
    return dict(zip(showing.labels, values.values(), strict=True))


def _blocks(n: int, size: int) -> Iterator[np.ndarray]:
    for start in range(0, n, size):
        yield np.arange(start, min(start + size, n))


def _features(name: str, value: Tensor, n: int, pool: str) -> Tensor:
    """Return what a layer returned for ``n`` stimuli as ``(n, n_features)``, pooled first if it is to be."""
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
    return pooled(value, pool).reshape(n, -1)


def _require_finite(name: str, layer: np.ndarray, stimuli: Stimuli, dtype: torch.dtype) -> None:
    bad = np.concatenate([~np.isfinite(layer[rows]).all(axis=1) for rows in _blocks(len(layer), _CHECKED)])
    if bad.any():
        remedy = "The network diverged: train it with a lower rate."
        if dtype in (torch.float16, torch.float64):
            remedy = f"Numbers of {str(dtype).split('.')[1]} left the range, or the network diverged: try its float()."
        msg = (
            f"Layer {name!r} is not finite for {int(bad.sum())} of {len(stimuli)} stimuli, first "
            f"{stimuli.ids[int(bad.argmax())]!r}; expected numbers. {remedy}"
        )
        raise ExtractionError(msg)

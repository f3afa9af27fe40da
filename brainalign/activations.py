"""What the layers of a network do when it is shown stimuli, checked to be a function of each stimulus alone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from brainalign.datasets.preprocessing import Preprocessing
from brainalign.datasets.stimuli import Stimuli, positions
from brainalign.errors import DataError, ExtractionError
from brainalign.storage import content_hash, read_tensors, write_tensors
from brainalign.training.checkpoint import Checkpoint

Respond = Callable[[Tensor], Mapping[str, Tensor]]

#: Largest relative difference between two passes over the same stimulus that rounding can explain.
_ROUNDING = 1e-3


@dataclass(frozen=True, eq=False)
class Activations:
    """Layers of one network under their stimuli.

    Parameters
    ----------
    layers
        Layer name, in the order signals pass, to ``(n_stimuli, n_features)`` float32.
    stimulus_ids
        Ids of the rows.
    key
        Content hash of weights, stimuli, preprocessing and ``activity``.
    activity
        What the activity of a hidden unit is, where a rule says so (a spike rate, and over which time).
    """

    layers: Mapping[str, np.ndarray]
    stimulus_ids: tuple[str, ...]
    key: str
    activity: str = ""

    def subset(self, ids: Sequence[str]) -> "Activations":
        """Return the rows ``ids``, in that order."""
        rows = positions(self.stimulus_ids, ids, "activations")
        layers = {name: values[rows] for name, values in self.layers.items()}
        return Activations(layers, tuple(ids), self.key, self.activity)

    def save(self, path: str | Path) -> None:
        """Write as safetensors, atomically."""
        tensors = {name: torch.from_numpy(values) for name, values in self.layers.items()}
        facts = {"stimulus_ids": list(self.stimulus_ids), "key": self.key, "layers": list(self.layers)}
        write_tensors(path, tensors, {**facts, "activity": self.activity})

    @classmethod
    def load(cls, path: str | Path) -> "Activations":
        """Read what :meth:`save` wrote."""
        tensors, facts = read_tensors(path)
        layers = {name: tensors[name].numpy() for name in facts["layers"]}
        return cls(layers, tuple(facts["stimulus_ids"]), facts["key"], facts.get("activity", ""))


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
    whose answer changes (batch normalisation left in training mode, dropout, a hidden state) is refused.

    Parameters
    ----------
    model
        A checkpoint, or any :class:`torch.nn.Module` that maps images to a tensor. A module is put in evaluation
        mode for the duration and returned as it was.
    stimuli
        What to show.
    preprocessing
        From images to inputs. A checkpoint brings its own; pass one to show another resolution. A module needs one.
    layers
        Layers to keep; empty keeps all of a checkpoint, and all leaf modules of a module.
    batch_size
        Stimuli per pass; it does not change the result.
    device
        Where to compute.

    Returns
    -------
    tuple of Activations
        One per instance; one for a module.

    Raises
    ------
    ExtractionError
        If an activation is not finite or depends on batch, order or chance.
    """
    if isinstance(model, Checkpoint):
        preprocessing = preprocessing or model.preprocessing
        return tuple(
            _extract(
                _instance(model, row, device),
                model.weights_hash(row),
                stimuli,
                preprocessing,
                layers,
                batch_size,
                device,
                model.rule.activity,
            )
            for row in range(len(model.seeds))
        )
    if preprocessing is None:
        msg = (
            "extract() got a module without preprocessing; pass the Preprocessing it was trained with, "
            "e.g. Preprocessing(3, (224, 224), mean, std)."
        )
        raise ExtractionError(msg)
    with _evaluating(model, device) as still:
        respond = _module_respond(still, layers)
        return (
            _extract(respond, content_hash(still.state_dict()), stimuli, preprocessing, layers, batch_size, device),
        )


def _extract(
    respond: Respond,
    weights: str,
    stimuli: Stimuli,
    preprocessing: Preprocessing,
    layers: Sequence[str],
    batch_size: int,
    device: str,
    activity: str = "",
) -> Activations:
    def show(rows: np.ndarray) -> dict[str, np.ndarray]:
        images = torch.from_numpy(stimuli.images[rows]).permute(0, 3, 1, 2).to(device)
        try:
            with torch.no_grad():
                found = respond(preprocessing(images))
        except RuntimeError as error:
            msg = (
                f"The network cannot read {preprocessing.resolution} inputs ({str(error).splitlines()[0]}). "
                "Show stimuli at the resolution it was trained at."
            )
            raise ExtractionError(msg) from error
        missing = [name for name in layers if name not in found]
        if missing:
            msg = f"Unknown layer {missing[0]!r}. Choose among: {', '.join(found)}."
            raise ExtractionError(msg)
        keep = layers or tuple(found)
        return {name: found[name].reshape(len(rows), -1).float().cpu().numpy() for name in keep}

    _require_function_of_stimulus(show, len(stimuli))
    parts = [show(rows) for rows in _blocks(len(stimuli), batch_size)]
    values = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    for name, layer in values.items():
        _require_finite(name, layer, stimuli)
    # The same weights read over another time are other activations.
    key = content_hash(weights, stimuli.key, preprocessing.record(), list(layers), *([activity] if activity else []))
    return Activations(values, stimuli.ids, key, activity)


def _blocks(n: int, size: int) -> Iterator[np.ndarray]:
    for start in range(0, n, size):
        yield np.arange(start, min(start + size, n))


def _require_function_of_stimulus(show: Callable[[np.ndarray], dict[str, np.ndarray]], n: int) -> None:
    """Show a few stimuli together, again, in reverse and alone; equal stimuli must give equal activations."""
    rows = np.unique(np.linspace(0, n - 1, min(n, 6)).round().astype(int))
    together = show(rows)
    trials = {
        "chance (a second pass differs)": show(rows),
        "the order of the batch": {name: layer[::-1] for name, layer in show(rows[::-1].copy()).items()},
        "the other stimuli of the batch": _join([show(rows[k : k + 1]) for k in range(len(rows))]),
    }
    for cause, again in trials.items():
        for name, layer in together.items():
            scale = np.abs(layer).max() + 1e-12
            difference = np.abs(layer - again[name]).max() / scale
            if difference > _ROUNDING:
                msg = (
                    f"Layer {name!r} depends on {cause}: relative difference {difference:.2g}, expected at most "
                    f"{_ROUNDING:g}. Freeze batch statistics and remove dropout or hidden state, then extract again."
                )
                raise ExtractionError(msg)


def _join(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _require_finite(name: str, layer: np.ndarray, stimuli: Stimuli) -> None:
    bad = ~np.isfinite(layer).all(axis=1)
    if bad.any():
        msg = (
            f"Layer {name!r} is not finite for {int(bad.sum())} of {len(stimuli)} stimuli, first "
            f"{stimuli.ids[int(bad.argmax())]!r}; expected numbers. The network diverged: train it with a lower rate."
        )
        raise ExtractionError(msg)


def _instance(model: Checkpoint, row: int, device: str) -> Respond:
    params, state = ({n: t.to(device) for n, t in group.items()} for group in model.instance(row))
    return lambda x: model.rule.respond(model.network, params, state, x)


class _evaluating:
    """A module in evaluation mode on a device, put back as it was afterwards."""

    def __init__(self, module: nn.Module, device: str) -> None:
        self.module, self.device = module, device
        self.modes = {part: part.training for part in module.modules()}
        first = next(module.parameters(), None)
        self.home = first.device if first is not None else torch.device(device)

    def __enter__(self) -> nn.Module:
        self.module.eval().to(self.device)
        stuck = [name or "the module" for name, part in self.module.named_modules() if part.training]
        if stuck:
            self.__exit__()
            msg = (
                f"{stuck[0]} stays in training mode after eval(); expected every part to follow. "
                "Do not override eval() or train()."
            )
            raise ExtractionError(msg)
        return self.module

    def __exit__(self, *error: Any) -> None:
        for part, training in self.modes.items():
            part.training = training
        self.module.to(self.home)


def _module_respond(module: nn.Module, layers: Sequence[str]) -> Respond:
    named = dict(module.named_modules())
    unknown = [name for name in layers if name not in named]
    if unknown:
        msg = f"Unknown layer {unknown[0]!r}. Choose among: {', '.join(name for name in named if name)}."
        raise ExtractionError(msg)
    chosen = layers or [name for name, part in named.items() if name and not list(part.children())]

    def respond(x: Tensor) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        hooks = [named[name].register_forward_hook(_keeper(found, name)) for name in chosen]
        try:
            module(x)
        finally:
            for hook in hooks:
                hook.remove()
        return found

    return respond


def _keeper(found: dict[str, Tensor], name: str) -> Callable[..., None]:
    def keep(part: nn.Module, inputs: Any, output: Any) -> None:
        del part, inputs
        if not isinstance(output, Tensor):
            msg = f"Layer {name!r} returns {type(output).__name__}; expected a tensor. Name the layers to keep."
            raise DataError(msg)
        found[name] = output.clone()  # a later in-place operation must not rewrite it

    return keep

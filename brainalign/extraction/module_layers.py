"""Layers of a module of your own: which they are, and what they answer, call by call."""

import copy
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from brainalign.errors import ExtractionError
from brainalign.extraction.layer_names import is_pattern, matching, unknown
from brainalign.extraction.outputs import parts_of

#: From inputs ``(n, channels, height, width)`` to what each layer returns.
Respond = Callable[[Tensor], Mapping[str, Tensor]]

#: The layer that is the module itself.
OUTPUT = "output"

_CALL = re.compile(r"(.+)_([1-9][0-9]*)")


class Evaluating:
    """A module in evaluation mode on a device, put back as it was afterwards.

    Raises
    ------
    ExtractionError
        If a part stays in training mode, or has parameters that are not made yet.
    """

    def __init__(self, module: nn.Module, device: str | torch.device) -> None:
        self.module, self.device = module, device
        self.modes = {part: part.training for part in module.modules()}
        first = next(module.parameters(), None)
        self.home = first.device if first is not None else torch.device(device)

    def __enter__(self) -> nn.Module:
        """Return the module, ready to be shown stimuli."""
        lazy = [name for name, value in self.module.named_parameters() if nn.parameter.is_lazy(value)]
        if lazy:
            msg = f"Parameter {lazy[0]!r} has no values yet; expected a whole module. Call it on one batch first."
            raise ExtractionError(msg)
        try:
            self.module.eval()
            self.module.to(self.device)
            stuck = [name or "the module" for name, part in self.module.named_modules() if part.training]
            if stuck:
                msg = (
                    f"{stuck[0]} stays in training mode after eval(); expected every part to follow. "
                    "Do not override eval() or train()."
                )
                raise ExtractionError(msg)
        except BaseException:
            self.__exit__()
            raise
        return self.module

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        """Put modes and device back."""
        for part, training in self.modes.items():
            part.training = training
        self.module.to(self.home)


def module_respond(module: nn.Module, layers: Sequence[str] = ()) -> Respond:
    """Return what shows inputs to a module and gives one entry per call of its layers.

    Parameters
    ----------
    module
        The module. Inputs are cast to the type of its first floating parameter.
    layers
        Names of modules, each kept with all its calls, or of single calls: ``"relu_1"`` is the second call of
        ``"relu"`` unless a module has that name. ``"output"`` is what the module itself returns. A pattern
        (:func:`~brainalign.extraction.layer_names.matching`) is all modules of such names that run. Of a layer that
        returns several tensors, ``"lstm:0"`` is one. Empty keeps every module without children that runs.

    Raises
    ------
    ExtractionError
        If a layer is unknown; later, if it never runs, returns no tensor, or a call of it would be named as another
        module is.

    Notes
    -----
    Entries are named as the module, and from the second call on with ``_1``, ``_2``, ...; where a call returns several
    tensors, each is an entry, ``lstm:0``, ``output:logits``, ... Without ``layers`` they stand in the order of the
    calls. A module that is registered under several names is one layer, under its first.
    """
    names = dict(module.named_modules(remove_duplicate=False))
    once = [name for name, _ in module.named_modules()]
    leaves = [name for name, part in module.named_modules() if not list(part.children())]
    asked = [_resolve(layer, names, once) for layer in layers]
    chosen = list(dict.fromkeys(name for one in asked for name in one.modules)) if layers else leaves
    dtype = floating_dtype([*module.parameters(), *module.buffers()])

    def respond(x: Tensor) -> dict[str, Tensor]:
        calls: list[Call] = []
        hooks = [names[name].register_forward_hook(_recorder(calls, name)) for name in chosen]
        try:
            module(x.to(dtype))
        finally:
            for hook in hooks:
                hook.remove()
        found = _entries(calls, names)
        if not layers:
            _require_any(found)
            return dict(_tensors(found, [(entry, None) for entry in found]))
        ran = Counter(name for name, *_ in calls)
        return dict(_tensors(found, [(entry, one.part) for one in asked for entry in _wanted(one, found, ran)]))

    return respond


def module_in(dtype: torch.dtype, module: nn.Module, layers: Sequence[str]) -> Respond | None:
    """Return what shows inputs to a copy of a module in another precision, None if it cannot be copied."""
    try:
        respond = module_respond(copy.deepcopy(module).to(dtype), layers)
    except Exception:  # whatever a module of someone else's does when it is copied, the copy is only a second opinion
        return None

    def careful(x: Tensor) -> Mapping[str, Tensor]:
        usual = torch.get_default_dtype()
        torch.set_default_dtype(dtype)  # of the tensors that its forward makes
        try:
            return respond(x)
        finally:
            torch.set_default_dtype(usual)

    return careful


def floating_dtype(tensors: Iterable[Tensor]) -> torch.dtype:
    """Return the type of the first floating tensor, float32 if there is none."""
    return next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), torch.float32)


#: Name of the module, what a call of it returned by place, and of which type that was.
Call = tuple[str, Mapping[str, Tensor], str]


@dataclass(frozen=True)
class _Asked:
    """A layer as it was asked for: modules, which of their calls, and which part of what they return."""

    layer: str
    modules: tuple[str, ...]
    call: int | None = None
    part: str | None = None

    @property
    def pattern(self) -> bool:
        return is_pattern(self.layer)


def _resolve(layer: str, names: Mapping[str, nn.Module], once: Sequence[str]) -> _Asked:
    """Return what is asked for; a part is told from a name by its colon."""
    whole, colon, part = layer.partition(":")
    if layer in names or not colon:
        whole, part = layer, ""
    if whole not in names and is_pattern(whole):
        return _Asked(layer, tuple(matching(whole, once)), None, part or None)
    name, call = _resolve_one(whole, names)
    return _Asked(layer, (name,), call, part or None)


def _resolve_one(layer: str, names: Mapping[str, nn.Module]) -> tuple[str, int | None]:
    """Return the module that is asked for, and which of its calls, None for all."""
    call = _CALL.fullmatch(layer)
    if layer in names:
        name, which = layer, None
    elif layer == OUTPUT:
        return "", None
    elif call is not None and call[1] in names:
        name, which = call[1], int(call[2])
    else:
        raise unknown(layer, [name or OUTPUT for name in names])
    first = next(other for other, part in names.items() if part is names[name])
    if first != name:
        msg = (
            f"Layer {name!r} is the same module as {first!r}; expected its first name. Ask for {first!r} (all its "
            f"calls) or {first + '_1'!r} (the second)."
        )
        raise ExtractionError(msg)
    return name, which


def _recorder(calls: list[Call], name: str) -> Callable[..., None]:
    def record(part: nn.Module, inputs: Any, output: Any) -> None:
        del part, inputs
        calls.append((name, parts_of(output), type(output).__name__))

    return record


def _entries(calls: Sequence[Call], names: Mapping[str, nn.Module]) -> dict[str, Call]:
    """Return entry name to the call, in the order of the calls."""
    found: dict[str, Call] = {}
    ran: Counter[str] = Counter()
    for call in calls:
        name = call[0]
        label = name or OUTPUT
        entry = f"{label}_{ran[name]}" if ran[name] else label
        ran[name] += 1
        if entry in found or (entry != name and entry in names):
            msg = (
                f"Layer {label!r} is called {ran[name]} times or more, and call {ran[name]} would be {entry!r}, the "
                "name of another module; expected names of its own. Rename that module."
            )
            raise ExtractionError(msg)
        found[entry] = call
    return found


def _wanted(asked: _Asked, found: Mapping[str, Call], ran: Mapping[str, int]) -> Iterator[str]:
    entries = [entry for name in asked.modules for entry, call in found.items() if call[0] == name]
    if not entries:
        named = "No module that is named as" if asked.pattern else "Layer"
        layer = asked.layer if asked.pattern else asked.modules[0] or OUTPUT
        msg = (
            f"{named} {layer!r} {'ran' if asked.pattern else 'never ran'}; expected a module that the network calls. "
            "Name one that it calls, or 'output' for what the network returns."
        )
        raise ExtractionError(msg)
    if asked.call is None:
        yield from entries
    elif asked.call < len(entries):
        yield entries[asked.call]
    else:
        name = asked.modules[0]
        choice = ", ".join(entries)
        msg = f"Unknown layer {asked.layer!r}: {name!r} is called {ran[name]} times. Choose among: {choice}."
        raise ExtractionError(msg)


def _require_any(found: Mapping[str, Any]) -> None:
    if not found:
        msg = (
            "No layer of the network ran as a module; expected one that it calls. Use modules in forward() "
            "(nn.ReLU, not F.relu), or keep what it returns: layers = ['output']."
        )
        raise ExtractionError(msg)


def _tensors(found: Mapping[str, Call], wanted: Sequence[tuple[str, str | None]]) -> Iterator[tuple[str, Tensor]]:
    """Yield what calls returned under the names of their entries: one part, or all where none is named."""
    for entry, part in wanted:
        _, parts, kind = found[entry]
        if not parts:
            msg = (
                f"Layer {entry!r} returns {kind}; expected tensors. Name the layers to keep (layers = [...]), or wrap "
                "this one in a module that returns the tensor."
            )
            raise ExtractionError(msg)
        if part is not None and part not in parts:
            known = ", ".join(f"{entry}:{one}" if one else entry for one in parts)
            msg = f"Unknown layer {f'{entry}:{part}'!r}. Choose among: {known}."
            raise ExtractionError(msg)
        for place in parts if part is None else (part,):
            yield f"{entry}:{place}" if place else entry, parts[place]

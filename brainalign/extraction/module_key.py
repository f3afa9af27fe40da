"""What names the function that a module of your own computes: its tensors, its structure and its code."""

import functools
import re
import types
from collections.abc import Mapping, Set
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from brainalign.storage import content_hash

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_OF_EVERY_MODULE = frozenset(vars(nn.Module()))
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_DEEPEST = 8


def module_key(module: nn.Module) -> str:
    """Return a content hash of everything a module's answers depend on, as far as can be read off it.

    It covers parameters and buffers, the tree of modules with their options, the code of classes outside torch,
    attributes (numbers, texts, tensors, functions, containers and objects of these) and forward hooks. It does not
    cover the code of functions elsewhere that a ``forward`` calls by a global name.
    """
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    extra = {name: value for name, value in module.state_dict().items() if name not in tensors}
    return content_hash(
        {name: _storable(value) for name, value in tensors.items()},
        {name: _value(value, 0) for name, value in extra.items()},
        [_part(name, part) for name, part in module.named_modules(remove_duplicate=False)],
        torch.__version__,
    )


def value_key(value: Any) -> Any:
    """Return what names a function or object of your own, such as a transform: its code, options and tensors."""
    return _value(value, 0)


def plain_repr(value: Any) -> str:
    """Return ``repr`` without what changes from one process to the next."""
    return _ADDRESS.sub("", repr(value))


def _part(name: str, part: nn.Module) -> list[Any]:
    own = {key: value for key, value in vars(part).items() if key not in _OF_EVERY_MODULE}
    hooks = [[_value(hook, 0) for hook in getattr(part, kind).values()] for kind in _HOOKS]
    order = list(dict(part.named_children()))
    return [name, _class(type(part)), _ADDRESS.sub("", part.extra_repr()), order, _value(own, 0), hooks]


def _class(kind: type) -> list[Any]:
    """Return the names of a class and its bases, and their code where it is not that of torch."""
    found: list[Any] = []
    for base in kind.__mro__:
        if base in (nn.Module, object):
            continue
        code = {} if base.__module__.split(".")[0] == "torch" else _members(base)
        found.append([f"{base.__module__}.{base.__qualname__}", code])
    return found


def _members(kind: type) -> dict[str, Any]:
    kept = (types.FunctionType, staticmethod, classmethod, property, int, float, str, tuple, Tensor)
    return {
        name: _value(value, 0)
        for name, value in vars(kind).items()
        if isinstance(value, kept) and name not in ("__doc__", "__module__", "__qualname__", "__firstlineno__")
    }


def _value(value: Any, depth: int) -> Any:
    """Return what a value contributes: plain values, names and hashes."""
    if value is None or isinstance(value, (bool, int, float, str, bytes, complex)):
        return repr(value)
    if isinstance(value, Tensor):
        return ["tensor", content_hash(_storable(value))]
    if isinstance(value, np.ndarray):
        return ["array", content_hash(value) if value.dtype != object else plain_repr(value)]
    if depth > _DEEPEST:
        return f"{type(value).__module__}.{type(value).__qualname__}"
    return _compound(value, depth + 1)


def _compound(value: Any, depth: int) -> Any:
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, nn.Module):  # one that is not registered, e.g. in a plain list
        return [name, plain_repr(value), content_hash({k: _storable(v) for k, v in value.named_parameters()})]
    if isinstance(value, Mapping):
        return [[plain_repr(key), _value(item, depth)] for key, item in value.items()]
    if isinstance(value, Set):
        return sorted(plain_repr(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [_value(item, depth) for item in value]
    if isinstance(value, functools.partial):
        return ["partial", *(_value(part, depth) for part in (value.func, value.args, value.keywords))]
    if isinstance(value, property):
        return ["property", _value(value.fget, depth)]
    if isinstance(value, (staticmethod, classmethod, types.MethodType)):
        return [name, _value(value.__func__, depth)]
    if isinstance(value, types.FunctionType):
        cells = [_cell(cell) for cell in value.__closure__ or ()]
        rest = (value.__defaults__, value.__kwdefaults__, cells)
        return ["function", _code(value.__code__), *(_value(part, depth) for part in rest)]
    if hasattr(value, "__qualname__"):  # classes and functions that are not written in Python
        return f"{getattr(value, '__module__', '')}.{value.__qualname__}"
    return [name, plain_repr(value), _value(vars(value), depth) if hasattr(value, "__dict__") else ""]


def _cell(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _code(code: types.CodeType) -> list[Any]:
    consts = [_code(c) if isinstance(c, types.CodeType) else plain_repr(c) for c in code.co_consts]
    return [code.co_code.hex(), list(code.co_names), list(code.co_varnames), list(code.co_freevars), consts]


def _storable(value: Tensor) -> Any:
    """Return a tensor as something whose bytes can be hashed; numpy has no bfloat16, nor sparse or quantised ones."""
    value = value.detach().cpu()
    if value.is_quantized:
        return {"quantised": value.int_repr(), "how": plain_repr(value.qscheme()), "scale": plain_repr(value)}
    if value.layout != torch.strided:
        value = value.to_dense()
    try:
        return value.contiguous().numpy()
    except (TypeError, RuntimeError):
        kind = [str(value.dtype), list(value.shape)]
        return {"bytes": value.contiguous().reshape(-1).view(torch.uint8), "kind": kind}

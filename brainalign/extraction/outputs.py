"""What a layer returns, as tensors under names: one tensor, or the parts of a tuple, mapping or dataclass."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor


def parts_of(value: Any) -> dict[str, Tensor]:
    """Return the tensors of what a layer returned, by place; a single one has the empty place.

    Parameters
    ----------
    value
        A tensor, or tuples, lists, mappings and dataclasses of these, one in another. What is no tensor (None, numbers,
        caches) is left out.

    Returns
    -------
    dict
        Place to a copy, since a later in-place operation must not rewrite it. Places are positions, keys and fields,
        joined by ``":"``.
    """
    found = {place: tensor.detach().clone() for place, tensor in _walk(value, "")}
    return {"": next(iter(found.values()))} if len(found) == 1 else found


def _walk(value: Any, place: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield place, value
        return
    for name, part in _children(value):
        yield from _walk(part, f"{place}:{name}" if place else str(name))


def _children(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from zip(value._fields, value, strict=True)
    elif isinstance(value, (list, tuple)):
        yield from enumerate(value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))

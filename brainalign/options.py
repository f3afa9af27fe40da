"""Options as plain values of the type their field declares, however they come: from a file, a terminal or Python."""

import dataclasses
import math
import os
import reprlib
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from brainalign.errors import SpecError, nearest

_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a finite number",
    bool: "true or false",
    NoneType: "nothing",
}
_PLURALS = {str: "texts", int: "whole numbers", float: "finite numbers"}


def plain(value: Any) -> Any:
    """Return a value in Python's own types at any depth: NumPy's scalars and arrays, ranges and paths are replaced."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, range):
        return tuple(value)
    if type(value) in (list, tuple):
        return type(value)(plain(item) for item in value)
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def fitted(kind: Any, value: Any, what: str) -> Any:
    """Return ``value`` as a plain value of type ``kind``.

    A whole number fits where a number is expected and stays whole; a truth value is no number. Lists become tuples.

    Raises
    ------
    SpecError
        If it does not fit; the message says what ``what`` is and what was expected.
    """
    value = plain(value)
    if isinstance(value, list) and any(get_origin(one) is tuple for one in _members(kind)):
        value = tuple(value)
    require(any(_fits(one, value) for one in _members(kind)), what, value, _expected(kind))
    return value


def fit_fields(instance: Any) -> None:
    """Replace every field of a frozen dataclass by its plain value; one of another type raises :class:`SpecError`."""
    for name, kind in field_types(type(instance)).items():
        object.__setattr__(instance, name, fitted(kind, getattr(instance, name), f"Option {name}"))


def field_types(cls: type) -> dict[str, Any]:
    """Return the type of every field of a dataclass by name."""
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


#: What an option has no effect without: option to ``{other option: values}``, see :func:`unused_options`.
Needs = Mapping[str, Mapping[str, Any]]
#: Stands for any value that is not 0, false or empty, in ``only_with`` of a class.
SET = "set"


def unused_options(instance: Any) -> dict[str, str]:
    """Return the options of an instance that have no effect beside its others, with what each would need.

    A class says what an option needs in ``only_with``: option to ``{other option: values}``, or ``SET`` for every value
    that is not 0, false or empty. An option that has its default is never listed.

    Examples
    --------
    >>> from brainalign.rules.hebbian import Hebbian
    >>> unused_options(Hebbian(competition="winner", power=2.0))
    {'power': "activation 'triangle'"}
    """
    found = {}
    defaults = {field.name: field.default for field in dataclasses.fields(instance)}
    for option, needs in getattr(type(instance), "only_with", {}).items():
        missing = [
            _needed(other, values)
            for other, values in needs.items()
            if not (getattr(instance, other) if values == SET else getattr(instance, other) in values)
        ]
        if missing and getattr(instance, option) != defaults[option]:
            found[option] = " and ".join(missing)
    return found


def require_used(instance: Any, name: str) -> None:
    """Raise :class:`SpecError` for an option that has no effect beside the others: it would be ignored in silence."""
    for option, needed in unused_options(instance).items():
        value = reprlib.repr(getattr(instance, option))
        msg = f"Option {option} of {name!r} is {value}, which has no effect without {needed}; add that or leave it out."
        raise SpecError(msg)


def _needed(option: str, values: Any) -> str:
    if values == SET:
        return option
    return f"{option} {' or '.join(str(value).lower() if isinstance(value, bool) else repr(value) for value in values)}"


def require(condition: bool, what: str, value: Any, expected: str) -> None:
    """Raise :class:`SpecError` unless ``condition`` holds: ``what`` is ``value``, what was expected."""
    if not condition:
        shown = " ".join(reprlib.repr(value).split())
        msg = f"{what} is {shown}; expected {expected}."
        raise SpecError(msg)


def made_of(kind: Any, options: Mapping[str, Any], what: str) -> Any:
    """Return the dataclass ``kind`` of a table of its fields; lists become tuples.

    Raises
    ------
    SpecError
        If there is no such field.
    """
    known = set(kind.__dataclass_fields__)
    unknown = [one for one in options if one not in known]
    if unknown:
        those = f"{', '.join(sorted(known))}.{nearest(unknown[0], known)}"
        msg = f"{what} has no field {unknown[0]!r}; expected among {those}"
        raise SpecError(msg)
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in options.items()})


def require_text(what: str, **options: Any) -> None:
    """Raise :class:`SpecError` for an option of ``what`` that is not text."""
    for name, value in options.items():
        require(isinstance(value, str), f"{what}: {name}", value, "text")


def require_positive(**options: float) -> None:
    """Raise :class:`SpecError` for an option that is not above zero."""
    for name, value in options.items():
        if not value > 0:
            msg = f"Option {name} is {value}; expected a number above 0."
            raise SpecError(msg)


def require_not_negative(**options: float) -> None:
    """Raise :class:`SpecError` for an option that is below zero or infinite."""
    for name, value in options.items():
        if not 0 <= value < float("inf"):
            msg = f"Option {name} is {value}; expected 0 or more."
            raise SpecError(msg)


def require_steps(**options: int) -> None:
    """Raise :class:`SpecError` for an option that is not a whole number of at least 0."""
    for name, value in options.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            msg = f"Option {name} is {value!r}; expected a whole number, 0 or more."
            raise SpecError(msg)


def _members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _fits(kind: Any, value: Any) -> bool:
    origin = get_origin(kind) or kind
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(get_args(kind)[0], item) for item in value)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)
    if origin in (int, float) and isinstance(value, bool):
        return False
    if origin is float:
        return isinstance(value, (int, float)) and math.isfinite(value)
    return not isinstance(origin, type) or isinstance(value, origin)


def _expected(kind: Any) -> str:
    return " or ".join(_words(one) for one in _members(kind))


def _words(kind: Any) -> str:
    origin = get_origin(kind) or kind
    if origin is tuple:
        return f"a list of {_PLURALS.get(get_args(kind)[0], 'tables')}"
    return _WORDS.get(origin, "a table" if origin is Mapping else getattr(origin, "__name__", str(origin)))

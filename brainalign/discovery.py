"""Finding the algorithms of a room: one module each, the class named as the module.

Adding an algorithm is adding its file; nothing else lists it.
"""

import importlib
import pkgutil
import re
from functools import cache
from typing import Any

from brainalign.errors import SpecError
from brainalign.options import field_types, fitted


def snake_case(name: str) -> str:
    """Return ``name`` in snake case: ``"FeedbackAlignment"`` gives ``"feedback_alignment"``, ``"MLP"`` ``"mlp"``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


@cache
def available(room: str, base: type) -> dict[str, type]:
    """Return the concrete subclasses of ``base`` in the package ``brainalign.<room>``, by module name."""
    package = importlib.import_module(f"brainalign.{room}")
    found: dict[str, type] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        for value in vars(importlib.import_module(f"brainalign.{room}.{module}")).values():
            if (
                isinstance(value, type)
                and issubclass(value, base)
                and value is not base
                and snake_case(value.__name__) == module
            ):
                found[module] = value
    return found


def names(room: str) -> tuple[str, ...]:
    """Return the names of a room's algorithms; its contract is the class and module named as one of them.

    The room is imported when it is asked, so that a specification can check a name before anything else is needed.
    """
    module = importlib.import_module(f"brainalign.{room}.{_noun(room)}")
    classes = [value for value in vars(module).values() if isinstance(value, type)]
    return tuple(available(room, next(one for one in classes if snake_case(one.__name__) == _noun(room))))


def _noun(room: str) -> str:
    return f"{room.removesuffix('ies')}y" if room.endswith("ies") else room.removesuffix("s")


def create(room: str, base: type, name: str, options: dict[str, Any] | None = None) -> Any:
    """Return the algorithm ``name`` of a room with ``options`` as its fields.

    Raises
    ------
    SpecError
        If the name or an option is unknown, the message lists the alternatives; if an option is of another type than
        its field, what was expected.
    """
    classes = available(room, base)
    if name not in classes:
        msg = f"Unknown {_noun(room)} {name!r}. Choose one of: {', '.join(classes)}."
        raise SpecError(msg)
    kinds = field_types(classes[name])
    fitting = {}
    for option, value in (options or {}).items():
        if option not in kinds:
            msg = f"Unknown option {option!r} of {name!r}. Choose one of: {', '.join(kinds) or 'none'}."
            raise SpecError(msg)
        fitting[option] = fitted(kinds[option], value, f"Option {option} of {name!r}")
    return classes[name](**fitting)

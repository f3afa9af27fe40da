"""Finding the algorithms of a room: one module each, the class named as the module.

Adding an algorithm is adding its file; nothing else lists it. The file stands in the package's room, or in the room
of the same name of a folder of one's own (:func:`add_folder`).
"""

import dataclasses
import importlib
import inspect
import pkgutil
import re
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, get_origin

from brainalign.errors import SpecError, nearest
from brainalign.options import field_types, fitted, require_used
from brainalign.own_data import own_data
from brainalign.own_folders import add_folder, how_to_name, own_files, own_folders, own_module, remove_folder

__all__ = [
    "add_folder",
    "algorithm",
    "algorithms",
    "available",
    "create",
    "in_package",
    "names",
    "remove_folder",
    "require_here",
    "snake_case",
]

#: Base classes that have another name than one algorithm of their room.
_CONTRACTS = {"rules": "learning_rule", "networks": "architecture"}
#: Modules that make a class of a folder of data, see :mod:`brainalign.own_data`.
_OF_FOLDERS = {"recordings": "brainalign.recordings.recording_folder", "datasets": "brainalign.datasets.image_folder"}


def snake_case(name: str) -> str:
    """Return ``name`` in snake case: ``"FeedbackAlignment"`` gives ``"feedback_alignment"``, ``"MLP"`` ``"mlp"``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def available(room: str, base: type) -> dict[str, type]:
    """Return the concrete subclasses of ``base`` in the package ``brainalign.<room>``, by module name, then one's own.

    Folders of data (:mod:`brainalign.own_data`) are classes, too, each under the name of its folder.

    Raises
    ------
    SpecError
        If a file of one's own cannot be imported, holds no class of its name, or one that is not whole; if its name is
        taken.
    """
    found = dict(in_package(room, base))
    for folder in own_folders():
        for path in own_files(folder, room):
            own = _own_class(path, own_module(folder, room, path.stem), base)
            if path.stem in found:
                other = inspect.getfile(found[path.stem])
                msg = f"{_noun(room).capitalize()} {path.stem!r} is in {other!r} and in {str(path)!r}; rename your own."
                raise SpecError(msg)
            found[path.stem] = own
    for name, path in own_data(room).items():
        if name in found:
            other = inspect.getfile(found[name])
            msg = f"{_noun(room).capitalize()} {name!r} is in {other!r} and in {str(path)!r}; rename your own."
            raise SpecError(msg)
        found[name] = importlib.import_module(_OF_FOLDERS[room]).of_folder(path)
    return found


@cache
def in_package(room: str, base: type) -> dict[str, type]:
    """Return what :func:`available` does, without one's own."""
    package = importlib.import_module(f"brainalign.{room}")
    found: dict[str, type] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        for value in vars(importlib.import_module(f"brainalign.{room}.{module}")).values():
            if (
                isinstance(value, type)
                and issubclass(value, base)
                and value is not base
                and not inspect.isabstract(value)
                and snake_case(value.__name__) == module
            ):
                found[module] = value
    return found


def names(room: str) -> tuple[str, ...]:
    """Return the names of a room's algorithms, see :func:`algorithms`."""
    return tuple(algorithms(room))


def algorithms(room: str) -> dict[str, Any]:
    """Return a room's algorithms by name.

    The room is imported when it is asked, so that a specification can check a name before anything else is needed.
    """
    return available(room, _contract(room))


def algorithm(room: str, name: str) -> type | None:
    """Return the class of the algorithm ``name`` of a room, or None; for what a specification must know of it."""
    return algorithms(room).get(name)


def _contract(room: str) -> type:
    """Return the base class of a room: the class and module named as one of its algorithms."""
    name = _CONTRACTS.get(room, _noun(room))
    found = vars(importlib.import_module(f"brainalign.{room}.{name}")).values()
    return next(one for one in found if isinstance(one, type) and snake_case(one.__name__) == name)


def create(room: str, base: type, name: str, options: dict[str, Any] | None = None, stored: bool = False) -> Any:
    """Return the algorithm ``name`` of a room with ``options`` as its fields.

    An option that has no effect beside the others is refused, unless options are ``stored``: read from a file that an
    earlier version wrote.

    Raises
    ------
    SpecError
        If the name or an option is unknown, the message lists the alternatives; if an option is of another type than
        its field, or has no effect beside the others, what was expected.
    """
    classes = available(room, base)
    if name not in classes:
        msg = f"Unknown {_noun(room)} {name!r}. Choose one of: {', '.join(classes)}.{nearest(name, classes)}"
        raise SpecError(msg)
    kinds = field_types(classes[name])
    fitting = {}
    for option, value in (options or {}).items():
        if option not in kinds:
            those = f"{', '.join(kinds) or 'none'}.{nearest(option, kinds)}"
            msg = f"Unknown option {option!r} of {name!r}. Choose one of: {those}"
            raise SpecError(msg)
        fitting[option] = fitted(kinds[option], value, f"Option {option} of {name!r}")
    made = classes[name](**fitting)
    if not stored:
        require_used(made, name)
    return made


def require_here(room: str, base: type, name: str, what: str) -> None:
    """Raise :class:`SpecError` if there is no algorithm ``name``, which ``what`` needs and which once was one's own."""
    if name not in available(room, base):
        msg = f"{what} needs the {_noun(room)} {name!r}, which is not in the package. {how_to_name(room, name)}"
        raise SpecError(msg)


def _noun(room: str) -> str:
    last = room.rpartition(".")[2]
    return f"{last.removesuffix('ies')}y" if last.endswith("ies") else last.removesuffix("s")


# -- what a file of one's own must hold -------------------------------------------------------------------------------


def _own_class(path: Path, module: ModuleType, base: type) -> type:
    """Return the class of a file of one's own, or say what it lacks."""
    classes = [one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__]
    own = next((one for one in classes if snake_case(one.__name__) == path.stem), None)
    if own is None:
        name = "".join(part.capitalize() for part in path.stem.split("_"))
        held = ", ".join(one.__name__ for one in classes) or "none"
        msg = (
            f"{str(path)!r} holds no class of its name but {held}; expected class {name}({base.__name__}). "
            "A file of pieces that others share has a name that begins with '_'."
        )
        raise SpecError(msg)
    if not issubclass(own, base):
        expected = f"class {own.__name__}({base.__name__})"
        msg = f"{str(path)!r}: class {own.__name__} is no {base.__name__}; expected {expected}."
        raise SpecError(msg)
    missing = [*sorted(getattr(own, "__abstractmethods__", ())), *_unset(own)]
    if missing:
        msg = f"{str(path)!r}: class {own.__name__} lacks {', '.join(missing)}; {base.__name__} says what they are."
        raise SpecError(msg)
    return own


def _unset(own: type) -> list[str]:
    """Return what a class must say, or give a value to: class variables, and options without a default."""
    found = [
        name
        for one in own.__mro__
        for name, kind in inspect.get_annotations(one).items()
        if (get_origin(kind) or kind) is ClassVar or str(kind).startswith(("ClassVar", "typing.ClassVar"))
        if not hasattr(own, name)
    ]
    if dataclasses.is_dataclass(own):
        found += [
            f"a default of {field.name}"
            for field in dataclasses.fields(own)
            if field.init and field.default is field.default_factory is dataclasses.MISSING
        ]
    return list(dict.fromkeys(found))

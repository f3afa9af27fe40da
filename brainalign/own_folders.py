"""Folders of algorithms of one's own, laid out as the package's rooms: which there are, and their modules.

Each folder is a package of a private name, so that its files import their neighbours relatively
(``from ._shared import scaled``) and whatever they like of ``brainalign``.
"""

import contextlib
import hashlib
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from brainalign.errors import SpecError

#: Environment variable that names folders, with ``os.pathsep`` between.
VARIABLE = "BRAINALIGN_PATH"
#: Rooms that a folder may have.
ROOMS = (
    *("rules", "networks", "datasets", "dissimilarities", "comparisons", "recordings"),
    *("plausibility/probes", "report/figures", "report/map_figures"),
)

_PREFIX = "brainalign_own_"
_added: list[Path] = []
# When each loaded module's file was written, and its size.
_loaded: dict[str, tuple[int, int]] = {}


def add_folder(path: str | Path) -> Path:
    """Look for algorithms in a folder, too, from now on in this process; return its absolute path.

    Parameters
    ----------
    path
        Folder with any of ``rules/``, ``networks/``, ``datasets/``, ``dissimilarities/``, ``comparisons/``,
        ``recordings/``, ``plausibility/probes/``, ``report/figures/`` and ``report/map_figures/``: one file per
        algorithm, with a class named as the file. Files whose names begin with ``_`` are pieces that the others share.

    Raises
    ------
    SpecError
        If there is no such folder, or it has none of these rooms.

    Examples
    --------
    >>> import brainalign as ba, tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> (folder / "rules").mkdir()
    >>> ba.add_folder(folder) == folder.resolve()
    True
    """
    folder = _checked(Path(path), "folder of your own")
    if folder not in _added:
        _added.append(folder)
    return folder


def remove_folder(path: str | Path) -> None:
    """Look no more in a folder that :func:`add_folder` added."""
    folder = Path(path).expanduser().resolve()
    if folder in _added:
        _added.remove(folder)


def own_folders() -> tuple[Path, ...]:
    """Return the folders to look in: those of the environment variable, then those that were added, each once."""
    named = [entry for entry in os.environ.get(VARIABLE, "").split(os.pathsep) if entry.strip()]
    return tuple(dict.fromkeys([*(_checked(Path(entry), f"{VARIABLE}:") for entry in named), *_added]))


def own_files(folder: Path, room: str) -> list[Path]:
    """Return the files of a room (``"plausibility.probes"``) of a folder that should each hold an algorithm."""
    return sorted(path for path in (folder / room.replace(".", "/")).glob("*.py") if not path.name.startswith("_"))


def own_module(folder: Path, room: str, name: str) -> ModuleType:
    """Return a module of a folder; a file that was written again since it was loaded is loaded again.

    Raises
    ------
    SpecError
        If it cannot be imported.
    """
    package = _package(folder)
    module = f"{package.__name__}.{room}.{name}"
    try:
        with _leaving_no_bytecode():
            found = importlib.import_module(module)
    except Exception as error:  # the file is not ours: whatever it raises is what is wrong with it
        path = folder / room.replace(".", "/") / f"{name}.py"
        said = " ".join(f"{type(error).__name__}: {error}".split())
        msg = f"{str(path)!r} cannot be imported: {said}. Expected a module that imports; neighbours relatively."
        raise SpecError(msg) from error
    _note(package.__name__)
    return found


def is_own(module: str) -> bool:
    """Return whether a module, by its dotted name, is of a folder of one's own."""
    return module.startswith(_PREFIX)


def root_of(module: str) -> Path | None:
    """Return the folder that an own module is of, or None."""
    package = sys.modules.get(module.partition(".")[0]) if is_own(module) else None
    return Path(package.__path__[0]) if package else None


def shown_name(module: str) -> str:
    """Return an own module's name without its folder, which may stand elsewhere tomorrow: ``"own.rules.mine"``."""
    return ".".join(["own", *module.split(".")[1:]])


def loaded_files() -> list[tuple[str, Path]]:
    """Return the files that are loaded of the folders to look in, each after its :func:`shown_name`."""
    files = (item for folder in own_folders() for item in _files(_package_name(folder)).items())
    return sorted((shown_name(name), Path(path)) for name, path in files)


def how_to_name(room: str, name: str) -> str:
    """Return the sentence that says how to name a folder that holds an algorithm."""
    file = f"{room.replace('.', '/')}/{name}.py"
    return f"Name the folder of your own that holds {file}, with --own or {VARIABLE}."


def _checked(path: Path, what: str) -> Path:
    folder = path.expanduser().resolve()
    rooms = ", ".join(f"{room}/" for room in ROOMS)
    if not folder.is_dir():
        msg = f"{what[0].upper()}{what[1:]} {str(path)!r} is no folder; expected one with any of {rooms}."
        raise SpecError(msg)
    if not any((folder / room).is_dir() for room in ROOMS):
        msg = f"{what[0].upper()}{what[1:]} {str(path)!r} has no rooms; expected any of {rooms}."
        raise SpecError(msg)
    return folder


def _package(folder: Path) -> ModuleType:
    """Return the package that a folder is, without modules whose files changed since they were loaded."""
    name = _package_name(folder)
    _note(name)
    if any(_written(Path(path)) != _loaded[module] for module, path in _files(name).items()):
        for module in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
            sys.modules.pop(module)
            _loaded.pop(module, None)
    if name not in sys.modules:
        package = ModuleType(name, "Algorithms of a folder of one's own.")
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    importlib.invalidate_caches()
    return sys.modules[name]


def _package_name(folder: Path) -> str:
    return _PREFIX + hashlib.sha256(str(folder).encode()).hexdigest()[:12]


def _note(package: str) -> None:
    """Note of modules that were loaded since, also as neighbours, which state of their files they hold."""
    for module, path in _files(package).items():
        if module not in _loaded:
            _loaded[module] = _written(Path(path))


def _files(package: str) -> dict[str, str]:
    """Return the files of a folder's loaded modules by name."""
    modules = [(name, one) for name, one in list(sys.modules.items()) if name.startswith(f"{package}.")]
    return {name: file for name, one in modules if (file := getattr(one, "__file__", None))}


def _written(path: Path) -> tuple[int, int]:
    with contextlib.suppress(OSError):
        found = path.stat()
        return found.st_mtime_ns, found.st_size
    return 0, 0


@contextlib.contextmanager
def _leaving_no_bytecode() -> Iterator[None]:
    """Write no bytecode: it is told from its source by the second, and would hide a change within one."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before

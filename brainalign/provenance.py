"""Which code and which versions produced a result."""

import ast
import platform
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from brainalign import __version__
from brainalign.errors import SpecError
from brainalign.own_folders import is_own, loaded_files, root_of, shown_name
from brainalign.storage import content_hash

_PACKAGE = Path(__file__).parent
#: Name of the module, and of the methods, of what objects print of themselves.
_SUMMARY = "summary"


def code_hash(*modules: str, root: Path = _PACKAGE) -> str:
    """Return a content hash of modules of the package and of every module of it that they import.

    Imports count wherever they stand, also inside functions, but not under ``if TYPE_CHECKING``. What is found by its
    name while running (a rule, a network, a data set) is not seen: name its module, too. Syntax trees are hashed, so
    comments, layout and docstrings do not count, nor does what no number depends on: the package's own ``__init__.py``,
    and what objects print of themselves (``summary.py`` and methods named ``summary``). Of a module in a folder of
    one's own, neighbours in that folder count, too; where the folder is does not.

    Parameters
    ----------
    modules
        Dotted names, e.g. ``"brainalign.rules.backprop"``; all modules of the package if none is given.
    root
        Folder of the package.

    Raises
    ------
    SpecError
        If there is no such module.
    """
    waiting, found, own = list(modules or _names(root)), dict[str, str](), dict[str, str]()
    while waiting:
        name = waiting.pop()
        if name in found or name in own or name in (root.name, f"{root.name}.{_SUMMARY}"):
            continue
        path = _file(name, root) or _loaded(name)
        if path is None:
            msg = f"Unknown module {name!r}; expected one of the package {root.name!r}, e.g. '{root.name}.specs'."
            raise SpecError(msg)
        module = _read(path)
        (own if is_own(name) else found)[name] = module.digest
        parents = [name.rpartition(".")[0]] if "." in name else []
        waiting += [one for one in parents if not is_own(one) or _file(one, root)]
        waiting += _imported(name, path, module, root)
    if not own:
        return content_hash(found)
    return content_hash(found, sorted([shown_name(name), digest] for name, digest in own.items()))


def own_hashes() -> dict[str, str]:
    """Return the content hash of every loaded module of one's own, by its name without its folder."""
    found: dict[str, list[str]] = {}
    for name, path in loaded_files():
        found.setdefault(name, []).append(_read(path).digest)
    return {name: content_hash(sorted(digests)) for name, digests in found.items()}


def versions() -> dict[str, str]:
    """Return versions of Python, this package and what numbers depend on."""
    found = {"python": platform.python_version(), "brainalign": __version__}
    for package in ("torch", "numpy", "scipy", "scikit-learn", "himalaya", "pandas", "matplotlib"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


# -- modules and what they import -------------------------------------------------------------------------------------


class _Module(NamedTuple):
    """Digest of a syntax tree, and its imports: level of a relative one, module, name taken from it or ``""``."""

    digest: str
    imports: tuple[tuple[int, str, str], ...]


def _read(path: Path) -> _Module:
    written = path.stat()
    return _module(path, (written.st_mtime_ns, written.st_size))


@cache
def _module(path: Path, written: tuple[int, int]) -> _Module:
    """Read a module; ``written`` is when its file was written and its size, so that each state of it is read once."""
    del written
    tree = ast.parse(path.read_text("utf-8"))
    found = [
        (node.level, node.module or "", alias.name) if isinstance(node, ast.ImportFrom) else (0, alias.name, "")
        for node in _nodes(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    ]
    return _Module(content_hash(_text(tree)), tuple(found))


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what a module runs or may run: everything but what stands there for type checking only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).split(".")[-1] == "TYPE_CHECKING":
            for other in child.orelse:
                yield other
                yield from _nodes(other)
            continue
        yield child
        yield from _nodes(child)


def _text(value: Any) -> str:
    """Return a syntax tree as text that is the same under every version of Python, without lone strings."""
    if isinstance(value, list):
        return f"[{','.join(_text(item) for item in value if not (_is_lone_string(item) or _is_summary(item)))}]"
    if not isinstance(value, ast.AST):
        return repr(value)
    if isinstance(value, ast.Constant):
        return f"Constant({value.value!r})"
    fields = {name: _text(getattr(value, name, None)) for name in value._fields if name != "type_comment"}
    # Later versions of Python add fields, which are empty where they are not used.
    return f"{type(value).__name__}({','.join(f'{n}={own}' for n, own in fields.items() if own not in ('None', '[]'))})"


def _is_lone_string(node: Any) -> bool:
    """Return whether a statement is a string alone, which is a docstring or does nothing."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_summary(node: Any) -> bool:
    """Return whether a statement is a method that says what is printed."""
    method = isinstance(node, ast.FunctionDef) and [one.arg for one in node.args.args] == ["self"]
    return method and node.name == _SUMMARY


def _imported(name: str, path: Path, module: _Module, root: Path) -> list[str]:
    """Return the modules of the package, and of the module's own folder, that a module imports."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = []
    for level, source, alias in module.imports:
        home = package[: len(package) - level + 1] if level else []
        parts = ".".join(part for part in (*home, source, alias) if part).split(".")
        if parts[0] == root.name or is_own(parts[0]):
            names = (".".join(parts[:k]) for k in range(len(parts), 0, -1))
            found.append(next((one for one in names if _file(one, root)), root.name))
    return found


def _names(root: Path) -> list[str]:
    paths = (path.relative_to(root.parent).with_suffix("").parts for path in sorted(root.rglob("*.py")))
    return [".".join(parts[:-1] if parts[-1] == "__init__" else parts) for parts in paths]


def _file(name: str, root: Path) -> Path | None:
    """Return the file of a module of the package or of a folder of one's own, or None."""
    head, *rest = name.split(".")
    home = root_of(name) if is_own(name) else root if head == root.name else None
    place = home.joinpath(*rest) if home else Path()
    files = (place.with_suffix(".py"), place / "__init__.py") if home and rest else ()
    return next((path for path in files if path.is_file()), None)


def _loaded(name: str) -> Path | None:
    """Return the file of a module that was loaded from another folder, such as a rule of one's own."""
    file = getattr(sys.modules.get(name), "__file__", None)
    return Path(file) if file else None

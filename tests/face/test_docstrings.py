"""What is exported says what it takes, what it raises and how it is used; its examples run."""

import ast
import doctest
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

import brainalign as ba

#: Exported names that are neither a class nor a function.
PLAIN = ("__version__",)
#: Of every noun, described once.
COMMON = ("summary",)
#: Types whose numbers have a shape.
ARRAYS = re.compile(r"ndarray|Tensor|\bParams\b")
SHAPE = re.compile(r"\((n|\d|[a-z_]+,)[^()]*[,)]")
EXAMPLE = ">>> "


def exported() -> dict[str, Any]:
    return {name: getattr(ba, name) for name in ba.__all__ if name not in PLAIN}


def members(kind: type) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties that a class of the package defines or inherits from one."""
    seen: set[str] = set(COMMON)
    for base in kind.__mro__:
        if not base.__module__.startswith("brainalign"):
            continue
        for name, value in vars(base).items():
            cached = hasattr(value, "func") and hasattr(value, "attrname")
            method = isinstance(value, (property, classmethod, staticmethod)) or inspect.isfunction(value) or cached
            if method and not name.startswith("_") and name not in seen:
                seen.add(name)
                yield name, value


def function_of(value: Any) -> Any:
    """Return the function within a method or property."""
    for inner in ("fget", "func", "__func__"):
        value = getattr(value, inner, value) if not inspect.isfunction(value) else value
    return value


def raises(function: Any) -> bool:
    """Return whether a function raises something itself."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return any(isinstance(node, ast.Raise) and node.exc is not None for node in ast.walk(tree))


def has_arrays(function: Any) -> bool:
    notes = " ".join(str(note) for note in getattr(function, "__annotations__", {}).values())
    return bool(ARRAYS.search(notes))


def lacks(name: str, function: Any, text: str, own_example: bool = True) -> list[str]:
    """Return what the docstring of a function lacks."""
    found = []
    if not text:
        return [f"{name}: docstring"]
    if has_arrays(function) and not SHAPE.search(text):
        found.append(f"{name}: shapes")
    if raises(function) and not re.search(r"Raises\n|\braises? :class:", text):
        found.append(f"{name}: Raises")
    if own_example and EXAMPLE not in text:
        found.append(f"{name}: example")
    return found


def lacking(name: str, value: Any) -> list[str]:
    """Return what an exported name and its public methods lack."""
    if not isinstance(value, type):
        return lacks(name, value, inspect.getdoc(value) or "")
    text = inspect.getdoc(value) or ""
    found = [] if EXAMPLE in text else [f"{name}: example"]
    fields = " ".join(str(note) for note in getattr(value, "__annotations__", {}).values())
    if ARRAYS.search(fields) and not SHAPE.search(text):
        found.append(f"{name}: shapes")
    made = [vars(value)[made] for made in ("__post_init__", "__new__") if made in vars(value)]
    if any(raises(one) for one in made) and "Raises\n" not in text:
        found.append(f"{name}: Raises")
    for member, method in members(value):
        shown = f".{member}" in text.split(">>>", 1)[-1] if EXAMPLE in text else False
        inherited = [inspect.getdoc(one) or "" for one in value.__mro__ if one.__module__.startswith("brainalign")]
        shown = shown or any(EXAMPLE in one and f".{member}" in one.split(">>>", 1)[-1] for one in inherited)
        function = function_of(method)
        found += lacks(f"{name}.{member}", function, inspect.getdoc(function) or "", own_example=not shown)
    return found


def test_everything_exported_says_shapes_raises_and_an_example() -> None:
    found = [what for name, value in exported().items() for what in lacking(name, value)]
    assert sorted(set(found)) == []


def examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(recurse=False)
    found: dict[str, doctest.DocTest] = {}
    for name, value in exported().items():
        whole = [(name, value)]
        if isinstance(value, type):
            whole += [(f"{name}.{member}", function_of(method)) for member, method in members(value)]
        for full, one in whole:
            for test in finder.find(one, full, module=False, globs=dict(vars(sys.modules[one.__module__]))):
                if test.examples:
                    found[f"{getattr(one, '__module__', '')}.{getattr(one, '__qualname__', full)}"] = test
    return list(found.values())


@pytest.mark.parametrize("example", examples(), ids=lambda one: one.name)
def test_an_example_runs(example: doctest.DocTest, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(example, out=said.append)
    assert runner.failures == 0, "".join(said)


# -- the checks can fail ----------------------------------------------------------------------------------------------


def test_what_a_docstring_lacks_is_seen() -> None:
    def bare(x: "np.ndarray") -> None:  # noqa: F821
        """Do something."""
        raise ValueError(x)

    def whole(x: "np.ndarray") -> None:  # noqa: F821
        """Do something with ``(n_rows, 3)``.

        Raises
        ------
        ValueError
            Always.

        >>> 1
        1
        """
        raise ValueError(x)

    assert lacks("f", bare, bare.__doc__ or "") == ["f: shapes", "f: Raises", "f: example"]
    assert lacks("f", whole, whole.__doc__ or "") == []
    assert lacks("f", bare, "") == ["f: docstring"]


def test_an_example_shows_a_use_and_no_import_alone() -> None:
    for one in examples():
        sources = [example.source.strip() for example in one.examples]
        assert any(not source.startswith(("import ", "from ")) for source in sources), one.name

"""Versions, and what a code hash covers."""

import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from brainalign.errors import SpecError
from brainalign.provenance import code_hash, versions

FILES = {
    "__init__.py": '__version__ = "1"',
    "rules/__init__.py": '"""Rules."""',
    "rules/own.py": "from package.credit.shared import send\n\ndef step(x):\n    return send(x)",
    "rules/other.py": "def step(x):\n    return x",
    "credit/__init__.py": "",
    "credit/shared.py": "def send(x):\n    from package import deep\n    return deep.sent(x, 'a')",
    "deep.py": "def sent(x, name):\n    return 2 * x",
    "typed.py": "class Typed: ...",
}


def _package(folder: Path, changes: Mapping[str, str] | None = None) -> Path:
    root = folder / "package"
    for name, text in {**FILES, **(changes or {})}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def _own(root: Path) -> str:
    return code_hash("package.rules.own", root=root)


FRESH = {
    "another file": {"rules/third.py": "x = 1"},
    "another rule": {"rules/other.py": "def step(x):\n    return 3 * x"},
    "comments and layout": {"deep.py": "# twice\ndef sent(x,\n         name):\n\n    return 2*x  # it is"},
    "docstrings": {"deep.py": '"""Deep."""\n\ndef sent(x, name):\n    """Return it."""\n    return 2 * x'},
    "a docstring of a module between": {"credit/__init__.py": '"""Shared."""'},
    "the version": {"__init__.py": '__version__ = "2"'},
}
STALE = {
    "its own code": {"rules/own.py": FILES["rules/own.py"] + " + 1"},
    "an import": {"credit/shared.py": FILES["credit/shared.py"].replace("'a'", "'b'")},
    "an import of an import, inside a function": {"deep.py": "def sent(x, name):\n    return 4 * x"},
    "the package of an import": {"credit/__init__.py": "import package.rules.other"},
    "an empty text": {"deep.py": "def sent(x, name):\n    return ''"},
    "nothing": {"deep.py": "def sent(x, name):\n    return None"},
    "truth": {"deep.py": "def sent(x, name):\n    return True"},
    "one": {"deep.py": "def sent(x, name):\n    return 1"},
}


@pytest.mark.parametrize("changes", FRESH.values(), ids=FRESH)
def test_what_a_module_does_not_run_leaves_its_hash(tmp_path: Path, changes: dict[str, str]) -> None:
    assert _own(_package(tmp_path / "a", changes)) == _own(_package(tmp_path / "b"))


def test_every_change_of_what_a_module_runs_gives_a_hash_of_its_own(tmp_path: Path) -> None:
    hashes = {name: _own(_package(tmp_path / name, changes)) for name, changes in {**STALE, "as is": {}}.items()}
    assert len(set(hashes.values())) == len(STALE) + 1


def test_a_file_written_again_is_read_again(tmp_path: Path) -> None:
    root = _package(tmp_path)
    before = _own(root)
    (root / "deep.py").write_text("def sent(x, name):\n    return 5 * x", encoding="utf-8")
    assert _own(root) != before


IMPORTS = {
    "import package.typed": True,
    "import package.typed as t": True,
    "from package import typed": True,
    "from package.typed import Typed": True,
    "from . import typed": True,
    "from .typed import Typed": True,
    "def late():\n    from package.typed import Typed": True,
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    pass\nelse:\n    import package.typed": True,
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from package.typed import Typed": False,
    "import typing\nif typing.TYPE_CHECKING:\n    import package.typed": False,
    "import importlib\nimportlib.import_module('package.typed')": False,
    "import numpy.typing": False,
    "from package import __version__": False,
}


@pytest.mark.parametrize(("text", "counts"), IMPORTS.items())
def test_imports_count_wherever_they_stand_but_for_type_checking(tmp_path: Path, text: str, counts: bool) -> None:
    root = _package(tmp_path, {"deep.py": text})
    before = _own(root)
    (root / "typed.py").write_text("class Typed:\n    x = 1", encoding="utf-8")
    assert (_own(root) != before) is counts


def test_a_relative_import_leaves_its_room(tmp_path: Path) -> None:
    root = _package(tmp_path, {"rules/own.py": "from ..typed import Typed\nfrom .other import step"})
    hashes = [_own(root)]
    for name in ("typed.py", "rules/other.py"):
        (root / name).write_text("x = 1", encoding="utf-8")
        hashes.append(_own(root))
    assert len(set(hashes)) == 3


def test_modules_that_import_each_other_have_a_hash(tmp_path: Path) -> None:
    root = _package(tmp_path, {"deep.py": "import package.rules.own"})
    assert _own(root) == code_hash("package.deep", root=root)  # each holds both


def test_without_names_every_module_counts(tmp_path: Path) -> None:
    root = _package(tmp_path)
    before = code_hash(root=root)
    assert before == code_hash(root=root)
    (root / "rules" / "third.py").write_text("x = 1", encoding="utf-8")
    assert code_hash(root=root) != before


def test_a_module_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"Unknown module 'package\.rules\.owl'; expected one of the package"):
        code_hash("package.rules.owl", root=_package(tmp_path))
    with pytest.raises(SpecError, match=r"Unknown module 'datasets'"):
        code_hash("datasets")


def test_the_package_is_hashed_in_a_moment() -> None:
    first, second = code_hash("brainalign.training.train"), code_hash("brainalign.alignment.align")
    assert first != second
    started = time.perf_counter()
    assert code_hash("brainalign.training.train") == first
    assert time.perf_counter() - started < 0.2


def test_versions_name_what_numbers_depend_on() -> None:
    assert versions()["torch"] == torch.__version__
    assert {"python", "brainalign", "numpy", "scipy", "himalaya"} <= set(versions())

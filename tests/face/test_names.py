"""What ``import brainalign as ba`` offers: all of it listed, typed, and imported on first use."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import brainalign as ba

PACKAGE = Path(ba.__file__).parent


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent, check=True)
    return done.stdout.strip()


def test_dir_lists_what_is_exported_and_nothing_else() -> None:
    assert dir(ba) == sorted(ba.__all__)
    assert len(set(ba.__all__)) == len(ba.__all__)
    for name in ba.__all__:
        assert getattr(ba, name) is not None
    assert dir(ba) == sorted(ba.__all__)  # nor after use


def test_types_are_declared_for_every_name_as_it_is_imported() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    declared = {
        alias.asname: (str(node.module).removeprefix("brainalign."), alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert {name: (module, name) for name, module in ba._HOME.items()} == declared
    assert sorted([*declared, "__version__"]) == sorted(ba.__all__)


def test_no_exported_name_is_that_of_a_module() -> None:
    """Importing ``brainalign.rules`` would put the module in the place of a function of that name."""
    modules = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.parent.name for path in PACKAGE.glob("*/__init__.py")
    }
    assert not modules & set(ba.__all__)


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'scorcard'; did you mean .*scorecard"):
        ba.scorcard  # noqa: B018


def test_a_noun_is_imported_when_it_is_used_and_not_before() -> None:
    code = "import brainalign as ba, sys; a = 'numpy' in sys.modules; ba.Stimuli; print(a, 'numpy' in sys.modules)"
    assert _run(code) == "False True"
    assert _run("import brainalign as ba, sys; ba.LearningRule; print('mne' in sys.modules)") == "False"


def test_nouns_do_not_import_what_only_one_job_needs() -> None:
    names = [name for name in ba.__all__ if name != "__version__"]
    code = f"import brainalign as ba, sys\nfor name in {names}: getattr(ba, name)\n"
    code += "heavy = {'mne', 'nilearn', 'nibabel', 'rsatoolbox', 'matplotlib', 'typer', 'sklearn'}\n"
    code += "print(sorted(heavy & set(sys.modules)))"
    assert _run(code) == "[]"

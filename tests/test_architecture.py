"""Rules of the source tree that no other test would notice broken; each check is shown to be able to fail."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from brainalign.discovery import snake_case

PACKAGE = Path(__file__).parents[1] / "brainalign"

#: Every room, in the order data flows: a module imports from rooms above its own and from its own only. A room within
#: a room has a place of its own.
ROOMS = (
    *("__init__", "errors", "asked_for", "computing", "arrays", "mapped", "rounding", "randomness", "storage"),
    *("summary", "cell_pictures"),
    *("own_folders", "own_data", "provenance", "options", "optimizers", "discovery", "roles", "columns", "tables"),
    *("results_folder", "folder_kinds", "shipped", "recommended", "finding_kinds", "time_windows", "specs"),
    *("geometry", "datasets", "patterns", "networks", "credit", "rules", "support"),
    *("training", "reproduction", "study_file", "extraction", "activations", "plausibility", "plausibility.probes"),
    *("dissimilarities", "rdms", "low_level", "rsatoolbox_exchange"),
    *("condensed", "whitening", "readers", "recordings", "data_check", "resampling", "comparisons", "inference"),
    *("searchlights",),
    *("alignment", "study_checks", "study", "report", "face", "terminal", "commands"),
    *("metalearning", "__main__"),
)

#: Rooms beside that way: nothing imports from them but the command.
NEIGHBOURS = ("metalearning",)

#: Rooms with one public class per file, under the file's name.
ONE_CLASS = (
    *("geometry", "datasets", "networks", "credit", "rules", "recordings"),
    *("dissimilarities", "resampling", "comparisons", "inference", "plausibility/probes"),
)

#: Files excused from that, with the reason.
SEVERAL_CLASSES = {
    "datasets/dataset.py": {"Split", "Dataset"},  # a Split is the tuple that Dataset returns and nothing else makes
    "recordings/source.py": {"RecordingSource"},  # in this room the longer name says nothing more
}

#: What only one job needs; the core must import without it.
OPTIONAL = (
    "himalaya",
    "rsatoolbox",
    "sklearn",
    "matplotlib",
    "h5py",
    "pooch",
    "mne",
    "mne_bids",
    "nilearn",
    "nibabel",
    "pymatreader",
    "typer",
    "rich",
    "jinja2",
    "gymnasium",
)
CORE = ("rules", "networks", "training", "metalearning", "extraction", "activations", "rdms", "inference")
#: The command of a room of the core is no part of it.
COMMANDS = ("metalearning.command",)


def modules(root: Path) -> dict[str, Path]:
    """Return every module of a package by dotted name, without the package's own; the package is ``__init__``."""
    names = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)] = path
    return names


def imports(root: Path, name: str, path: Path) -> set[str]:
    """Return the modules of the package that a module imports anywhere, except for type checking only."""
    known = modules(root)
    found: set[str] = set()
    for node in _nodes(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            home = ".".join([root.name, *name.split(".")[: -node.level]]) if node.level else ""
            base = ".".join(part for part in (home, node.module) if part)
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for one in names:
            head, *rest = one.split(".")
            if head == root.name:
                candidates = (".".join(rest[:k]) for k in range(len(rest), 0, -1))
                found.add(next((candidate for candidate in candidates if candidate in known), "__init__"))
    return found - {name}


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from _nodes(child)


def upward_imports(root: Path) -> list[str]:
    """Return imports that run against the order of the rooms, and modules in no room."""
    place = {room: k for k, room in enumerate(ROOMS)}
    wrong = []
    for name, path in modules(root).items():
        room = room_of(name)
        if room not in place:
            wrong.append(f"{name} is in no room")
            continue
        for other in sorted(imports(root, name, path)):
            if place.get(room_of(other), len(ROOMS)) > place[room]:
                wrong.append(f"{name} imports {other}")
    return wrong


def room_of(name: str) -> str:
    """Return the room of a module: the innermost that is listed, else the outermost."""
    parts = name.split(".")
    rooms = (".".join(parts[:k]) for k in range(len(parts), 0, -1))
    return next((room for room in rooms if room in ROOMS), parts[0])


def imports_of_neighbours(root: Path) -> list[str]:
    """Return imports from a room beside the way, but for its own and the command's."""
    return [
        f"{name} imports {other}"
        for name, path in modules(root).items()
        for other in sorted(imports(root, name, path))
        if room_of(other) in NEIGHBOURS and room_of(name) not in (room_of(other), "__main__")
    ]


def cycle(root: Path) -> list[str]:
    """Return the modules of one import cycle, empty if there is none."""
    graph = {name: imports(root, name, path) for name, path in modules(root).items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def misnamed_classes(root: Path) -> list[str]:
    """Return files of the rooms of algorithms that hold several public classes, or one under another name."""
    wrong = []
    for room in ONE_CLASS:
        for path in sorted((root / room).glob("*.py")):
            file = f"{room}/{path.name}"
            nodes = ast.parse(path.read_text("utf-8")).body
            public = {n.name for n in nodes if isinstance(n, ast.ClassDef) and not n.name.startswith("_")}
            expected = SEVERAL_CLASSES.get(file)
            if public != expected and (len(public) > 1 or any(snake_case(name) != path.stem for name in public)):
                wrong.append(f"{file} holds {', '.join(sorted(public))}")
    return wrong


def forbidden(root: Path) -> list[str]:
    """Return prints in library code, ways to run code from data, and modules whose name says nothing."""
    wrong = []
    for name, path in modules(root).items():
        if name.split(".")[-1] in ("utils", "util", "helpers", "common", "core", "misc"):
            wrong.append(f"{name}: name")
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            for what in _faults(node):
                excused = (name == "__main__" and what == "print") or (name in UNPICKLES and what == "pickle")
                if not excused:
                    wrong.append(f"{name}:{getattr(node, 'lineno', 0)}: {what}")
    return wrong


#: The one file that may unpickle, with the reason.
UNPICKLES = ("readers.arrays_only",)  # published files that exist in no safer form; it admits arrays only


def _faults(node: ast.AST) -> Iterator[str]:
    unsafe = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name.split(".")[0] in unsafe)
    if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in unsafe:
        yield node.module
    if isinstance(node, ast.ImportFrom) and node.module == "torch":
        yield from (f"torch.{alias.name}" for alias in node.names if alias.name in ("load", "save"))
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        if called in ("print", "torch.load", "torch.save", "pd.read_pickle", "eval", "exec"):
            yield called
        for keyword in node.keywords:
            if keyword.arg == "allow_pickle" and ast.unparse(keyword.value) != "False":
                yield "allow_pickle"


#: Dataclasses with more fields than this are made by name.
BY_POSITION = 4

#: Dataclasses that are made as rows of a table, whose columns are in the order of fields.
ROWS = ("Criterion", "Landscape")


def made_by_position(root: Path) -> list[str]:
    """Return calls of dataclasses that have more fields than anybody counts, with as many by position or a star."""
    trees = {
        f"{root.name}.{name}".removesuffix(".__init__"): ast.parse(p.read_text("utf-8"))
        for name, p in modules(root).items()
    }
    fields = {
        (name, one.name): _fields(one)
        for name, tree in trees.items()
        for one in tree.body
        if isinstance(one, ast.ClassDef)
    }
    wrong = []
    for name, tree in trees.items():
        known = {own: (where, own) for where, own in fields if where == name}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                known |= {one.asname or one.name: (node.module or "", one.name) for one in node.names}
        for call, called in _calls(tree):
            uncounted = len(call.args) > BY_POSITION or any(isinstance(one, ast.Starred) for one in call.args)
            if uncounted and called not in ROWS and fields.get(known.get(called, ("", "")), 0) > BY_POSITION:
                wrong.append(f"{name}:{call.lineno}: {called}")
    return wrong


def _fields(kind: ast.ClassDef) -> int:
    """Return how many fields a dataclass says itself; none of other classes."""
    if not any("dataclass" in ast.unparse(one) for one in kind.decorator_list):
        return 0
    return sum(isinstance(one, ast.AnnAssign) and "ClassVar" not in ast.unparse(one.annotation) for one in kind.body)


def _calls(node: ast.AST, inside: str = "") -> Iterator[tuple[ast.Call, str]]:
    """Yield calls of names; ``cls`` is the class that it stands in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call) and isinstance(child.func, ast.Name):
            yield child, inside if child.func.id == "cls" else child.func.id
        yield from _calls(child, child.name if isinstance(child, ast.ClassDef) else inside)


def loaded(statement: str) -> set[str]:
    """Return the top-level modules a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport sys\nsys.stdout.write(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


# -- the tree as it is ------------------------------------------------------------------------------------------------


def test_every_room_is_listed_once_and_exists() -> None:
    assert len(set(ROOMS)) == len(ROOMS)
    assert {room_of(name) for name in modules(PACKAGE)} == set(ROOMS)


def test_imports_run_down_the_rooms() -> None:
    assert upward_imports(PACKAGE) == []


def test_nothing_imports_a_neighbour_but_the_command() -> None:
    assert imports_of_neighbours(PACKAGE) == []


def test_no_import_runs_in_a_circle() -> None:
    assert cycle(PACKAGE) == []


def test_a_file_holds_one_public_class_under_its_own_name() -> None:
    assert misnamed_classes(PACKAGE) == []


def test_nothing_prints_unpickles_or_hides_behind_an_empty_name() -> None:
    assert forbidden(PACKAGE) == []


def test_a_dataclass_of_many_fields_is_made_by_name() -> None:
    assert made_by_position(PACKAGE) == []


def test_the_core_imports_without_what_only_one_job_needs() -> None:
    names = [name for name in modules(PACKAGE) if name.split(".")[0] in CORE and name not in COMMANDS]
    assert len(names) > 30
    held = loaded("\n".join(f"import brainalign.{name}" for name in names))
    assert {"torch", "brainalign"} <= held
    assert not held & set(OPTIONAL)


def test_importing_the_package_alone_is_instant() -> None:
    assert not loaded("import brainalign") & {"torch", "numpy", "pandas", "scipy", *OPTIONAL}


# -- the checks can fail ----------------------------------------------------------------------------------------------


def _tree(folder: Path, files: dict[str, str]) -> Path:
    root = folder / "brainalign"
    for name, text in {"__init__.py": "", **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("text", "upward"),
    [
        ("import brainalign.study", True),
        ("from brainalign.study import run_study", True),
        ("from brainalign import study", True),
        ("from brainalign import __version__", False),
        ("def late():\n    from brainalign.study import run_study", True),
        ("from . import study", True),
        ("from .study import run_study", True),
        ("try:\n    import brainalign.study as s\nexcept ImportError:\n    pass", True),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from brainalign.study import run_study", False),
        ("from brainalign.errors import SpecError", False),
        ("from brainalign.nowhere.at_all import x", False),
        ("import numpy.study", False),
    ],
)
def test_an_upward_import_is_seen(tmp_path: Path, text: str, upward: bool) -> None:
    root = _tree(tmp_path, {"rdms.py": text, "study.py": "", "errors.py": ""})
    assert upward_imports(root) == (["rdms imports study"] if upward else [])


def test_a_relative_import_out_of_a_room_is_seen(tmp_path: Path) -> None:
    text = "from .. import study\nfrom ..report.page import write_report\nfrom .batch import Batch"
    root = _tree(tmp_path, {"rules/a.py": text, "rules/batch.py": "", "study.py": "", "report/page.py": ""})
    assert upward_imports(root) == ["rules.a imports report.page", "rules.a imports study"]


def test_a_room_within_a_room_has_its_own_place(tmp_path: Path) -> None:
    files = {"plausibility/tap.py": "", "plausibility/probes/dale.py": "from brainalign.plausibility.tap import Tap"}
    assert upward_imports(_tree(tmp_path, files)) == []
    files["plausibility/tap.py"] = "from .probes import dale"
    assert upward_imports(_tree(tmp_path, files)) == ["plausibility.tap imports plausibility.probes.dale"]


def test_an_import_of_a_neighbour_is_seen(tmp_path: Path) -> None:
    late = "def f():\n    from brainalign.metalearning import evolution"
    files = {"metalearning/evolution.py": "", "metalearning/figures.py": late, "__main__.py": late, "study.py": late}
    assert imports_of_neighbours(_tree(tmp_path, files)) == ["study imports metalearning.evolution"]


def test_a_module_without_a_room_is_seen(tmp_path: Path) -> None:
    assert upward_imports(_tree(tmp_path, {"attic.py": ""})) == ["attic is in no room"]


def test_a_circle_is_seen(tmp_path: Path) -> None:
    files = {"rules/a.py": "import brainalign.rules.b", "rules/b.py": "def f():\n    from brainalign.rules import a"}
    assert set(cycle(_tree(tmp_path, files))) == {"rules.a", "rules.b"}
    files["rules/b.py"] = ""
    assert cycle(_tree(tmp_path, files)) == []


def test_a_second_or_misnamed_class_is_seen(tmp_path: Path) -> None:
    files = {
        "rules/good_rule.py": "class GoodRule: ...\nclass _Part: ...\ndef f(): ...",
        "rules/other.py": "class BadRule: ...",
        "networks/two.py": "class Two: ...\nclass Three: ...",
        "inference/functions.py": "def f(): ...",
        "plausibility/probes/third.py": "class Fourth: ...",
        "datasets/dataset.py": "class Split: ...\nclass Dataset: ...\nclass Third: ...",
    }
    assert misnamed_classes(_tree(tmp_path, files)) == [
        "datasets/dataset.py holds Dataset, Split, Third",
        "networks/two.py holds Three, Two",
        "rules/other.py holds BadRule",
        "plausibility/probes/third.py holds Fourth",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "print('a')", "import pickle", "from pickle import loads", "import joblib", "import torch\ntorch.load('a')",
        "from torch import load", "import numpy as np\nnp.load('a', allow_pickle=True)", "f(allow_pickle=flag)",
        "eval('a')", "def f():\n    import pickle",
    ],
)  # fmt: skip
def test_a_forbidden_call_is_seen(tmp_path: Path, text: str) -> None:
    assert len(forbidden(_tree(tmp_path, {"rdms.py": text}))) == 1


@pytest.mark.parametrize("text", ["'print(1)'", "f(allow_pickle=False)", "blueprint()", "x.eval()", "# import pickle"])
def test_what_only_looks_forbidden_passes(tmp_path: Path, text: str) -> None:
    assert forbidden(_tree(tmp_path, {"rdms.py": text, "__main__.py": "print('a')"})) == []


def test_an_empty_name_is_seen(tmp_path: Path) -> None:
    assert forbidden(_tree(tmp_path, {"rules/utils.py": ""})) == ["rules.utils: name"]


def test_a_loaded_module_is_seen() -> None:
    assert "sklearn" in loaded("import sklearn")


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("Many(1, 2, 3, 4, 5)", ["pack.use:4: Many"]),
        ("Many(*given)", ["pack.use:4: Many"]),
        ("Many(1, 2, 3, 4, e=5)", []),
        ("Few(1, 2, 3, 4)", []),
    ],
    ids=["positions", "star", "names", "few"],
)
def test_a_dataclass_made_by_position_is_seen(tmp_path: Path, call: str, found: list[str]) -> None:
    root = tmp_path / "pack"
    root.mkdir()
    (root / "__init__.py").write_text("")
    kinds = (
        (name, "".join(f"    {one}: int\n" for one in letters))
        for name, letters in (("Many", "abcde"), ("Few", "abcd"))
    )
    (root / "kinds.py").write_text("".join(f"@dataclass(frozen=True)\nclass {name}:\n{own}" for name, own in kinds))
    (root / "use.py").write_text(
        f"from pack.kinds import Few, Many\n\ndef made(given: list[int]) -> Many:\n    return {call}\n"
    )
    assert made_by_position(root) == found

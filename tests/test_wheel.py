"""What is installed holds everything the package reads at run time."""

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of the files in a wheel built from this tree."""
    for needed in ("build", "hatchling"):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed; pip install brainalign[dev]")
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=out)
    assert done.returncode == 0, done.stderr[-2000:]
    with zipfile.ZipFile(next(out.glob("brainalign-*.whl"))) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize(
    ("folder", "inside"),
    [
        ("data_manifests", "data_manifests"),
        *((folder, f"shipped_files/{folder}") for folder in ("analyses", "presets", "reproductions")),
    ],
)
def test_manifests_studies_presets_and_tables_travel_inside(wheel: set[str], folder: str, inside: str) -> None:
    here = {f"brainalign/{inside}/{path.name}" for path in (ROOT / folder).glob("*.toml")}
    assert here
    assert here <= wheel


def test_trained_credit_networks_travel_inside(wheel: set[str]) -> None:
    here = {path.name for path in (ROOT / "credit_networks").glob("*.safetensors")}
    assert here
    assert {f"brainalign/shipped_files/credit_networks/{name}" for name in here} <= wheel


def test_every_module_and_template_travels(wheel: set[str]) -> None:
    here = {path for path in (ROOT / "brainalign").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    names = {path.relative_to(ROOT).as_posix() for path in here}
    assert "brainalign/report/template.html" in names
    assert names <= wheel


def test_nothing_else_is_installed(wheel: set[str]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"brainalign"}
    assert not [name for name in wheel if name.endswith(".pyc")]


def test_the_command_and_the_licence_are_declared(wheel: set[str]) -> None:
    assert any(name.endswith(".dist-info/entry_points.txt") for name in wheel)
    assert any(name.endswith("/LICENSE") for name in wheel)

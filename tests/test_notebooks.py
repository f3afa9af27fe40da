"""The notebooks run as they are, hold no outputs, and need ten lines for one's own model and data."""

import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
ROOT = Path(__file__).parents[1]


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def test_there_are_three_that_begin() -> None:
    assert [path.stem for path in NOTEBOOKS] == [
        "01_first_alignment",
        "02_own_model_and_data",
        "03_over_time_and_brain",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = read(path)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [out for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs]
    assert not [
        out for out in outputs if out.output_type == "stream" and out.name == "stderr" and "Warning" in out.text
    ]
    shown = [out.data for out in outputs if out.output_type == "execute_result"]
    assert any("image/png" in data for data in shown)
    assert any("data:image/png;base64," in data.get("text/html", "") for data in shown)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


def test_own_model_and_own_rdms_need_ten_lines_and_one_import() -> None:
    (cell,) = [cell for cell in read(NOTEBOOKS[1]).cells if "ten-lines" in cell.metadata.get("tags", [])]
    lines = [line for line in cell.source.splitlines() if line.strip()]
    assert len(lines) <= 10
    assert [line for line in lines if "import" in line] == ["import brainalign as ba"]
    for word in ("score", "ci_low", "ceiling_lower", "found.plot."):
        assert word in cell.source

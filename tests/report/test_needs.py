"""What a gap needs, from the variance components of a results folder, and the command that prints it."""

import dataclasses
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from brainalign.__main__ import app
from brainalign.alignment.result import AlignmentResult
from brainalign.errors import SpecError
from brainalign.inference.power import needed
from brainalign.report.needs import needs

PARTS = {"subjects": 0.002, "stimuli": 0.01, "seeds": 0.0005, "subjects_stimuli": 0.02}


def with_components(results: AlignmentResult) -> AlignmentResult:
    columns = {f"var_{name}": value for name, value in PARTS.items()}
    return dataclasses.replace(results, contrasts=results.contrasts.assign(**columns))


def test_needs_are_those_of_the_plan(full: AlignmentResult) -> None:
    rows = needs(with_components(full), 0.02, layers=("conv5",))
    first = next(row for row in rows if row["dataset"] == "cichy92" and row["roi"] == "IT")
    sizes = {"subjects": 15, "stimuli": 92, "seeds": 5}
    plan = needed(PARTS, sizes, 0.02)
    assert first["subjects x stimuli x seeds"] == "15 x 92 x 5"
    assert [first[f"{name} needed"] for name in sizes] == list(plan.alone.values())
    assert first["detectable now"] == pytest.approx(plan.detectable, rel=0.01)
    assert first["all grow"] == " x ".join(map(str, plan.together.values()))
    assert {row["layer"] for row in rows} == {"conv5"}


def test_a_bootstrap_has_nothing_to_plan_with(full: AlignmentResult) -> None:
    with pytest.raises(SpecError, match="leave_one_out"):
        needs(full, 0.02)


def test_the_command_prints_a_row_for_each_cell(full: AlignmentResult, full_folder, monkeypatch) -> None:
    monkeypatch.setattr(AlignmentResult, "load", classmethod(lambda cls, folder: with_components(full)))
    done = CliRunner().invoke(app, ["power", str(full_folder), "--gap", "0.02", "--layer", "conv5", "--json"])
    assert done.exit_code == 0, done.output
    rows = json.loads(done.output)
    assert len(rows) == len(needs(with_components(full), 0.02, layers=("conv5",)))
    assert all(np.isfinite(row["detectable now"]) for row in rows)
    text = CliRunner().invoke(app, ["power", str(full_folder), "--gap", "0.0001", "--layer", "conv5"]).output
    assert "Needed to find 0.0001 with power 0.8" in text

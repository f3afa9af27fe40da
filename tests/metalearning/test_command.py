"""``brainalign credit``: tables and figures are left, and wrong numbers are refused in one line."""

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from brainalign.__main__ import app
from brainalign.errors import SpecError


@pytest.mark.slow
def test_every_verb_leaves_tables_and_figures(tmp_path: Path) -> None:
    small = ("--seeds", "1", "--generations", "1", "-q", "--out", str(tmp_path))
    for verb, options in (
        ("functions", ("--dimension", "2")), ("reinforcement", ("--task", "cart_pole")), ("multitask", ()),
    ):  # fmt: skip
        done = CliRunner().invoke(app, ["credit", verb, *options, *small], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        assert len(pd.read_csv(tmp_path / f"{verb}.csv")) > 10
    drawn = {path.name for path in (tmp_path / "figures").glob("*.png")}
    assert drawn == {
        *("functions-2d.png", "functions-walks.png", "reinforcement.png"),
        *("multitask-2d.png", "multitask-parameters.png"),
    }


@pytest.mark.parametrize("verb", ["functions", "reinforcement", "multitask", "supervised"])
def test_no_outer_run_is_refused(verb: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="--seeds is 0"):
        CliRunner().invoke(app, ["credit", verb, "--seeds", "0", "--out", str(tmp_path)], catch_exceptions=False)
    assert not list(tmp_path.iterdir())


def test_an_unknown_task_is_refused(tmp_path: Path) -> None:
    arguments = ["credit", "reinforcement", "--task", "chess", "--out", str(tmp_path)]
    with pytest.raises(SpecError, match="Unknown control task 'chess'"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)

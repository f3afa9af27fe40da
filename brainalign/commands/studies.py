"""Studies: ``demo``, ``run``, ``report``."""

import json
from pathlib import Path
from typing import Annotated

import typer

from brainalign.commands.options import Compile, DataDir, Device, Execution, Out, Quiet
from brainalign.terminal import existing_device, progress_bar


def demo(out: Out = Path("results/demo"), device: Device = "cpu", quiet: Quiet = False) -> None:
    """Run the main job on embedded data: digits networks against a SIMULATED brain with a known answer."""
    _run_study("demo", out, device, None, quiet)


def run(
    study: Annotated[str, typer.Argument(help="Path of a study .toml, or the name of a shipped one.")],
    out: Annotated[Path | None, typer.Option(help="Folder for results; default results/<name>.")] = None,
    device: Device = "cpu",
    data_dir: DataDir = None,
    execution: Execution = "auto",
    compile: Compile = False,
    quiet: Quiet = False,
) -> None:
    """Run a study; it resumes, and computes again only what changed."""
    _run_study(study, out, device, data_dir, quiet, execution, compile)


def report(folder: Annotated[Path, typer.Argument(help="Results folder of a study.")]) -> None:
    """Draw figures, tables and the page again from stored results."""
    from brainalign.report.page import write_report

    typer.echo(write_report(folder))


def _run_study(
    study: str,
    out: Path | None,
    device: str,
    data_dir: str | None,
    quiet: bool,
    execution: str = "auto",
    compile: bool = False,
) -> None:
    from brainalign.report.page import write_report
    from brainalign.shipped import find_file, shipped_folder
    from brainalign.specs import read_study
    from brainalign.study import run_study
    from brainalign.training.runtime import Runtime

    existing_device(device)
    spec = read_study(find_file(study, shipped_folder("analyses"), "study"))
    with progress_bar(quiet) as progress:
        folder = run_study(
            spec, out or Path("results") / spec.name, Runtime(device, execution, compile, data_dir), progress
        )
        progress(1, 1, "drawing the report")
        page = write_report(folder)
    facts = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    for sentence in facts["recovery"]:
        typer.echo(sentence)
    typer.echo(f"Report: {page}")

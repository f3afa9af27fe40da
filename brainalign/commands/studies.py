"""Studies: ``demo``, ``run``, ``report``."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from brainalign.commands.options import Compile, DataDir, Device, Execution, Out, Own, Quiet, Retrain
from brainalign.terminal import no_folder, output_folder, progress_bar, say_stale, when_started


def demo(
    out: Out = Path("results/demo"), device: Device = "cpu", retrain: Retrain = False, quiet: Quiet = False
) -> None:
    """Run the main job on embedded data: digits networks against a SIMULATED brain with a known answer.

    Example: brainalign demo --out results/demo
    """
    _run_study("demo", out, quiet, device=device, retrain=retrain)


def run(
    study: Annotated[str, typer.Argument(help="Path of a study .toml, or the name of a shipped one.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for results; default results/<name>.", callback=output_folder)
    ] = None,
    device: Device = "cpu",
    data_dir: DataDir = None,
    own: Own = None,
    execution: Execution = "auto",
    compile: Compile = False,
    retrain: Retrain = False,
    quiet: Quiet = False,
) -> None:
    """Run a study; it resumes, and computes again only what changed.

    It trains the networks of the study, shows them the stimuli, scores their layers and writes tables, figures and
    report.html. docs/own-data.md says how a study file is written.

    Example: brainalign run object92 --out results/object92
    """
    options = {"device": device, "execution": execution, "compile": compile, "data_dir": data_dir, "retrain": retrain}
    _run_study(study, out, quiet, **options)


def report(
    folder: Annotated[Path, typer.Argument(help="Results folder of a study.")],
    own: Own = None,
) -> None:
    """Draw figures, tables and the page again from stored results.

    Example: brainalign report results/mine
    """
    from brainalign.report.page import write_report

    typer.echo(write_report(folder))


def _run_study(study: str, out: Path | None, quiet: bool, **options: Any) -> None:
    from brainalign.report.page import write_report
    from brainalign.shipped import find_file, shipped_folder
    from brainalign.study import run_study
    from brainalign.study_file import added, filled_in, read_study
    from brainalign.training.readout_rate import is_searched, unsearched
    from brainalign.training.runtime import Runtime

    runtime = Runtime(**options)
    no_folder(study, "analyses", "study")
    path = find_file(study, shipped_folder("analyses"), "study")
    spec = read_study(path)

    def say_filled() -> None:
        for rule, filled in filled_in(path).items():
            settings = ", ".join(f"{name}={value}" for name, value in filled.items())
            typer.echo(f"brainalign: {rule}: recommended and not given: {settings}", err=True)
        for control in added(spec, path):
            beside = f"{control.rule} is trained beside the rules on {control.network}"
            typer.echo(f"brainalign: {beside}; readout_only = false in the study leaves it out", err=True)
            if not is_searched(control):
                typer.echo(f"brainalign: {unsearched(control)}; [rules.readout_only] learning_rate sets it", err=True)

    with progress_bar(quiet) as progress:
        folder = run_study(spec, out or Path("results") / spec.name, runtime, when_started(progress, say_filled))
        progress(1, 1, "drawing the report")
        page = write_report(folder)
    facts = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    say_stale(facts["stale"])
    for sentence in facts["recovery"]:
        typer.echo(sentence)
    typer.echo(f"Report: {page}")

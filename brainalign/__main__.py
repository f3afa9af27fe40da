"""The ``brainalign`` command: a thin layer over the functions of the package."""

import json
import os
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from brainalign.errors import BrainalignError, SpecError

app = typer.Typer(
    help="Compare networks trained with biologically plausible learning rules with brain recordings.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="List, download and verify data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")

Out = Annotated[Path, typer.Option(help="Folder for results; a run that was interrupted there goes on.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, ...")]
DataDir = Annotated[str | None, typer.Option(help="Folder that holds <data set>/<file>; default: see 'data list'.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]
Execution = Annotated[str, typer.Option(help="vmap (one program for all seeds), loop, or auto.")]
Compile = Annotated[bool, typer.Option("--compile", help="Compile the training step with torch.compile.")]


@app.command()
def demo(out: Out = Path("results/demo"), device: Device = "cpu", quiet: Quiet = False) -> None:
    """Run the main job on embedded data: digits networks against a SIMULATED brain with a known answer."""
    _run_study("demo", out, device, None, quiet)


@app.command()
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


@app.command()
def train(
    rule: Annotated[str, typer.Option(help="Learning rule, see 'brainalign rules'.")],
    network: Annotated[str, typer.Option(help="Architecture, see 'brainalign networks'.")],
    dataset: Annotated[str, typer.Option(help="Image set, see 'brainalign data list'.")],
    out: Out,
    seeds: Annotated[int, typer.Option(help="Number of seeds.")] = 5,
    epochs: Annotated[float, typer.Option(help="Passes over the training samples.")] = 5,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Further options: learning_rate=0.01, rule.scale=0.5, network.widths=[64,64]."),
    ] = None,
    device: Device = "cpu",
    data_dir: DataDir = None,
    execution: Execution = "auto",
    compile: Compile = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Train a population of seeds; leaves training.csv, checkpoints and the specification in the output folder."""
    from brainalign.specs import to_dict, train_spec
    from brainalign.storage import write_text
    from brainalign.training.runtime import Runtime
    from brainalign.training.train import train as train_population

    _existing_device(device)
    options = {"rule": rule, "network": network, "dataset": dataset, "seeds": seeds, "epochs": epochs}
    spec = train_spec({**options, **_settings(set_ or [])})
    with _progress(quiet or as_json) as progress:
        trained = train_population(spec, out, Runtime(device, execution, compile, data_dir), progress)
    write_text(out / "spec.json", json.dumps(to_dict(spec), indent=1))
    columns = [
        "rule",
        "network",
        "dataset",
        "seed",
        "epoch",
        "train_loss",
        "val_accuracy",
        "test_accuracy",
        "ms_per_step",
    ]
    last = trained.history[trained.history.step == trained.history.step.max()][columns]
    _print_records(
        json.loads(last.to_json(orient="records")), as_json, f"{rule} on {network}, {dataset}: after training"
    )


@app.command()
def rules(
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the support table.")] = False,
) -> None:
    """List learning rules and the networks each can train."""
    from brainalign.support import support, support_markdown

    if markdown:
        typer.echo(support_markdown(), nl=False)
        return
    records = support()
    if not as_json:
        records = [
            {
                "rule": r["name"],
                **{n: "yes" if s is True else s for n, s in r["networks"].items()},
                "reference": r["reference"],
            }
            for r in records
        ]
    _print_records(records, as_json, "Learning rules")


@app.command()
def networks(as_json: Json = False) -> None:
    """List architectures and their options."""
    import dataclasses

    from brainalign.networks.architecture import architectures

    records = [
        {
            "name": name,
            "summary": shape.summary,
            "options": {field.name: field.default for field in dataclasses.fields(shape)},
        }
        for name, shape in architectures().items()
    ]
    if not as_json:
        records = [
            {**r, "options": ", ".join(f"{k}={v}" for k, v in r["options"].items())}  # type: ignore[attr-defined]
            for r in records
        ]
    _print_records(records, as_json, "Networks")


@data_app.command("list")
def data_list(as_json: Json = False, data_dir: DataDir = None) -> None:
    """List data sets: what they are, their licence, and whether they are here."""
    from brainalign.datasets.manifest import manifests, verify

    records = []
    for name, manifest in manifests().items():
        states = set(verify(name, data_dir).status) if manifest.files else {"embedded"}
        state = states.pop() if len(states) == 1 else "incomplete"
        size = sum(entry.bytes for entry in manifest.files) / 1e6
        record = {
            "name": name, "title": manifest.title, "kind": manifest.kind, "status": state, "MB": round(size, 1),
            "licence": manifest.licence, "redistribute": manifest.redistribute,
        }  # fmt: skip
        records.append(record | ({"citation": manifest.citation} if as_json else {}))
    _print_records(records, as_json, "Data sets")


@data_app.command("fetch")
def data_fetch(name: str, data_dir: DataDir = None, quiet: Quiet = False) -> None:
    """Download a data set and check every file against its hash."""
    from brainalign.datasets.manifest import fetch

    for path in fetch(name, data_dir, progress=not quiet and sys.stderr.isatty()):
        typer.echo(path)


@data_app.command("verify")
def data_verify(name: str, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Hash every file of a data set again; exit code 1 if one is missing or altered."""
    from brainalign.datasets.manifest import verify

    table = verify(name, data_dir)
    _print_records([dict(row) for _, row in table.iterrows()], as_json, f"Files of {name}")
    if (table.status != "ok").any():
        raise typer.Exit(1)


@app.command()
def report(folder: Annotated[Path, typer.Argument(help="Results folder of a study.")]) -> None:
    """Draw figures, tables and the page again from stored results."""
    from brainalign.report.page import write_report

    typer.echo(write_report(folder))


# -- shared by the verbs ----------------------------------------------------------------------------------------------


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
    from brainalign.specs import read_study
    from brainalign.study import run_study
    from brainalign.training.runtime import Runtime

    _existing_device(device)
    spec = read_study(_study_path(study))
    with _progress(quiet) as progress:
        folder = run_study(
            spec, out or Path("results") / spec.name, Runtime(device, execution, compile, data_dir), progress
        )
        progress(1, 1, "drawing the report")
        page = write_report(folder)
    facts = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    for sentence in facts["recovery"]:
        typer.echo(sentence)
    typer.echo(f"Report: {page}")


def _study_path(study: str) -> Path:
    if study.endswith(".toml") or os.sep in study:
        return Path(study)
    package = Path(__file__).parent
    folder = next((f for f in (package / "analyses", package.parent / "analyses") if f.is_dir()), package / "analyses")
    shipped = sorted(path.stem for path in folder.glob("*.toml"))
    if study not in shipped:
        msg = f"Unknown study {study!r}. Give the path of a .toml file, or one of: {', '.join(shipped)}."
        raise SpecError(msg)
    return folder / f"{study}.toml"


def _existing_device(device: str) -> None:
    import torch

    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        available = "cpu, cuda" if torch.cuda.is_available() else "cpu"
        msg = f"Device {device!r} cannot be used ({str(error).splitlines()[0]}); available here: {available}."
        raise SpecError(msg) from error


def _settings(items: list[str]) -> dict[str, Any]:
    """Read ``key=value`` items; values are TOML, a bare word is a string; rule. and network. prefix their options."""
    found: dict[str, Any] = {}
    for item in items:
        key, separator, text = item.partition("=")
        if not separator:
            msg = f"--set got {item!r}; expected key=value, e.g. learning_rate=0.01."
            raise SpecError(msg)
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        prefix, dot, option = key.partition(".")
        if dot:
            found.setdefault(f"{prefix}_options", {})[option] = value
        else:
            found[key] = value
    return found


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int, int, str], None]]:
    """Yield a progress callback: a bar on a terminal, nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda done, total, text: bar.update(task, completed=done, total=total, description=text)


def _print_records(records: list[dict[str, Any]], as_json: bool, title: str) -> None:
    if as_json:
        typer.echo(json.dumps(records, indent=1, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name in records[0] if records else ():
        table.add_column(name, overflow="fold")
    for record in records:
        table.add_row(*(f"{v:.4g}" if isinstance(v, float) else "" if v is None else str(v) for v in record.values()))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def main() -> None:
    """Run the command; an expected error is one line on stderr and exit code 1, ``--debug`` shows where it arose."""
    debug = "--debug" in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--debug"]
    try:
        app()
    except BrainalignError as error:
        if debug:
            raise
        typer.echo(f"brainalign: {' '.join(str(error).split())}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        typer.echo("brainalign: interrupted; run the same command again to go on.", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()

"""The ``brainalign`` command: a thin layer over the functions of the package."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from brainalign.errors import BrainalignError, SpecError
from brainalign.terminal import existing_device, print_records, progress_bar, read_settings

app = typer.Typer(
    help="Compare networks trained with biologically plausible learning rules with brain recordings.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="List, download and verify data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")
credit_app = typer.Typer(help="Top-down credit assignment: train credit networks, and compare.", no_args_is_help=True)
app.add_typer(credit_app, name="credit")

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
    out: Out,
    rule: Annotated[str | None, typer.Option(help="Learning rule, see 'brainalign rules'.")] = None,
    network: Annotated[str | None, typer.Option(help="Architecture, see 'brainalign networks'.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Data set, see 'brainalign data list'.")] = None,
    preset: Annotated[
        str | None, typer.Option(help="FILE/LABEL in place of rule, network and data set; see 'brainalign presets'.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="Number of seeds; default 5, or the preset's.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the samples; default 5, or the preset's.")] = None,
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
    from brainalign.reproduction.presets import requested
    from brainalign.specs import to_dict
    from brainalign.storage import write_text
    from brainalign.training.runtime import Runtime
    from brainalign.training.train import train as train_population

    existing_device(device)
    names = {"rule": rule, "network": network, "dataset": dataset}
    settings = {"seeds": seeds, "epochs": epochs}
    spec = requested(names, preset, {k: v for k, v in settings.items() if v is not None} | read_settings(set_ or []))
    with progress_bar(quiet or as_json) as progress:
        trained = train_population(spec, out, Runtime(device, execution, compile, data_dir), progress)
    write_text(out / "spec.json", json.dumps(to_dict(spec), indent=1))
    figures = ["train_loss", "val_loss", "val_accuracy", "test_loss", "test_accuracy", "feedback_angle", "ms_per_step"]
    last = trained.history[trained.history.step == trained.history.step.max()]
    measured = [name for name in figures if last[name].notna().any()]
    last = last[["rule", "network", "dataset", "seed", "epoch", *measured]]
    title = f"{spec.rule} on {spec.network}, {spec.dataset}: after training"
    print_records(json.loads(last.to_json(orient="records")), as_json, title)


@app.command("presets")
def list_presets(as_json: Json = False) -> None:
    """List presets: how each rule is trained on a network shape and data set, and how that was found."""
    from brainalign.reproduction.presets import presets
    from brainalign.specs import to_dict

    found = [one for file in presets().values() for one in file.presets.values()]
    records = [
        {"preset": one.name, "found": one.found} | ({"training": to_dict(one.spec)} if as_json else {}) for one in found
    ]
    print_records(records, as_json, "Presets")


@app.command()
def search(
    preset_file: Annotated[str, typer.Argument(help="Preset file: a name from 'brainalign presets', or a path.")],
    label: Annotated[str, typer.Argument(help="Preset of that file.")],
    grid: Annotated[
        list[str], typer.Option("--grid", help="Values to try: learning_rate=[0.01,0.1], rule.scale=[0.5,1].")
    ],
    out: Out,
    epochs: Annotated[float | None, typer.Option(help="Passes over the samples; default: the preset's.")] = None,
    seed: Annotated[int, typer.Option(help="The one seed; not among the preset's.")] = 100,
    n_train: Annotated[int | None, typer.Option(help="Training samples; default: the preset's.")] = None,
    device: Device = "cpu",
    data_dir: DataDir = None,
    compile: Compile = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Choose options of a preset on validation data; the test split plays no part."""
    from brainalign.reproduction.presets import preset
    from brainalign.reproduction.search import at_the_edge, found_text
    from brainalign.reproduction.search import search as search_grid
    from brainalign.training.runtime import Runtime

    existing_device(device)
    chosen, values = preset(preset_file, label), read_settings(grid, "--grid")
    with progress_bar(quiet or as_json) as progress:
        runtime = Runtime(device, "auto", compile, data_dir)
        ranked = search_grid(chosen, values, out, epochs, seed, n_train, runtime, progress)
    marked = ["best" if k == 0 and status == "finished" else "" for k, status in enumerate(ranked.status)]
    records = json.loads(ranked.assign(best=marked).drop(columns=["key", "code"]).to_json(orient="records"))
    print_records(records, as_json, f"{chosen.name}: validation samples")
    if not as_json:
        for name in at_the_edge(ranked, values):
            typer.echo(f"The best {name} is at the edge of its grid; widen it.")
        typer.echo(f'found = "{found_text(ranked, values)}"')


@app.command()
def reproduce(
    table: Annotated[
        str,
        typer.Argument(help="Published table: ccl-table1, ccl-table3, dll-table1, f3, or the path of a table file."),
    ],
    rows: Annotated[str | None, typer.Option(help="Methods or presets, with commas between; default: all.")] = None,
    columns: Annotated[str | None, typer.Option(help="Columns, with commas between; default: all.")] = None,
    seeds: Annotated[int | None, typer.Option(help="Number of seeds; default: the presets'.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the samples; default: the presets'.")] = None,
    device: Device = "cpu",
    data_dir: DataDir = None,
    out: Annotated[Path | None, typer.Option(help="Folder for results; default results/<table>.")] = None,
    execution: Execution = "auto",
    compile: Compile = False,
    keep_networks: Annotated[bool, typer.Option("--keep-networks", help="Keep trained networks; gigabytes.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Train a published table again and compare cell by cell; it resumes, and a finished cell is not trained again."""
    from brainalign.reproduction.page import comparisons, heading
    from brainalign.reproduction.reproduce import reproduce as reproduce_table
    from brainalign.training.runtime import Runtime

    existing_device(device)
    out = out or Path("results") / Path(table).stem
    runtime = Runtime(device, execution, compile, data_dir)
    asked_rows, asked_columns = (tuple(names.split(",")) if names else () for names in (rows, columns))
    with progress_bar(quiet or as_json) as progress:
        found = reproduce_table(table, out, asked_rows, asked_columns, seeds, epochs, runtime, progress, keep_networks)
    if as_json:
        cells = json.loads(found.asked.to_json(orient="records"))
        facts = {"table": found.table.name, "citation": found.table.citation, "differences": found.table.differences}
        typer.echo(json.dumps({**facts, "cells": cells}, indent=1, ensure_ascii=False))
        return
    for column in found.table.columns:
        own = found.asked[found.asked.column == column.name]
        if column.missing and len(own):
            typer.echo(f"{heading(own)}: not at hand, {column.missing}")
        elif len(own):
            print_records(comparisons(own), False, heading(own))
    typer.echo(f"Table with what differs from the paper: {out / 'reproduction.md'}")


@app.command("scorecard")
def scorecard_command(
    rule: Annotated[
        list[str] | None, typer.Option("--rule", help="Rule to probe; repeat for several; default: all.")
    ] = None,
    network: Annotated[str, typer.Option(help="mlp, cnn, rnn or transformer.")] = "mlp",
    probe: Annotated[list[str] | None, typer.Option("--probe", help="P1, P1b, ...; repeat; default: all.")] = None,
    seeds: Annotated[int, typer.Option(help="Number of seeds.")] = 3,
    workers: Annotated[int, typer.Option(help="Processes.")] = 2,
    out: Annotated[Path | None, typer.Option(help="Folder for scorecard.csv, criteria.csv and the figure.")] = None,
    ranks: Annotated[
        bool, typer.Option("--ranks", help="How the order of rules depends on the weights of the probes.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure how biologically plausible each rule is; where literature and measurement disagree comes first."""
    from brainalign.plausibility.scorecard import (
        candidates,
        criteria,
        rank_distribution,
        records,
        scorecard,
        write_scorecard,
    )

    with progress_bar(quiet or as_json) as progress:
        table = scorecard(candidates(rule or ()), network, tuple(range(seeds)), tuple(probe or ()), workers, progress)
    if out is not None:
        from brainalign.report.figures import scorecard_plate
        from brainalign.report.plate import save_plate

        write_scorecard(out, table)
        save_plate(scorecard_plate(table), out, ("png", "svg", "pdf"))
    if as_json:
        typer.echo(json.dumps(records(table), indent=1, ensure_ascii=False))
        return
    said = {True: "met", False: "not met", None: "cannot tell"}
    found = criteria(table)
    disagreements = [
        {
            "rule": row["rule"], "criterion": f"{row['criterion']} {row['title']}",
            "measured": f"{said[row['measured']]} ({row['probes']})",
            "claimed": f"{said[row['claimed']]}, {row['claim_source']}",
        }
        for row in found[found.disagrees].to_dict("records")
    ]  # fmt: skip
    if disagreements:
        print_records(disagreements, False, "Where measurement and literature disagree")
    marks = {True: "pass", False: "FAIL", None: ""}
    shown = [
        {
            "rule": row["rule"], "probe": row["probe"], "outcome": row["outcome"], "lo": row["lo"], "hi": row["hi"],
            "mark": marks[row["pass"]] if row["certified"] else f"{marks[row['pass']]} uncertified".strip(),
            "note": row["note"],
        }
        for row in records(table)
    ]  # fmt: skip
    print_records(shown, False, f"Scorecard, {network}")
    if ranks:
        print_records(
            json.loads(rank_distribution(table).to_json(orient="records")), False, "Ranks over random weights of probes"
        )
    if out is not None:
        typer.echo(f"Tables and figure: {out}")


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
    print_records(records, as_json, "Learning rules")


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
    print_records(records, as_json, "Networks")


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
    print_records(records, as_json, "Data sets")


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
    print_records([dict(row) for _, row in table.iterrows()], as_json, f"Files of {name}")
    if (table.status != "ok").any():
        raise typer.Exit(1)


Seeds = Annotated[int, typer.Option(help="Outer runs.")]
Dimension = Annotated[int, typer.Option(help="Coordinates of the functions; 0 for 2 and then 10.")]
Generations = Annotated[int | None, typer.Option(help="Steps of the outer level; default: the experiment's.")]


@credit_app.command("functions")
def credit_functions(
    out: Out, seeds: Seeds = 5, generations: Generations = None, dimension: Dimension = 0, quiet: Quiet = False
) -> None:
    """Non-convex functions: credit networks against gradient descent, at equal evaluations."""
    from brainalign.metalearning.function_optimisation import FunctionOptions, function_experiment
    from brainalign.report.credit_figures import function_plates

    tables = []
    for one in (dimension,) if dimension else (2, 10):
        options = _credit_options(FunctionOptions(dimension=one), seeds, generations)
        with progress_bar(quiet) as progress:
            tables.append(function_experiment(options, progress))
    scores, history, paths = (_joined(tables, name) for name in ("scores", "history", "paths"))
    _write_credit(out, {"functions": scores, "functions_outer": history, "functions_paths": paths})
    _draw_credit(out, function_plates(scores, paths))
    _print_means(scores, ["dimension", "function", "method"], ["median", "escaped"])


@credit_app.command("reinforcement")
def credit_reinforcement(
    out: Out,
    task: Annotated[str, typer.Option(help="Control tasks, with commas between.")] = "cart_pole,mountain_car",
    seeds: Seeds = 5,
    generations: Generations = None,
    quiet: Quiet = False,
) -> None:
    """Control tasks: policies that learn by credit within a lifetime, in default and in unseen settings."""
    from brainalign.metalearning.control_tasks import control_task
    from brainalign.metalearning.reinforcement import ReinforcementOptions, reinforcement_experiment
    from brainalign.report.credit_figures import reinforcement_plates

    with progress_bar(quiet) as progress:
        asked = ReinforcementOptions(tasks=tuple(task.split(",")))
        tables = reinforcement_experiment(_credit_options(asked, seeds, generations), progress)
    _write_credit(out, {"reinforcement": tables.scores, "reinforcement_outer": tables.history})
    solved = {name: control_task(name).solved for name in tables.scores.task.unique()}
    _draw_credit(out, reinforcement_plates(tables.scores, solved))
    _print_means(tables.scores, ["task", "variant", "method"], ["mean_return"])


@credit_app.command("multitask")
def credit_multitask(out: Out, seeds: Seeds = 5, generations: Generations = None, quiet: Quiet = False) -> None:
    """Several functions: one credit network for all against one for each, and what diffusion saves."""
    from brainalign.metalearning.function_optimisation import FunctionOptions
    from brainalign.metalearning.multi_task import multi_task_experiment, parameter_counts
    from brainalign.report.credit_figures import multi_task_plates

    with progress_bar(quiet) as progress:
        scores = multi_task_experiment(_credit_options(FunctionOptions(), seeds, generations), progress=progress)
    _write_credit(out, {"multitask": scores, "multitask_parameters": parameter_counts()})
    _draw_credit(out, multi_task_plates(scores, parameter_counts()))
    _print_means(scores, ["function", "training"], ["median", "escaped"])


@credit_app.command("supervised")
def credit_supervised(
    out: Out,
    seeds: Annotated[int, typer.Option(help="Networks that learn with what was trained, per method.")] = 10,
    generations: Generations = None,
    device: Device = "cpu",
    data_dir: DataDir = None,
    quiet: Quiet = False,
) -> None:
    """Supervised learning: credit networks against backpropagation, on other data and architectures, too."""
    from dataclasses import replace

    from brainalign.metalearning.supervised_experiment import SupervisedOptions, supervised_experiment

    existing_device(device)
    options = replace(_credit_options(SupervisedOptions(), seeds, generations), device=device, data_dir=data_dir)
    with progress_bar(quiet) as progress:
        scores = supervised_experiment(options, out, progress)
    last = scores[scores.step == scores.step.max()]
    _print_means(last, ["method", "trained_on", "dataset", "network"], ["loss", "accuracy"])


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


def _credit_options(options: Any, seeds: int, generations: int | None) -> Any:
    """Return the options of an experiment with so many outer runs and generations."""
    from dataclasses import replace

    if seeds < 1:
        msg = f"--seeds is {seeds}; expected 1 or more."
        raise SpecError(msg)
    evolution = replace(options.evolution, generations=generations) if generations is not None else options.evolution
    return replace(options, seeds=tuple(range(seeds)), evolution=evolution)


def _joined(tables: Sequence[Any], name: str) -> Any:
    import pandas as pd

    return pd.concat([getattr(one, name) for one in tables], ignore_index=True)


def _write_credit(out: Path, tables: Mapping[str, Any]) -> None:
    from brainalign.storage import write_table

    for name, table in tables.items():
        write_table(out / f"{name}.csv", table)


def _draw_credit(out: Path, plates: Iterable[Any]) -> None:
    from brainalign.report.plate import save_plate

    for plate in plates:
        save_plate(plate, out / "figures", ("png", "svg", "pdf"))


def _print_means(table: Any, by: list[str], values: list[str]) -> None:
    means = table.groupby(by, sort=False)[values].mean().reset_index()
    print_records(json.loads(means.to_json(orient="records")), False, "Means over seeds")


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

"""Networks: ``train``, ``presets``, ``search``, ``reproduce``."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from brainalign.commands.options import Compile, DataDir, Device, Execution, Json, Out, Own, Quiet, Retrain
from brainalign.terminal import (
    no_folder,
    output_folder,
    print_records,
    progress_bar,
    read_settings,
    say_stale,
    when_started,
)

if TYPE_CHECKING:
    from brainalign.specs import TrainSpec


def train(
    out: Out,
    rule: Annotated[str | None, typer.Option(help="Learning rule, see 'brainalign rules'.")] = None,
    network: Annotated[str | None, typer.Option(help="Architecture, see 'brainalign networks'.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Data set, see 'brainalign data list'.")] = None,
    preset: Annotated[
        str | None, typer.Option(help="FILE/LABEL in place of rule, network and data set; see 'brainalign presets'.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Number of networks that differ by chance alone; default 5, or the preset's.")
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the samples; default 5, or the preset's.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Further options: learning_rate=0.01, rule.scale=0.5, network.widths=[64,64]."),
    ] = None,
    device: Device = "cpu",
    data_dir: DataDir = None,
    own: Own = None,
    execution: Execution = "auto",
    compile: Compile = False,
    retrain: Retrain = False,
    recommended: Annotated[
        bool, typer.Option("--recommended/--plain", help="Fill in recommended options where none are given, or not.")
    ] = True,
    control: Annotated[
        bool, typer.Option("--control/--no-control", help="Train readout only beside the rule and compare, or not.")
    ] = True,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Train a population of seeds; leaves training.csv, checkpoints and the specification in the output folder.

    Networks of which only the readout is trained are trained beside it for as many steps, in a folder inside, so that
    accuracy that hidden layers did not bring is seen. Accuracies are shares from 0 to 1, angles of feedback degrees.

    Example: brainalign train --rule feedback_alignment --network mlp --dataset digits --seeds 3 --out results/fa
    """
    from brainalign.datasets.dataset import datasets
    from brainalign.errors import SpecError
    from brainalign.folder_kinds import TRAINING, instead, require_free
    from brainalign.reproduction.presets import requested
    from brainalign.specs import to_dict
    from brainalign.storage import write_text
    from brainalign.training.readout import control_lines, final_scores, has_control, train_control
    from brainalign.training.runtime import Runtime
    from brainalign.training.train import train as train_population

    runtime = Runtime(device=device, execution=execution, compile=compile, data_dir=data_dir, retrain=retrain)
    if dataset and Path(dataset).is_dir() and dataset not in datasets():
        raise SpecError(instead(dataset, "the name of a data set (brainalign data list)"))
    no_folder((preset or "").rpartition("/")[0], "presets", "preset")
    require_free(out, TRAINING)
    names = {"rule": rule, "network": network, "dataset": dataset}
    numbers = {"seeds": seeds, "epochs": epochs}
    settings = read_settings(set_ or [], beside=names | numbers)
    settings |= {name: n for name, n in numbers.items() if n is not None}
    spec, filled = requested(names, preset, settings, recommended=recommended)
    with progress_bar(quiet or as_json) as progress:
        trained = train_population(spec, out, runtime, when_started(progress, lambda: _say_filled(spec, filled)))
        rate = _control_rate(spec, data_dir) if control and has_control(spec) else None
        beside = train_control(spec, out, runtime, progress, rate) if control and has_control(spec) else None
    say_stale([spec.rule] if trained.stale else [])
    write_text(out / "spec.json", json.dumps(to_dict(spec), indent=1))
    figures = ["train_loss", "val_loss", "val_accuracy", "test_loss", "test_accuracy", "feedback_angle", "ms_per_step"]
    last = trained.history[trained.history.step == trained.history.step.max()]
    measured = [name for name in figures if last[name].notna().any()]
    # the title says the rest where people read
    last = last[[*(["rule", "network", "dataset"] if as_json else []), "seed", "epoch", *measured]]
    if beside is not None:
        what = "readout_only_test_accuracy" if "test_accuracy" in measured else "readout_only_test_loss"
        scores = final_scores(beside)
        last = last.assign(**{what: last.seed.map(scores).abs()})
    title = f"{spec.rule} on {spec.network}, {spec.dataset}: after training"
    print_records(json.loads(last.to_json(orient="records")), as_json, title)
    for line in control_lines(spec.rule, trained.history, beside) if beside is not None else ():
        typer.echo(line, err=as_json)
    if not as_json:
        typer.echo(f"Networks: {out}  Next: brainalign extract STIMULI --trained {shlex.quote(str(out))} --out FOLDER")


def _control_rate(spec: "TrainSpec", data_dir: str | None) -> float | None:
    """Return the rate of readout only, searched and said, where none was searched on this network and data set."""
    from brainalign.training.readout import readout_spec
    from brainalign.training.readout_rate import found_rate, is_searched, unsearched

    control = readout_spec(spec)
    if is_searched(control):
        return None
    if not control.validation_fraction:
        typer.echo(f"brainalign: {unsearched(control)}; validation_fraction is 0, so that none is searched.", err=True)
        return None
    found = found_rate(control, data_dir)
    typer.echo(f"brainalign: {found.sentence}", err=True)
    return found.rate


def _say_filled(spec: "TrainSpec", filled: Mapping[str, Any]) -> None:
    """Say on stderr which recommended options are trained with, and where others are."""
    from brainalign.reproduction.presets import nearest_preset

    if filled:
        options = ", ".join(f"{name}={value}" for name, value in filled.items())
        near = nearest_preset(spec)
        beside = f" Nearest preset: {near}{_another(spec, near)}." if near else ""
        typer.echo(f"brainalign: recommended and not given: {options}; --plain leaves that out.{beside}", err=True)


def _another(spec: "TrainSpec", near: str) -> str:
    """Return in what a preset differs from what is trained: ``" (of another network)"``."""
    from brainalign.reproduction.presets import preset

    file, _, label = near.partition("/")
    known = preset(file, label).spec
    differ = [what for what in ("network", "dataset") if getattr(known, what) != getattr(spec, what)]
    return f" (of another {' and '.join(differ)})".replace("dataset", "data set") if differ else ""


def presets(as_json: Json = False) -> None:
    """List presets: how each rule is trained on a network shape and data set, and how that was found.

    Example: brainalign presets. One of them is trained by: brainalign train --preset digits-mlp/backprop --out FOLDER
    """
    from brainalign.reproduction.presets import presets as preset_files
    from brainalign.specs import to_dict

    found = [one for file in preset_files().values() for one in file.presets.values()]
    records = [
        {"preset": one.name, "found": one.found} | ({"training": to_dict(one.spec)} if as_json else {}) for one in found
    ]
    print_records(records, as_json, "Presets")


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
    own: Own = None,
    compile: Compile = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Choose options of a preset on validation data; the test split plays no part.

    Every combination of the grid is trained once. A table with a row for each is written to OUT/PRESET_FILE/LABEL.csv.

    Example: brainalign search digits-mlp backprop --grid learning_rate=[0.003,0.01] --epochs 1 --out results/search
    """
    from brainalign.reproduction.presets import preset
    from brainalign.reproduction.search import at_the_edge, found_text, without_effect
    from brainalign.reproduction.search import search as search_grid
    from brainalign.training.runtime import Runtime

    runtime = Runtime(device, "auto", compile, data_dir)
    no_folder(preset_file, "presets", "preset")
    chosen, values = preset(preset_file, label), read_settings(grid, "--grid")
    with progress_bar(quiet or as_json) as progress:
        ranked = search_grid(chosen, values, out, epochs, seed, n_train, runtime, progress)
    marked = ["best" if k == 0 and status == "finished" else "" for k, status in enumerate(ranked.status)]
    records = json.loads(ranked.assign(best=marked).drop(columns=["key", "code"]).to_json(orient="records"))
    print_records(records, as_json, f"{chosen.name}: validation samples")
    if not as_json:
        for name in at_the_edge(ranked, values):
            typer.echo(f"The best {name} is at the edge of its grid; widen it.")
        for name in without_effect(ranked, values):
            typer.echo(f"{name} changes no candidate: all its values give the same networks. Search another option.")
        typer.echo(f"Candidates: {out / chosen.file / f'{chosen.label}.csv'}  Line for the preset file:")
        typer.echo(f'found = "{found_text(ranked, values)}"')


def reproduce(
    table: Annotated[
        str,
        typer.Argument(
            help="Table: ccl-table1, ccl-table3, ccl-autoencoder, dll-table1, f3, own-networks, or a file (.toml)."
        ),
    ],
    rows: Annotated[str | None, typer.Option(help="Methods or presets, with commas between; default: all.")] = None,
    columns: Annotated[str | None, typer.Option(help="Columns, with commas between; default: all.")] = None,
    seeds: Annotated[int | None, typer.Option(help="Number of seeds; default: the presets'.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the samples; default: the presets'.")] = None,
    device: Device = "cpu",
    data_dir: DataDir = None,
    own: Own = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for results; default results/<table>.", callback=output_folder)
    ] = None,
    execution: Execution = "auto",
    compile: Compile = False,
    keep_networks: Annotated[bool, typer.Option("--keep-networks", help="Keep trained networks; gigabytes.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Train a published table again and compare cell by cell; it resumes, and a finished cell is not trained again.

    Figures are test accuracies in percent, or losses, as in the paper; fewer seeds or epochs mark a cell SHORTENED.

    Example: brainalign reproduce f3 --columns generated_regression --rows backprop --seeds 2 --out results/f3
    """
    from brainalign.reproduction.page import comparisons, heading
    from brainalign.reproduction.reproduce import reproduce as reproduce_table
    from brainalign.training.runtime import Runtime

    no_folder(table, "reproductions", "table")
    out = out or Path("results") / Path(table).stem
    runtime = Runtime(device, execution, compile, data_dir)
    asked_rows, asked_columns = (tuple(names.split(",")) if names else None for names in (rows, columns))
    with progress_bar(quiet or as_json) as progress:
        found = reproduce_table(table, out, asked_rows, asked_columns, seeds, epochs, runtime, progress, keep_networks)
    if as_json:
        cells = json.loads(found.asked.to_json(orient="records"))
        facts = {"table": found.table.name, "citation": found.table.citation, "differences": found.table.differences}
        typer.echo(json.dumps({**facts, "cells": cells}, indent=1, ensure_ascii=False))
        return
    for column in found.table.columns:
        part = found.asked[found.asked.column == column.name]
        if column.missing and len(part):
            typer.echo(f"{heading(part)}: not at hand, {column.missing}")
        elif len(part):
            print_records(comparisons(part), False, heading(part))
    typer.echo(f"Table with what differs from the paper: {out / 'reproduction.md'}")

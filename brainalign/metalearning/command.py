"""``credit functions``, ``reinforcement``, ``multitask``, ``supervised``."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from brainalign.commands.options import DataDir, Device, Out, Quiet
from brainalign.errors import SpecError
from brainalign.terminal import existing_device, print_records, progress_bar

credit_app = typer.Typer(help="Top-down credit assignment: train credit networks, and compare.", no_args_is_help=True)

Seeds = Annotated[int, typer.Option(help="Outer runs, which differ by chance alone.")]
Dimension = Annotated[int, typer.Option(help="Coordinates of the functions; 0 for 2 and then 10.")]
Generations = Annotated[int | None, typer.Option(help="Steps of the outer level; default: the experiment's.")]


@credit_app.command("functions")
def credit_functions(
    out: Out, seeds: Seeds = 5, generations: Generations = None, dimension: Dimension = 0, quiet: Quiet = False
) -> None:
    """Non-convex functions: credit networks against gradient descent, at equal evaluations.

    Example: brainalign credit functions --dimension 2 --seeds 1 --generations 3 --out results/functions
    """
    from brainalign.metalearning.figures import function_plates
    from brainalign.metalearning.function_optimisation import FunctionOptions, function_experiment

    _require_free(out)
    tables = []
    for one in (dimension,) if dimension else (2, 10):
        options = _credit_options(FunctionOptions(dimension=one), seeds, generations)
        with progress_bar(quiet) as progress:
            tables.append(function_experiment(options, progress))
    scores, history, paths = (_joined(tables, name) for name in ("scores", "history", "paths"))
    _write_credit(out, {"functions": scores, "functions_outer": history, "functions_paths": paths})
    _draw_credit(out, function_plates(scores, paths))
    _print_means(out, scores, ["dimension", "function", "method"], ["median", "escaped"])


@credit_app.command("reinforcement")
def credit_reinforcement(
    out: Out,
    task: Annotated[str, typer.Option(help="Control tasks, with commas between.")] = "cart_pole,acrobot,mountain_car",
    seeds: Seeds = 5,
    generations: Generations = None,
    quiet: Quiet = False,
) -> None:
    """Control tasks: policies that learn by credit within a lifetime, in default and in unseen settings.

    Example: brainalign credit reinforcement --task cart_pole --seeds 1 --generations 3 --out results/control
    """
    from brainalign.metalearning.control_tasks import control_task
    from brainalign.metalearning.figures import reinforcement_plates
    from brainalign.metalearning.reinforcement import ReinforcementOptions, reinforcement_experiment

    _require_free(out)
    with progress_bar(quiet) as progress:
        asked = ReinforcementOptions(tasks=tuple(task.split(",")))
        tables = reinforcement_experiment(_credit_options(asked, seeds, generations), progress)
    _write_credit(out, {"reinforcement": tables.scores, "reinforcement_outer": tables.history})
    solved = {name: control_task(name).solved for name in tables.scores.task.unique()}
    _draw_credit(out, reinforcement_plates(tables.scores, solved))
    _print_means(out, tables.scores, ["task", "variant", "method"], ["mean_return"])


@credit_app.command("multitask")
def credit_multitask(out: Out, seeds: Seeds = 5, generations: Generations = None, quiet: Quiet = False) -> None:
    """Several functions: one credit network for all against one for each, and what diffusion saves.

    Example: brainalign credit multitask --seeds 1 --generations 3 --out results/multitask
    """
    from brainalign.metalearning.figures import multi_task_plates
    from brainalign.metalearning.function_optimisation import FunctionOptions
    from brainalign.metalearning.multi_task import multi_task_experiment, parameter_counts

    _require_free(out)
    with progress_bar(quiet) as progress:
        scores = multi_task_experiment(_credit_options(FunctionOptions(), seeds, generations), progress=progress)
    _write_credit(out, {"multitask": scores, "multitask_parameters": parameter_counts()})
    _draw_credit(out, multi_task_plates(scores, parameter_counts()))
    _print_means(out, scores, ["function", "training"], ["median", "escaped"])


@credit_app.command("supervised")
def credit_supervised(
    out: Out,
    seeds: Annotated[int, typer.Option(help="Networks that learn with what was trained, per method.")] = 10,
    generations: Generations = None,
    device: Device = "cpu",
    data_dir: DataDir = None,
    quiet: Quiet = False,
) -> None:
    """Supervised learning: credit networks against backpropagation, on other data and architectures, too.

    Example: brainalign credit supervised --seeds 1 --generations 3 --out results/supervised
    """
    from dataclasses import replace

    from brainalign.metalearning.supervised_experiment import SupervisedOptions, supervised_experiment

    _require_free(out)
    existing_device(device)
    options = replace(_credit_options(SupervisedOptions(), seeds, generations), device=device, data_dir=data_dir)
    with progress_bar(quiet) as progress:
        scores = supervised_experiment(options, out, progress)
    last = scores[scores.step == scores.step.max()]
    _print_means(out, last, ["method", "trained_on", "dataset", "network"], ["loss", "accuracy"])


def _require_free(out: Path) -> None:
    from brainalign.folder_kinds import CREDIT, require_free

    require_free(out, CREDIT)


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


def _print_means(out: Path, table: Any, by: list[str], values: list[str]) -> None:
    means = table.groupby(by, sort=False)[values].mean().reset_index()
    print_records(json.loads(means.to_json(orient="records")), False, "Means over seeds")
    typer.echo(f"Tables and figures: {out}")

"""Choosing options of a preset on validation data: a grid, seeds of its own, and nothing of the test split."""

import contextlib
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from brainalign.datasets.dataset import dataset
from brainalign.errors import DivergenceError, SpecError
from brainalign.folder_kinds import require_free
from brainalign.networks.architecture import architecture
from brainalign.reproduction.presets import Preset, changed
from brainalign.rules.learning_rule import learning_rule
from brainalign.specs import TrainSpec
from brainalign.storage import write_table
from brainalign.training.code import training_code
from brainalign.training.runtime import Runtime
from brainalign.training.train import train

Progress = Callable[[int, int, str], None]
Grid = Mapping[str, Sequence[Any]]

#: What is noted of a candidate besides its settings.
MEASURED = ("epochs", "seed", "n_train", "val_accuracy", "val_loss", "status", "key", "code")


def search(
    chosen: Preset,
    grid: Grid,
    out: str | Path,
    epochs: float | None = None,
    seed: int | Sequence[int] = 100,
    n_train: int | None = None,
    runtime: Runtime | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Train every combination of a grid and rank them by what they reach on validation samples.

    Each finished candidate is appended to ``out/<file>/<label>.csv`` at once, and its networks are removed. Called
    again, finished candidates are not trained again and an interrupted one goes on. Training measures the test split,
    too; nothing of that is read here or left behind.

    Parameters
    ----------
    chosen
        Preset whose options are the rest of every candidate.
    grid
        Option to values: a training option (``learning_rate``) or an entry of an option table (``rule.scale``).
    out
        Folder of the search.
    epochs, n_train
        In place of the preset's own.
    seed
        The one seed of every candidate, or several, whose mean counts; none may be among the preset's.
    runtime
        Device, execution, compilation and data folder.
    progress
        Called with steps done, all steps and a short text.

    Returns
    -------
    DataFrame
        One row per candidate of this grid, the best first: the settings, ``epochs``, ``seed``, ``n_train``,
        ``val_accuracy``, ``val_loss``, ``status`` (``"finished"`` or ``"diverged"``), ``key`` and ``code`` (hash of
        what trained it). Classification is ranked by accuracy, other tasks by loss; what diverged comes last.

    Raises
    ------
    SpecError
        If an option, the seed or the grid cannot be used; nothing is trained then.
    StorageError
        If another command wrote ``out``.

    Examples
    --------
    >>> import brainalign as ba, tempfile
    >>> one = ba.preset("generated_regression-mlp-100", "backprop")
    >>> grid = {"learning_rate": [0.001, 0.01]}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ranked = ba.search(one, grid, folder, epochs=0.1, n_train=500)
    >>> ranked.status.tolist(), ranked.val_loss.is_monotonic_increasing
    (['finished', 'finished'], True)
    """
    runtime, progress = runtime or Runtime(), progress or (lambda *_: None)
    seeds = (seed,) if isinstance(seed, int) else tuple(seed)
    candidates = _candidates(chosen, grid, epochs, seeds, n_train)
    accuracy_counts = _check(candidates, runtime)
    require_free(out)
    folder = Path(out) / chosen.file
    path = folder / f"{chosen.label}.csv"
    finished = _read(path)
    for number, (settings, spec) in enumerate(candidates):
        if spec.key in set(finished.get("key", ())):
            continue
        text = ", ".join(f"{name} {value}" for name, value in settings.items())

        def report(step: int, steps: int, _: str, number: int = number, text: str = text) -> None:
            progress(number * 1000 + 1000 * step // steps, len(candidates) * 1000, text)

        run = folder / chosen.label / spec.key
        row = {**_shown(settings), **_measure(spec, run, runtime, report)}
        finished = pd.concat([_read(path), pd.DataFrame([row])], ignore_index=True)
        write_table(path, finished[_ordered(finished)])
        shutil.rmtree(run, ignore_errors=True)
        with contextlib.suppress(OSError):  # not empty: another search runs there
            run.parent.rmdir()
    # Read back, so that a candidate found finished and one just trained look alike.
    rows = _read(path).drop_duplicates("key").set_index("key").loc[[spec.key for _, spec in candidates]].reset_index()
    rows = rows[[name for name in _ordered(rows) if name in grid or name in MEASURED]]
    best_first = ("val_accuracy", False) if accuracy_counts else ("val_loss", True)
    return rows.sort_values(best_first[0], ascending=best_first[1], kind="stable", ignore_index=True)


def found_text(ranked: pd.DataFrame, grid: Grid) -> str:
    """Return the one line that says how the best candidate was found, for the preset's ``found``."""
    best = ranked.iloc[0]
    if best.status != "finished":
        return "every candidate diverged"
    tried = " x ".join(f"{name} {{{', '.join(_text(value) for value in values)}}}" for name, values in grid.items())
    epochs = f"{best.epochs:g} epoch{'' if best.epochs == 1 else 's'}"
    samples = f" of {best.n_train} training samples" if best.n_train else ""
    seeds = f"seed{'s' if ' ' in str(best.seed) else ''} {best.seed}"
    if pd.notna(best.val_accuracy):
        reached = f"validation accuracy {best.val_accuracy:.4f}"
    else:
        reached = f"validation loss {best.val_loss:.4g}"
    return f"{tried}; {epochs}{samples}, {seeds}; {reached}"


def at_the_edge(ranked: pd.DataFrame, grid: Grid) -> list[str]:
    """Return the numeric options whose best value is the smallest or largest tried, so that better may lie beyond."""
    best = ranked.iloc[0]
    numeric = {
        name: values
        for name, values in grid.items()
        if len(values) > 2 and all(isinstance(value, (int, float)) for value in values)
    }
    if best.status != "finished":
        return []
    return [n for n, v in numeric.items() if any(math.isclose(best[n], edge) for edge in (min(v), max(v)))]


def without_effect(ranked: pd.DataFrame, grid: Grid) -> list[str]:
    """Return the options whose values change no candidate, though they were searched.

    They are those under which every group of candidates that are alike otherwise reached one loss, to the last digit.
    """
    numbers = ["val_accuracy", "val_loss"]
    found = []
    for name, values in grid.items():
        others = [other for other in grid if other != name]
        rows = ranked.assign(**{other: ranked[other].astype(str) for other in others})
        groups = [one for _, one in rows.groupby(others)] if others else [rows]
        alike = [(one[numbers].nunique(dropna=False) == 1).all() and len(one) > 1 for one in groups]
        if len(values) > 1 and all(alike) and ranked.val_loss.notna().all():
            found.append(name)
    return found


def _candidates(
    chosen: Preset, grid: Grid, epochs: float | None, seeds: tuple[int, ...], n_train: int | None
) -> list[tuple[dict[str, Any], TrainSpec]]:
    for seed in set(seeds) & set(chosen.spec.seeds):
        msg = (
            f"Seed {seed} is among those of preset {chosen.name!r} ({', '.join(map(str, chosen.spec.seeds))}); "
            "choose options with another, so that they are not fitted to networks that are reported."
        )
        raise SpecError(msg)
    for name, values in grid.items():
        if not isinstance(values, (list, tuple)) or not values:
            msg = f"Grid of {name!r} is {values!r}; expected a list of values, e.g. {name}=[0.001, 0.01]."
            raise SpecError(msg)
        if name in ("seeds", "epochs", "n_train", "dataset", "validation_fraction", "n_checkpoints"):
            msg = f"Grid holds {name!r}, which all candidates share; search over options of rule, network or optimiser."
            raise SpecError(msg)
    if not grid:
        msg = "The grid is empty; give at least one option, e.g. learning_rate=[0.001, 0.01]."
        raise SpecError(msg)
    fixed: dict[str, Any] = {"seeds": list(seeds), "n_checkpoints": 2}
    fixed |= {} if epochs is None else {"epochs": epochs}
    fixed |= {} if n_train is None else {"n_train": n_train}
    combinations = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    return [(own, changed(chosen.spec, {**fixed, **own}, f"grid of {chosen.name}")) for own in combinations]


def _check(candidates: list[tuple[dict[str, Any], TrainSpec]], runtime: Runtime) -> bool:
    """Refuse what cannot be trained before anything is; return whether answers are classes."""
    for _, spec in candidates:
        task = dataset(spec.dataset, runtime.data_dir).task(1, spec.objective)
        network = architecture(spec.network, dict(spec.network_options)).build(task)
        learning_rule(spec.rule, dict(spec.rule_options)).check(network)
        if not spec.validation_fraction:
            msg = "validation_fraction is 0; hold out samples to choose on, e.g. 0.1."
            raise SpecError(msg)
    return task.objective == "classification"


def _measure(spec: TrainSpec, run: Path, runtime: Runtime, report: Progress) -> dict[str, Any]:
    found: dict[str, Any] = {"val_accuracy": None, "val_loss": None, "status": "diverged"}
    try:
        trained = train(spec, run, runtime, report)
    except DivergenceError:
        pass
    else:
        last = trained.history[trained.history.step == trained.history.step.max()]
        means = {name: float(last[name].mean(skipna=False)) for name in ("val_accuracy", "val_loss")}
        measured = {name: None if math.isnan(mean) else mean for name, mean in means.items()}
        # An accuracy of an overflowing network is a number, too.
        found |= {**measured, "status": "finished"} if measured["val_loss"] is not None else {}
    seeds = spec.seeds[0] if len(spec.seeds) == 1 else " ".join(map(str, spec.seeds))
    about = {"epochs": spec.epochs, "seed": seeds, "n_train": spec.n_train}
    return {**about, **found, "key": spec.key, "code": training_code(spec)[:16]}


def _read(path: Path) -> pd.DataFrame:
    # A key of digits is no number.
    dtypes = {"key": str, "code": str}
    return pd.read_csv(path, dtype=dtypes) if path.exists() else pd.DataFrame()


def _ordered(table: pd.DataFrame) -> list[str]:
    """Return the columns of a table, settings first."""
    names = [str(name) for name in table.columns]
    return [*(name for name in names if name not in MEASURED), *(name for name in MEASURED if name in names)]


def _shown(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as cells of a table: a list or table in one cell, as text."""
    return {name: _text(value) if isinstance(value, (list, tuple, dict)) else value for name, value in settings.items()}


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)

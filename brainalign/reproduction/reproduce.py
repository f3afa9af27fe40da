"""A published table trained again: our mean and s.d. over seeds beside the published ones, cell by cell."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pandas as pd

from brainalign.asked_for import asked_for
from brainalign.datasets.dataset import datasets
from brainalign.datasets.manifest import load_manifest, locate, manifests
from brainalign.errors import DataError, DivergenceError, IncompatibleError
from brainalign.folder_kinds import REPRODUCTION, require_free
from brainalign.reproduction.page import SHORTENED, reproduction_page
from brainalign.reproduction.presets import Preset, PresetFile, changed, preset_file
from brainalign.reproduction.published import Gap, PublishedColumn, PublishedRow, PublishedTable, published_table
from brainalign.rules.learning_rule import learning_rules
from brainalign.specs import TrainSpec, to_dict
from brainalign.storage import write_table, write_text
from brainalign.training.code import training_code
from brainalign.training.runtime import Runtime
from brainalign.training.train import train

Progress = Callable[[int, int, str], None]

Cell = tuple[PublishedColumn, PublishedRow]

#: Columns of ``reproduction.csv``; accuracies in percent, losses as they are.
CELL = (
    *("column", "method", "label", "network", "published_data", "data", "published", "published_sd"),
    *("measure", "ours", "ours_sd", "difference", "at_or_above", "gap_closed", "gap_closed_sd"),
    *("n_seeds", "epochs", "shortened", "note", "key", "code"),
)


@dataclass(frozen=True, eq=False)
class Reproduction:
    """A published table, its cells as far as they have been trained, and those of them that were asked for."""

    table: PublishedTable
    cells: pd.DataFrame
    asked: pd.DataFrame


def reproduce(
    table: str,
    out: str | Path | None = None,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    seeds: int | None = None,
    epochs: float | None = None,
    runtime: Runtime | None = None,
    progress: Progress | None = None,
    keep_networks: bool = False,
    folder: str | Path | None = None,
    presets_folder: str | Path | None = None,
) -> Reproduction:
    """Train the cells of a published table with our presets and compare.

    Every cell has a folder in ``out/cells``; an interrupted cell goes on, a finished one is not trained again. After
    each, ``reproduction.csv`` and ``reproduction.md`` are written again: all cells of the table that have been trained
    with today's presets, of several runs of a cell the one asked for, else the longest. The figure is the test accuracy
    (or loss) after the last epoch, so that nothing is chosen on the test split.

    Parameters
    ----------
    table
        Name of a shipped table or path of a table file.
    out
        Folder of results; ``results/<table>`` if not given.
    rows, columns
        Methods (or labels) and columns to train; default: all.
    seeds, epochs
        In place of the presets' own. Fewer than those mark every affected cell SHORTENED.
    runtime
        Device, execution, compilation and data folder.
    progress
        Called with work done, all work and a short text.
    keep_networks
        Whether trained networks stay; they take gigabytes.
    folder, presets_folder
        Where tables and preset files are looked up by name; ``None`` takes those that are shipped.

    Raises
    ------
    SpecError
        If the table, a row or a column is unknown, or a preset cannot be read.
    DataError
        If the data of all cells asked for are missing, before anything is trained; cells whose data are not at hand
        while others' are say so in the table.
    StorageError
        If another command wrote ``out``.

    Examples
    --------
    >>> import brainalign as ba, tempfile
    >>> asked = {"rows": ["backprop"], "columns": ["generated_regression"], "seeds": 1, "epochs": 0.1}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = ba.reproduce("f3", folder, **asked)
    >>> found.asked[["label", "n_seeds", "shortened"]].to_dict("records")
    [{'label': 'backprop', 'n_seeds': 1.0, 'shortened': True}]
    """
    published = published_table(table, folder)
    out = Path("results") / published.name if out is None else Path(out)
    require_free(out, REPRODUCTION)
    asked = published.select(
        tuple(asked_for(rows, "reproduce(): rows")), tuple(asked_for(columns, "reproduce(): columns"))
    )
    files = {c.presets: preset_file(c.presets, presets_folder) for c in published.columns if c.presets}
    run = _Run(
        table=published,
        out=out,
        seeds=seeds,
        epochs=epochs,
        runtime=runtime or Runtime(),
        keep_networks=keep_networks,
        files=files,
    )
    return run.finish(asked, progress or (lambda *_: None))


@dataclass(frozen=True)
class _Run:
    table: PublishedTable
    out: Path
    seeds: int | None
    epochs: float | None
    runtime: Runtime
    keep_networks: bool
    files: Mapping[str, PresetFile]

    def finish(self, asked: list[Cell], progress: Progress) -> Reproduction:
        work = [(cell, chosen) for cell in asked if (chosen := self._preset(cell)) is not None]
        absent = {chosen.spec.dataset: text for _, chosen in work if (text := self._absent(chosen))}
        if absent and all(chosen.spec.dataset in absent for _, chosen in work):
            raise DataError(next(iter(absent.values())))
        work = [(cell, chosen) for cell, chosen in work if chosen.spec.dataset not in absent]
        for number, (cell, chosen) in enumerate(work):
            text = f"{cell[1].method}, {cell[0].name}"
            self._train(cell, self._spec(chosen), _part(progress, number, len(work), text))
            self._write(asked)
        return self._write(asked)

    def _preset(self, cell: Cell) -> Preset | None:
        column, row = cell
        return self.files[column.presets].presets.get(row.label) if column.presets else None

    def _spec(self, chosen: Preset) -> TrainSpec:
        """Return what is trained: two checkpoints, since only the last network is measured."""
        asked = {"n_checkpoints": 2, "seeds": self.seeds, "epochs": self.epochs}
        return changed(chosen.spec, {name: value for name, value in asked.items() if value is not None}, chosen.name)

    def _absent(self, chosen: Preset) -> str:
        """Return which file of a preset's data is not at hand or not whole, or ``""``."""
        name = chosen.spec.dataset
        try:
            for entry in load_manifest(name).files if name in manifests() else ():
                locate(name, entry.path, self.runtime.data_dir)
        except DataError as error:
            return str(error)
        return ""

    def _folder(self, cell: Cell) -> Path:
        return self.out / "cells" / cell[0].name / cell[1].label

    def _train(self, cell: Cell, spec: TrainSpec, progress: Progress) -> None:
        folder = self._folder(cell) / spec.key
        if (folder / "result.json").exists():
            return
        found: dict[str, Any] = {"figures": [], "problem": ""}
        try:
            trained = train(spec, folder, self.runtime, progress)
        except (DivergenceError, IncompatibleError) as error:
            found |= {"problem": " ".join(str(error).split()), "code": training_code(spec)}
        else:
            history = trained.history
            scale, name = (100, "test_accuracy") if cell[0].measure == "accuracy" else (1, "test_loss")
            last = history[history.step == history.step.max()].set_index("seed")[name]
            found |= {"figures": [scale * float(last[seed]) for seed in spec.seeds], "code": trained.code}
        write_text(folder / "result.json", json.dumps({"spec": to_dict(spec), "key": spec.key, **found}, indent=1))
        if not self.keep_networks:
            shutil.rmtree(folder / "checkpoints", ignore_errors=True)
            (folder / "resume.safetensors").unlink(missing_ok=True)

    # -- the table ----------------------------------------------------------------------------------------------------

    def _write(self, asked: list[Cell]) -> Reproduction:
        every = self.table.select()
        records = [self._record(cell, cell in asked) for cell in every]
        if self.table.gap is not None:
            close_gaps(records, self.table.gap)
        cells = pd.DataFrame(records, columns=list(CELL))
        stale = [record.get("stale", False) for record in records]
        used = [chosen for cell in every if (chosen := self._preset(cell)) is not None]
        write_table(self.out / "reproduction.csv", cells)
        write_text(self.out / "reproduction.md", reproduction_page(self.table, cells, used, stale))
        wanted = [number for number, cell in enumerate(every) if cell in asked]
        return Reproduction(self.table, cells, cells.iloc[wanted].reset_index(drop=True))

    def _record(self, cell: Cell, asked: bool) -> dict[str, Any]:
        """Return one row of the table: the figure if there is one, else why not."""
        column, row = cell
        published, published_sd = row.published.get(column.name, (None, None))
        record: dict[str, Any] = dict.fromkeys(CELL)
        record |= {"column": column.name, "method": row.method, "label": row.label, "network": column.network}
        record |= {"published_data": column.data, "published": published, "published_sd": published_sd}
        record["measure"] = column.measure
        # A column has its own set's name even where it has no preset for a row.
        any_preset = next(iter(self.files[column.presets].presets.values()), None) if column.presets else None
        record["data"] = datasets()[any_preset.spec.dataset].title if any_preset else None
        chosen = self._preset(cell)
        if chosen is None:
            return {**record, "note": _absence(column, row)}
        result = self._result(cell, chosen, asked)
        if result is None:
            absent = (
                f"data not at hand; run 'brainalign data fetch {chosen.spec.dataset}'" if self._absent(chosen) else ""
            )
            return {**record, "note": absent or "not trained yet"}
        spec, figures = result["spec"], result["figures"]
        short = spec["epochs"] < chosen.spec.epochs or len(spec["seeds"]) < len(chosen.spec.seeds)
        record |= {"n_seeds": len(spec["seeds"]), "epochs": spec["epochs"], "shortened": short}
        record |= {"key": result["key"], "code": result["code"][:16]}
        record["stale"] = result["code"] != training_code(chosen.spec)
        record["note"] = "; ".join(text for text in (SHORTENED if short else "", result["problem"]) if text)
        if figures:
            record["figures"] = dict(zip(spec["seeds"], figures, strict=True))
            record |= {"ours": mean(figures), "ours_sd": stdev(figures) if len(figures) > 1 else None}
            if published is not None:
                # Compared at the precision that was published.
                record["difference"] = round(mean(figures), 2 if column.measure == "accuracy" else 4) - published
                better = record["difference"] if column.measure == "accuracy" else -record["difference"]
                # A run cut short says nothing of how well the rule does.
                record["at_or_above"] = None if short else better >= 0
        return record

    def _result(self, cell: Cell, chosen: Preset, asked: bool) -> dict[str, Any] | None:
        """Return the result of the run that was asked for, else of the longest with today's preset."""
        if asked:
            path = self._folder(cell) / self._spec(chosen).key / "result.json"
            return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        found = [json.loads(path.read_text("utf-8")) for path in sorted(self._folder(cell).glob("*/result.json"))]
        today = _without_length(to_dict(self._spec(chosen)))
        found = [result for result in found if _without_length(result["spec"]) == today]
        return max(found, key=lambda result: (result["spec"]["epochs"], len(result["spec"]["seeds"])), default=None)


def close_gaps(records: Sequence[dict[str, Any]], gap: Gap) -> None:
    """Note what share of the gap each cell closes, seed by seed: mean and s.d.; 0 is the worse row, 1 the better."""
    for column in {record["column"] for record in records}:
        own = {record["label"]: record for record in records if record["column"] == column and "figures" in record}
        if gap.worse not in own or gap.better not in own:
            continue
        worse, better = (own[label]["figures"] for label in (gap.worse, gap.better))
        for record in own.values():
            seeds = sorted(set(record["figures"]) & set(worse) & set(better))
            shares = [
                (record["figures"][s] - worse[s]) / (better[s] - worse[s]) for s in seeds if better[s] != worse[s]
            ]
            if shares:
                record |= {"gap_closed": mean(shares), "gap_closed_sd": stdev(shares) if len(shares) > 1 else None}


def _absence(column: PublishedColumn, row: PublishedRow) -> str:
    if column.missing:
        return column.missing
    return "no preset for this network" if row.rule in learning_rules() else "rule not available yet"


def _without_length(spec: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name not in ("seeds", "epochs")}


def _part(progress: Progress, number: int, total: int, text: str) -> Progress:
    """Return a progress callback for one of ``total`` equal parts."""
    return lambda step, steps, _: progress(number * 1000 + 1000 * step // steps, total * 1000, text)

"""Keys of published results: a result is found again by its key, so no change of code may move one.

``tests/golden/keys.json`` was written by ``published_keys()`` before specifications were checked and normalised. Add
the lines of a new preset or study to it; never change one that is there.
"""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from brainalign.reproduction.presets import changed, preset_file, presets
from brainalign.reproduction.published import published_table, reproductions
from brainalign.shipped import names_in, shipped_folder
from brainalign.specs import TrainSpec, to_dict, train_spec
from brainalign.study_file import read_study

GOLDEN: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parents[1] / "golden" / "keys.json").read_text(encoding="utf-8")
)
DOCS = Path(__file__).parents[2] / "docs" / "reproduced"


def published_keys() -> dict[str, dict[str, str]]:
    """Return the key of every preset, table cell, population and study that is shipped."""
    cells = {}
    for name in reproductions():
        for column, row in published_table(name).select():
            chosen = preset_file(column.presets).presets.get(row.label) if column.presets else None
            if chosen is not None:
                spec = changed(chosen.spec, {"n_checkpoints": 2})
                cells[f"{name}/{column.name}/{row.label}"] = spec.key
    studies = {name: read_study(shipped_folder("analyses") / f"{name}.toml") for name in names_in(_analyses())}
    return {
        "presets": {one.name: one.spec.key for file in presets().values() for one in file.presets.values()},
        "cells": cells,
        "populations": {
            f"{name}/{one.rule}/{one.network}": one.key for name, study in studies.items() for one in study.populations
        },
        "studies": {name: study.key for name, study in studies.items()},
    }


def _analyses() -> Path:
    return shipped_folder("analyses")


@pytest.mark.parametrize("kind", GOLDEN)
def test_every_published_key_is_what_it_was(kind: str) -> None:
    now = published_keys()[kind]
    moved = {name: (key, now.get(name)) for name, key in GOLDEN[kind].items() if now.get(name) != key}
    assert not moved
    assert now.keys() == GOLDEN[kind].keys(), "add the new ones to tests/golden/keys.json"


def test_the_documented_results_are_those_of_todays_cells() -> None:
    found = set()
    for path in sorted(DOCS.glob("*.csv")):
        for row in csv.DictReader(path.open(encoding="utf-8")):
            if row["key"] and row["shortened"] == "False":
                assert GOLDEN["cells"][f"{path.stem}/{row['column']}/{row['label']}"] == row["key"], row
                found.add(row["key"])
    assert len(found) > 50


@pytest.mark.parametrize("moved", [{"learning_rate": 0.1234}, {"rule_options": {"new": 1}}, {"seeds": (7,)}])
def test_a_moved_key_is_seen(moved: dict[str, Any]) -> None:
    file = preset_file("mnist-mlp-256x5")
    spec = file.presets["backprop"].spec
    other = train_spec({**to_dict(spec), **moved})
    assert isinstance(other, TrainSpec)
    assert other.key != GOLDEN["presets"]["mnist-mlp-256x5/backprop"] == spec.key

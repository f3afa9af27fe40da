"""Specifications: read, refused in one line, named by what changes the result."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from brainalign.errors import SpecError
from brainalign.specs import (
    RecordingSpec,
    ScoringSpec,
    StudySpec,
    TrainSpec,
    read_study,
    study_from_table,
    to_dict,
    train_spec,
)

SHIPPED = sorted((Path(__file__).parents[1] / "analyses").glob("*.toml"))

RATE = "learning_rate = 0.1"
RULES = f"[rules.untrained]\n[rules.feedback_alignment]\n{RATE}\noptions = {{ scale = 0.5 }}"
STUDY = f"""
name = "small"

[training]
dataset = "digits"
network = "mlp"
seeds = 3
network_options = {{ widths = [16, 8] }}

{RULES}

[[recordings]]
dataset = "simulated"
measures = ["rsa"]
options = {{ noise = 2.0 }}

[scoring]
n_bootstrap = 200
ranking_layer = {{ planted = "hidden2" }}
"""


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_study_file_says_what_it_says(tmp_path: Path) -> None:
    spec = read_study(_write(tmp_path, STUDY))
    assert (spec.name, spec.title) == ("small", "small")
    control, trained = spec.populations
    assert control == TrainSpec("untrained", "mlp", "digits", {}, {"widths": [16, 8]}, seeds=(0, 1, 2))
    assert trained == replace(control, rule="feedback_alignment", rule_options={"scale": 0.5}, learning_rate=0.1)
    assert spec.recordings == (RecordingSpec("simulated", options={"noise": 2.0}),)
    assert spec.scoring == ScoringSpec(n_bootstrap=200, ranking_layer={"planted": "hidden2"})


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_study_can_be_read(path: Path) -> None:
    spec = read_study(path)
    assert "untrained" in [population.rule for population in spec.populations]
    assert {len(population.seeds) for population in spec.populations} == {len(spec.populations[0].seeds)}


WRONG = [
    ("unknown key of the file", ('name = "small"', 'name = "small"\nnames = 3'), "unknown key 'names'.*name, title"),
    ("unknown key of training", ("seeds = 3", "seed = 3"), r"\[rules.untrained\]: unknown key 'seed'.*seeds"),
    ("unknown key of a rule", (RATE, "rate = 0.1"), r"\[rules.feedback_alignment\]: unknown key 'rate'"),
    ("unknown key of a recording", ("measures", "measure"), r"\[\[recordings\]\]: unknown key 'measure'.*measures"),
    ("unknown key of scoring", ("n_bootstrap", "bootstrap"), r"\[scoring\]: unknown key 'bootstrap'.*n_bootstrap"),
    ("no name", ('name = "small"', ""), "'name' is missing"),
    ("no rules", (RULES, ""), "'rules' is missing"),
    ("no network", ('network = "mlp"', ""), "missing.*'network'"),
    ("text for a number", (RATE, 'learning_rate = "fast"'), "learning_rate is 'fast'; expected a finite number"),
    ("truth for a number", (RATE, "epochs = true"), "epochs is True; expected a finite number"),
    ("infinite number", (RATE, "epochs = inf"), "epochs is inf; expected a finite number"),
    ("fraction for a count", (RATE, "batch_size = 12.5"), "batch_size is 12.5; expected a whole number"),
    ("text for seeds", ("seeds = 3", 'seeds = "abc"'), "seeds is 'abc'; expected a whole number"),
    ("texts for seeds", ("seeds = 3", 'seeds = ["a"]'), r"seeds is \('a',\); expected a list of whole numbers"),
    ("text for a list", ('measures = ["rsa"]', 'measures = "rsa"'), "measures is 'rsa'; expected a list of texts"),
    ("number for a table", ("options = { scale = 0.5 }", "options = 3"), "rule_options is 3; expected a table"),
    ("number for a name", ('name = "small"', "name = 3"), "name is 3; expected text"),
    ("number for truth", ("n_bootstrap = 200", "low_level = 1"), "low_level is 1; expected true or false"),
    ("rule that is no table", ("[rules.untrained]", "[rules]\nuntrained = 3"), r"untrained\] is 3; expected a table"),
    ("same seed twice", ("seeds = 3", "seeds = [1, 1]"), r"seeds is \(1, 1\); expected distinct seeds"),
    ("no seed", ("seeds = 3", "seeds = 0"), "expected distinct seeds"),
    ("no time", (RATE, "epochs = 0"), "epochs is 0; expected a positive number"),
    ("no checkpoint", (RATE, "n_checkpoints = 1"), "n_checkpoints is 1; expected at least 2"),
    ("everything held out", ("seeds = 3", "seeds = 3\nvalidation_fraction = 1"), "validation_fraction is 1"),
    ("unknown measure", ('["rsa"]', '["cka"]'), "measures is 'cka'"),
    ("unknown scope", ('measures = ["rsa"]', 'subjects = "some"'), "subjects is 'some'"),
    ("unknown correction", ("n_bootstrap = 200", 'correction = "none"'), "correction is 'none'"),
    ("unknown control", ("n_bootstrap = 200", 'partial = ["edges"]'), "partial is 'edges'"),
    ("too few draws", ("n_bootstrap = 200", "n_bootstrap = 10"), "n_bootstrap is 10; expected at least 100"),
    ("level", ("n_bootstrap = 200", "alpha = 5"), "alpha is 5"),
    ("other seeds than the control", (RATE, "seeds = 2"), r"seeds of 'feedback_alignment' is \[0, 1\]; .* 'untrained'"),
    ("other network than the control", (RATE, "network_options = { widths = [4] }"), "options of 'feedback_alignment'"),
    ("same rule twice", (RATE, 'rule = "untrained"'), "expected each rule once per network"),
    ("not TOML", ('name = "small"', "name ="), "is not valid TOML"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), [item[1:] for item in WRONG], ids=[item[0] for item in WRONG])
def test_a_wrong_study_is_refused_in_one_line(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    assert change[0] in STUDY
    with pytest.raises(SpecError, match=message) as caught:
        read_study(_write(tmp_path, STUDY.replace(*change)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "table", [{"training": 3}, {"rules": ["backprop"]}, {"recordings": "simulated"}, {"scoring": []}]
)
def test_a_table_of_the_wrong_kind_is_refused_in_one_line(table: dict[str, Any]) -> None:
    whole = {"name": "a", "training": {}, "rules": {}, "recordings": [], **table}
    with pytest.raises(SpecError, match=rf"\[{next(iter(table))}\].* expected a (table|list of tables)"):
        study_from_table(whole)


def test_a_study_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"none\.toml.*No such file"):
        read_study(tmp_path / "none.toml")


def test_rules_may_train_several_networks_with_their_own_options() -> None:
    populations = tuple(
        TrainSpec(rule, network, "digits", network_options=options, seeds=(0,))
        for network, options in (("mlp", {"widths": [8]}), ("cnn", {}))
        for rule in ("untrained", "backprop")
    )
    assert len(StudySpec("a", "a", populations, (RecordingSpec("simulated"),)).populations) == 4


CHANGES = {
    "rule": "backprop", "network": "cnn", "dataset": "mnist", "rule_options": {"scale": 1.0},
    "network_options": {"a": 1}, "seeds": (0, 1), "epochs": 4, "batch_size": 64, "optimizer": "sgd",
    "learning_rate": 2e-3, "optimizer_options": {"momentum": 0.9}, "schedule": "constant", "warmup": 0.1,
    "clip": 1.0, "n_train": 100, "validation_fraction": 0.2, "augment": "flip", "n_checkpoints": 3,
    "objective": "reconstruction",
}  # fmt: skip


def test_the_key_changes_with_every_option_that_changes_weights() -> None:
    base = TrainSpec("untrained", "mlp", "digits")
    assert set(CHANGES) == set(to_dict(base)), "a new option needs a line here"
    keys = {replace(base, **{name: value}).key for name, value in CHANGES.items()}
    assert len(keys | {base.key}) == len(CHANGES) + 1


def test_the_key_does_not_change_with_the_way_an_option_is_written() -> None:
    one = train_spec({"rule": "backprop", "network": "mlp", "dataset": "digits", "network_options": {"widths": [8]}})
    other = TrainSpec("backprop", "mlp", "digits", network_options={"widths": (8,)})
    assert one.key == other.key
    assert train_spec({**to_dict(one), "seeds": 5}).key == one.key


def test_a_specification_survives_json(tmp_path: Path) -> None:
    spec = read_study(_write(tmp_path, STUDY))
    record = json.loads(json.dumps(to_dict(spec)))
    assert [train_spec(population).key for population in record["populations"]] == [p.key for p in spec.populations]
    assert replace(spec, title="other").key != spec.key

"""Specifications: read, refused in one line, named by what changes the result."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brainalign.errors import SpecError
from brainalign.specs import RecordingSpec, ScoringSpec, StudySpec, TrainSpec, to_dict, train_spec
from brainalign.study_file import read_study, study_from_table
from brainalign.training.readout import readout_spec

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
    control, trained, readout = spec.populations
    assert control == TrainSpec("untrained", "mlp", "digits", {}, {"widths": [16, 8]}, seeds=(0, 1, 2))
    assert trained == replace(control, rule="feedback_alignment", rule_options={"scale": 0.5}, learning_rate=0.1)
    assert readout == readout_spec(trained)
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
    ("texts for seeds", ("seeds = 3", 'seeds = ["a"]'), r"seeds is \('a',\); expected a whole number or a list of"),
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
    "learning_rate": 2e-3, "optimizer_options": {"weight_decay": 0.1}, "schedule": "constant", "warmup": 0.1,
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


# -- built from Python ------------------------------------------------------------------------------------------------

OUT_OF_RANGE: list[tuple[str, Any, str]] = [
    ("clip", -1, "clip is -1; expected a largest norm above 0, or 0 for no clipping."),
    ("n_train", -5, "n_train is -5; expected a number of samples, or 0 for all."),
    ("n_train", 10.0, "n_train is 10.0; expected a whole number."),
    ("warmup", 2, "warmup is 2; expected a share of all steps, from 0 to 1."),
    ("warmup", -0.1, "warmup is -0.1; expected a share of all steps, from 0 to 1."),
    ("epochs", "5", "epochs is '5'; expected a finite number."),
    ("epochs", float("nan"), "epochs is nan; expected a finite number."),
    ("batch_size", 2.5, "batch_size is 2.5; expected a whole number."),
    ("batch_size", "64", "batch_size is '64'; expected a whole number."),
    ("batch_size", True, "batch_size is True; expected a whole number."),
    ("learning_rate", -0.1, "learning_rate is -0.1; expected a positive number."),
    ("learning_rate", 0, "learning_rate is 0; expected a positive number."),
    ("learning_rate", float("nan"), "learning_rate is nan; expected a finite number."),
    ("learning_rate", np.float32("inf"), "learning_rate is inf; expected a finite number."),
    ("schedule", "linear", "schedule is 'linear'; expected one of: constant, cosine, step."),
    ("augment", "mixup", "augment is 'mixup'; expected one of: none, jitter, crop, flip, crop_flip."),
    ("objective", "gan", "objective is 'gan'; expected one of: default, reconstruction."),
    ("validation_fraction", -0.1, "validation_fraction is -0.1; expected a share below 1."),
    ("n_checkpoints", 2.5, "n_checkpoints is 2.5; expected a whole number."),
    ("rule", 3, "rule is 3; expected text."),
    ("rule_options", [1], "rule_options is [1]; expected a table."),
    ("rule_options", {1: 2}, "rule_options is {1: 2}; expected a table."),
    ("seeds", (), "seeds is (); expected distinct seeds, at least one, each 0 or more."),
    ("seeds", (0, -1), "seeds is (0, -1); expected distinct seeds, at least one, each 0 or more."),
    ("seeds", (1, np.int64(1)), "seeds is (1, 1); expected distinct seeds, at least one, each 0 or more."),
    ("seeds", -3, "seeds is -3; expected distinct seeds, at least one, each 0 or more."),
    ("seeds", True, "seeds is True; expected a whole number or a list of whole numbers."),
    ("seeds", (True, False), "seeds is (True, False); expected a whole number or a list of whole numbers."),
    ("seeds", np.array([0.0, 1.0]), "seeds is (0.0, 1.0); expected a whole number or a list of whole numbers."),
    ("seeds", "01", "seeds is '01'; expected a whole number or a list of whole numbers."),
    ("seeds", None, "seeds is None; expected a whole number or a list of whole numbers."),
    ("optimizer_options", {"weight_decay": -1}, "Option weight_decay of optimizer 'adam' is -1; expected 0 or more."),
    ("optimizer_options", {"betas": (0.9,)}, "betas of optimizer 'adam' is (0.9,); expected two shares from 0 to"),
    ("optimizer_options", {"eps": "a"}, "Option eps of optimizer 'adam' is 'a'; expected a finite number."),
    ("optimizer_options", {"momentum": 0.9}, "Unknown option 'momentum' of optimizer 'adam'. Choose one of: betas"),
    ("optimizer_options", {"maximize": True}, "Unknown option 'maximize' of optimizer 'adam'. Choose one of: betas"),
    ("optimizer", "lbfgs", "Unknown optimizer 'lbfgs'. Choose one of: sgd, adam"),
]  # fmt: skip


@pytest.mark.parametrize(("option", "value", "message"), OUT_OF_RANGE)
def test_an_option_out_of_range_is_one_line(option: str, value: Any, message: str) -> None:
    with pytest.raises(SpecError, match=re.escape(message)) as caught:
        TrainSpec(**{"rule": "backprop", "network": "mlp", "dataset": "digits", option: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("options", "message"), [
    ({"momentum": 2}, "Option momentum of optimizer 'sgd' is 2; expected a share from 0 to below 1."),
    ({"momentum": 0, "nesterov": True}, "nesterov of optimizer 'sgd' needs a momentum above 0"),
])  # fmt: skip
def test_options_of_sgd_have_their_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        TrainSpec("backprop", "mlp", "digits", optimizer="sgd", optimizer_options=options)


@pytest.mark.parametrize(("cls", "options", "message"), [
    (ScoringSpec, {"alpha": 0}, "alpha is 0; expected a level between 0 and 1."),
    (ScoringSpec, {"alpha": "0.05"}, "alpha is '0.05'; expected a finite number."),
    (ScoringSpec, {"n_bootstrap": 1000.5}, "n_bootstrap is 1000.5; expected a whole number."),
    (ScoringSpec, {"n_bootstrap": -1}, "n_bootstrap is -1; expected at least 100 draws."),
    (ScoringSpec, {"resolution": -8}, "resolution is -8; expected a side in pixels, or 0 for that of training."),
    (ScoringSpec, {"seed": -1}, "seed is -1; expected 0 or more."),
    (ScoringSpec, {"seed": 0.5}, "seed is 0.5; expected a whole number."),
    (ScoringSpec, {"low_level": 1}, "low_level is 1; expected true or false."),
    (ScoringSpec, {"partial": "pixels"}, "partial is 'pixels'; expected a list of texts."),
    (ScoringSpec, {"partial": ("pixels", "pixels")}, "partial is ('pixels', 'pixels'); expected each once."),
    (ScoringSpec, {"ranking_layer": {"V4": 2}}, "ranking_layer of 'V4' is 2; expected the name of a layer."),
    (RecordingSpec, {"dataset": "a", "rois": "IT"}, "rois is 'IT'; expected a list of texts."),
    (RecordingSpec, {"dataset": "a", "rois": ("IT", "IT")}, "rois is ('IT', 'IT'); expected each once."),
    (RecordingSpec, {"dataset": "a", "measures": ()}, "measures is (); expected some of: banded_ridge, cca, encoding,"),
    (RecordingSpec, {"dataset": "a", "subjects": "all"}, "subjects is 'all'; expected one of: random, fixed."),
    (StudySpec, {"name": "a", "title": 3, "populations": (), "recordings": ()}, "title is 3; expected text."),
    (StudySpec, {"name": "a", "title": "a", "populations": ("x",), "recordings": ()}, "populations is ('x',)"),
])  # fmt: skip
def test_what_is_scored_has_its_ranges_too(cls: type, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=re.escape(message)):
        cls(**options)


def test_a_file_says_where_the_option_stands(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"study\.toml, \[rules\.feedback_alignment\]: Option clip is -1; expected"):
        read_study(_write(tmp_path, STUDY.replace(RATE, "clip = -1")))


BASE = TrainSpec("backprop", "mlp", "digits", network_options={"widths": (64,)}, seeds=(0, 1, 2))
SAME: list[dict[str, Any]] = [
    {"seeds": 3}, {"seeds": np.int64(3)}, {"seeds": range(3)}, {"seeds": [0, 1, 2]}, {"seeds": np.arange(3)},
    {"seeds": (np.int32(0), np.int64(1), 2)}, {"batch_size": np.int64(128)}, {"learning_rate": np.float64(1e-3)},
    {"network_options": {"widths": np.array([64])}}, {"network_options": {"widths": [np.int64(64)]}},
    {"augment": np.str_("none")},
]  # fmt: skip


@pytest.mark.parametrize("changes", SAME, ids=str)
def test_numbers_of_numpy_are_plain_ones(changes: dict[str, Any]) -> None:
    spec = replace(BASE, **changes)
    assert spec.key == BASE.key
    assert json.loads(json.dumps(to_dict(spec))) == to_dict(BASE)
    for name in changes:
        assert type(getattr(spec, name)) is type(getattr(BASE, name))


def test_whole_numbers_keep_the_key_they_have() -> None:
    assert replace(BASE, epochs=20).key != replace(BASE, epochs=20.0).key  # as published
    assert type(replace(BASE, epochs=np.int64(20)).epochs) is int


def test_a_specification_is_not_changed_by_the_table_it_came_from() -> None:
    options = {"widths": [8]}
    spec = replace(BASE, network_options=options)
    key = spec.key
    options["widths"].append(9)
    options["bias"] = False  # type: ignore[assignment]
    assert spec.key == key

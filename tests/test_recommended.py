"""Recommended options are written where none were given, before a specification is hashed, and nowhere else."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from brainalign.__main__ import app
from brainalign.networks.architecture import architectures
from brainalign.recommended import completed, declared
from brainalign.reproduction.presets import changed, nearest_preset, option_tables, presets, requested
from brainalign.rules.learning_rule import learning_rules
from brainalign.shipped import read_toml, shipped_folder
from brainalign.specs import TrainSpec, train_spec
from brainalign.study_file import added, filled_in, read_study, study_from_table

DFA = {"rule": "direct_feedback_alignment", "network": "mlp", "dataset": "digits"}


@pytest.mark.parametrize("rule", learning_rules())
def test_every_declaration_is_a_training_that_can_be_specified(rule: str) -> None:
    for network in learning_rules()[rule].recommended:
        assert network in ("", *architectures())
        options, filled = completed({"rule": rule, "network": network or "mlp", "dataset": "digits"})
        spec = train_spec(options)
        assert set(declared(rule, network or "mlp", "digits")) <= set(filled)
        assert learning_rules()[rule](**spec.rule_options) is not None
        assert not {"seeds", "epochs", "dataset", "n_checkpoints"} & set(filled)


def test_what_was_given_stays() -> None:
    recommended = learning_rules()["direct_feedback_alignment"].recommended["mlp"]
    assert completed(DFA)[0]["learning_rate"] == recommended["learning_rate"]
    assert completed({**DFA, "learning_rate": 0.5})[0]["learning_rate"] == 0.5
    other, filled = completed({**DFA, "optimizer": "sgd"})
    assert "learning_rate" not in other  # a rate of Adam says nothing of another optimiser
    assert filled == {"batch_size": recommended["batch_size"]}
    assert completed({**DFA, "network": "rnn", "network_options": {"blocks": "layer"}})[1].get("network.blocks") is None
    assert completed({**DFA, "network": "transformer"})[0]["network_options"] == {"blocks": "sublayer"}
    assert completed({"rule": "none", "network": "none"}) == ({"rule": "none", "network": "none"}, {})


def test_defaults_are_what_they_were() -> None:
    """A changed default would find the populations of the old one under its key."""
    spec = TrainSpec(**DFA)
    assert (spec.optimizer, spec.learning_rate, spec.batch_size) == ("adam", 1e-3, 128)
    assert architectures()["rnn"]().blocks == architectures()["transformer"]().blocks == "layer"


def test_presets_get_nothing_and_the_nearest_is_named() -> None:
    none = {"rule": None, "network": None, "dataset": None}
    for file in presets().values():
        for one in file.presets.values():
            spec, filled = requested(none, one.name, {})
            assert (spec.key, filled) == (one.spec.key, {})
    asked = TrainSpec("hebbian", "mlp", "mnist")
    assert nearest_preset(asked).startswith("mnist-mlp")
    assert nearest_preset(TrainSpec("hebbian", "cnn", "cifar10_jpeg")).startswith("cifar10_jpeg-cnn")
    assert nearest_preset(TrainSpec("untrained", "mlp", "digits")) == ""


def test_a_study_is_completed_unless_it_says_otherwise() -> None:
    table: dict[str, Any] = {
        "name": "s", "training": {"network": "rnn", "dataset": "digits"}, "rules": {"backprop": {}},
        "recordings": [{"dataset": "simulated"}],
    }  # fmt: skip
    found = study_from_table(table).populations[0]
    plain = study_from_table({**table, "recommended": False}).populations[0]
    assert found.network_options == {"blocks": "step"}
    assert plain.key == TrainSpec("backprop", "rnn", "digits").key != found.key
    assert study_from_table({**table, "recommended": True}).key == study_from_table(table).key


def test_a_study_adds_readout_only_unless_it_says_otherwise(tmp_path: Path) -> None:
    table: dict[str, Any] = {
        "name": "s", "training": {"network": "mlp", "dataset": "digits", "epochs": 2, "seeds": 3},
        "rules": {"untrained": {}, "direct_feedback_alignment": {}, "backprop": {}, "sign_symmetry": {},
                  "hebbian": {"network": "rnn"}},
        "recordings": [{"dataset": "simulated"}],
    }  # fmt: skip
    *_, first, second = study_from_table(table).populations
    assert [(one.rule, one.network) for one in (first, second)] == [("readout_only", "mlp"), ("readout_only", "rnn")]
    # Of three rules two have batches of 128; seeds and steps are theirs, the rate is the control's own.
    assert (first.batch_size, first.epochs, first.seeds, first.learning_rate) == (128, 2, (0, 1, 2), 0.01)
    assert second.network_options == {"blocks": "step"}
    for no in ({"readout_only": False}, {"recommended": False}):
        assert "readout_only" not in {one.rule for one in study_from_table({**table, **no}).populations}
    asked = study_from_table({**table, "recommended": False, "readout_only": True}).populations
    assert [one.rule for one in asked].count("readout_only") == 2
    listed = {**table, "rules": {**table["rules"], "readout_only": {"learning_rate": 0.5}}}
    found = [one for one in study_from_table(listed).populations if one.rule == "readout_only"]
    assert [(one.network, one.learning_rate) for one in found] == [("mlp", 0.5), ("rnn", 0.1)]
    only = {**table, "rules": {"untrained": {}}}
    assert [one.rule for one in study_from_table(only).populations] == ["untrained"]
    text = 'name = "s"\nrecordings = [{ dataset = "simulated" }]\n[training]\nnetwork = "mlp"\ndataset = "digits"\n'
    path = tmp_path / "study.toml"
    for rules, expected in (("[rules.backprop]", 1), ("[rules.backprop]\n[rules.readout_only]", 0)):
        path.write_text(text + rules, encoding="utf-8")
        assert len(added(read_study(path), path)) == expected


def test_a_preset_of_a_data_set_and_network_is_recommended_if_it_says_so() -> None:
    named = {name: read_toml(shipped_folder("presets") / f"{name}.toml", "preset file") for name in presets()}
    files = {name: table for name, table in named.items() if table.get("recommended")}
    assert {"digits-mlp", "digits-rnn"} <= set(files)
    for file, table in files.items():
        data, _, network = file.partition("-")
        shape = architectures()[network]
        for label, one in presets()[file].presets.items():
            assert label == one.spec.rule
            assert dict(one.spec.network_options) == shape.recommended
            assert not {"rule", "seeds", "epochs", "dataset", "network"} & set(table["presets"][label])
            asked = {"rule": label, "network": network, "dataset": data, "seeds": one.spec.seeds}
            assert train_spec(completed({**asked, "epochs": one.spec.epochs})[0]).key == one.spec.key
    for network in architectures():  # a mirrored digit is another sign
        assert declared("two_views", network, "digits")["rule.mirror"] is False
    assert declared("two_views", "mlp", "cifar10_jpeg") == {}


def test_what_was_filled_into_a_study_is_listed(tmp_path: Path) -> None:
    text = 'name = "s"\n[training]\nnetwork = "mlp"\ndataset = "digits"\n[rules.untrained]\n[rules.backprop]\n'
    path = tmp_path / "study.toml"
    path.write_text(text + "[rules.hebbian]\nlearning_rate = 0.5\noptions = { rate = 2.0 }\n", encoding="utf-8")
    found = filled_in(path)
    assert list(found) == ["backprop", "hebbian"]
    assert not {"learning_rate", "rule.rate"} & set(found["hebbian"])
    path.write_text("recommended = false\n" + text, encoding="utf-8")
    assert filled_in(path) == {}


def test_the_command_fills_in_says_so_and_compares(tmp_path: Path) -> None:
    options = ["train", "--rule", "hebbian", "--network", "mlp", "--dataset", "digits", "--seeds", "3"]
    options += ["--epochs", "0.5", "--set", "network.widths=[8]", "--out", str(tmp_path)]
    found = CliRunner().invoke(app, options)
    assert found.exit_code == 0, found.output
    assert "recommended and not given: " in found.stderr
    assert "optimizer=sgd" in found.stderr
    assert "Nearest preset: digits-rnn/hebbian" in found.stderr  # of the same data set
    assert "readout only after as many steps" in found.stdout
    spec = changed(TrainSpec("hebbian", "mlp", "digits"), {"seeds": 3, "epochs": 0.5, "network.widths": [8]})
    wanted = train_spec(completed({**option_tables({"network.widths": [8]}), "rule": "hebbian", "network": "mlp",
                                   "dataset": "digits", "seeds": 3, "epochs": 0.5})[0])  # fmt: skip
    assert (tmp_path / "spec.json").exists()
    assert wanted.key != spec.key
    again = CliRunner().invoke(app, [*options[:-1], str(tmp_path / "plain"), "--plain", "--no-control"])
    assert again.exit_code == 0, again.output
    assert "recommended" not in again.stderr
    assert "readout only" not in again.output

"""A study whose rules are trained as a file of presets says."""

from pathlib import Path

import pytest

from brainalign.errors import SpecError
from brainalign.reproduction.presets import preset_file
from brainalign.study_file import filled_in, read_study

_PRESETS = "mnist-mlp-1000"


def _study(folder: Path, rules: str, training: str = "") -> Path:
    path = folder / "mine.toml"
    head = 'name = "mine"\nrecordings = [{dataset = "simulated"}]\n[training]\n'
    path.write_text(f'{head}preset = "{_PRESETS}"\n{training}\n{rules}', "utf-8")
    return path


def test_a_rule_is_trained_as_its_preset(tmp_path: Path) -> None:
    file = preset_file(_PRESETS)
    label, one = next((label, one) for label, one in file.presets.items() if label == one.spec.rule)
    path = _study(tmp_path, f"[rules.untrained]\n[rules.{label}]")
    untrained, trained = read_study(path).populations
    assert trained == one.spec
    assert trained.key == one.spec.key
    assert (untrained.network, untrained.network_options) == (one.spec.network, one.spec.network_options)
    assert filled_in(path) == {}


def test_what_the_study_names_comes_before_the_preset(tmp_path: Path) -> None:
    label = next(iter(preset_file(_PRESETS).presets))
    rules = f"[rules.untrained]\n[rules.{label}]\nlearning_rate = 0.5"
    untrained, trained = read_study(_study(tmp_path, rules, "epochs = 2\nseeds = 3")).populations
    assert trained.learning_rate == 0.5
    assert (trained.epochs, trained.seeds, untrained.epochs) == (2, (0, 1, 2), 2)


def test_another_optimiser_leaves_the_options_of_the_presets_behind(tmp_path: Path) -> None:
    label, one = next((k, v) for k, v in preset_file(_PRESETS).presets.items() if v.spec.optimizer_options)
    other = "adam" if one.spec.optimizer != "adam" else "sgd"
    (trained,) = read_study(_study(tmp_path, f'[rules.{label}]\noptimizer = "{other}"')).populations
    assert (trained.optimizer, dict(trained.optimizer_options)) == (other, {})


def test_a_rule_without_preset_is_refused(tmp_path: Path) -> None:
    missing = "weight_perturbation"
    assert missing not in preset_file(_PRESETS).presets
    with pytest.raises(SpecError, match="preset file 'mnist-mlp-1000' has no preset of this rule"):
        read_study(_study(tmp_path, f"[rules.{missing}]"))


def test_an_unknown_preset_file_is_refused(tmp_path: Path) -> None:
    path = _study(tmp_path, "[rules.untrained]")
    path.write_text(path.read_text("utf-8").replace(_PRESETS, "no-such-file"), "utf-8")
    with pytest.raises(SpecError, match="no-such-file"):
        read_study(path)

"""Presets: reading, building specifications, overriding, and every file that is shipped."""

from pathlib import Path

import pytest

from brainalign.datasets.dataset import dataset
from brainalign.errors import SpecError
from brainalign.networks.architecture import architecture
from brainalign.reproduction.presets import PresetFile, changed, named_preset, preset, presets, read_presets, requested
from brainalign.rules.learning_rule import learning_rule
from brainalign.shipped import find_file

TEXT = """
title = "Digits, 16 units"
[training]
dataset = "digits"
network = "mlp"
network_options = { widths = [16], activation = "tanh" }
optimizer = "sgd"
optimizer_options = { momentum = 0.5 }
batch_size = 64
[presets.feedback_alignment]
learning_rate = 0.2
options = { scale = 0.5 }
found = "by hand"
[presets.direct]
rule = "direct_feedback_alignment"
epochs = 3
network_options = { widths = [8] }
found = "by hand"
"""

SHIPPED = presets()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tiny.toml").write_text(TEXT)
    return tmp_path


def test_a_preset_joins_shared_and_own_options(folder: Path) -> None:
    one = preset("tiny", "feedback_alignment", folder)
    assert (one.name, one.found) == ("tiny/feedback_alignment", "by hand")
    assert (one.spec.rule, one.spec.dataset, one.spec.learning_rate) == ("feedback_alignment", "digits", 0.2)
    assert one.spec.rule_options == {"scale": 0.5}
    assert one.spec.network_options == {"widths": [16], "activation": "tanh"}
    assert one.spec.epochs == 5  # the default


def test_a_label_may_differ_from_its_rule_and_own_tables_replace_shared_ones(folder: Path) -> None:
    spec = named_preset("tiny/direct", folder).spec
    assert (spec.rule, spec.epochs, spec.network_options) == ("direct_feedback_alignment", 3, {"widths": [8]})


def test_presets_are_found_by_name_and_by_path(folder: Path) -> None:
    assert list(presets(folder)) == ["tiny"]
    assert list(presets(folder)["tiny"].presets) == ["feedback_alignment", "direct"]
    assert preset(str(folder / "tiny.toml"), "direct") == preset("tiny", "direct", folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('found = "by hand"', "", "'found' is missing"),
        ('found = "by hand"', 'found = " "', "'found' is missing"),
        ("learning_rate = 0.2", "lr = 0.2", r"\[presets.feedback_alignment\]: unknown key 'lr'"),
        ("learning_rate = 0.2", 'learning_rate = "high"', "expected a finite number"),
        ('title = "Digits, 16 units"', "", "'title' is missing"),
        ('title = "Digits, 16 units"', "title = 1", "title is 1; expected text"),
        ("[training]", "[trainings]", "unknown key 'trainings'"),
        ("[presets.feedback_alignment]", "[presets.feedback_alignment", "is not valid TOML"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    assert old in TEXT
    path.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(SpecError, match=message) as error:
        read_presets(path)
    assert "\n" not in str(error.value)


def test_unknown_names_list_what_there_is(folder: Path) -> None:
    with pytest.raises(SpecError, match=r"no preset 'backprop'\. Choose one of: feedback_alignment, direct"):
        named_preset("tiny/backprop", folder)
    with pytest.raises(SpecError, match=r"Unknown preset file 'huge'.*one of: tiny"):
        preset("huge", "direct", folder)
    with pytest.raises(SpecError, match="expected FILE/LABEL"):
        named_preset("tiny", folder)
    with pytest.raises(SpecError, match="Cannot read preset file"):
        read_presets(folder / "none.toml")


def test_settings_join_option_tables_and_replace_the_rest(folder: Path) -> None:
    spec = preset("tiny", "feedback_alignment", folder).spec
    settings = {"epochs": 2, "seeds": 3, "rule.scale": 2.0, "network.widths": [4]}
    other = changed(spec, settings)
    assert (other.epochs, other.seeds, other.rule_options) == (2, (0, 1, 2), {"scale": 2.0})
    assert other.network_options == {"widths": [4], "activation": "tanh"}
    assert other.optimizer_options == {"momentum": 0.5}
    assert changed(spec, {}) == changed(
        other, {**settings, "epochs": 5, "seeds": 5, "rule.scale": 0.5, "network.widths": [16]}
    )
    with pytest.raises(SpecError, match="unknown key 'lr'"):
        changed(spec, {"lr": 1})


def test_another_optimiser_leaves_the_options_of_the_former_behind(folder: Path) -> None:
    spec = preset("tiny", "feedback_alignment", folder).spec
    assert changed(spec, {"optimizer": "adam"}).optimizer_options == {}
    assert changed(spec, {"optimizer": "sgd"}).optimizer_options == {"momentum": 0.5}


def test_a_command_line_asks_by_names_or_by_preset(folder: Path) -> None:
    names = {"rule": "backprop", "network": "mlp", "dataset": "digits"}
    assert requested(names, None, {"rule.x": 1, "epochs": 2})[0].rule_options == {"x": 1}
    none = dict.fromkeys(names)
    assert requested(none, "tiny/direct", {"epochs": 1}, folder)[0].epochs == 1
    with pytest.raises(SpecError, match="--network, --dataset missing"):
        requested({**none, "rule": "backprop"}, None, {})
    with pytest.raises(SpecError, match="--rule given with --preset 'tiny/direct'"):
        requested({**none, "rule": "backprop"}, "tiny/direct", {}, folder)


@pytest.mark.parametrize("file", SHIPPED.values(), ids=lambda file: file.name)
def test_a_shipped_preset_trains_its_network(file: PresetFile) -> None:
    assert "backprop" in file.presets
    shared = set()
    for one in file.presets.values():
        spec = one.spec
        network = architecture(spec.network, dict(spec.network_options)).build(
            dataset(spec.dataset).task(1, spec.objective)
        )
        learning_rule(spec.rule, dict(spec.rule_options)).check(network)
        shared.add((spec.dataset, spec.network, spec.seeds))
        assert spec.validation_fraction > 0
        assert 100 not in spec.seeds  # the seed that options are chosen with
    assert len(shared) == 1


def test_shipped_presets_have_the_published_shapes() -> None:
    assert SHIPPED["mnist-mlp-256x5"].presets["backprop"].spec.network_options["widths"] == [256] * 5
    assert SHIPPED["cifar10_jpeg-mlp-1024x3"].presets["backprop"].spec.network_options["widths"] == [1024] * 3


def test_a_shipped_file_is_a_name_and_anything_else_a_path(tmp_path: Path) -> None:
    assert find_file("a/b", tmp_path, "study") == Path("a/b")
    assert find_file("b.toml", tmp_path, "study") == Path("b.toml")
    with pytest.raises(SpecError, match="or one of: none"):
        find_file("b", tmp_path, "study")

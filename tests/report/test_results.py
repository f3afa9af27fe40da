"""The results folder is read whole or refused in one line."""

import json

import numpy as np
import pandas as pd
import pytest

from brainalign.errors import DataError
from brainalign.report.results import Results


def _rewrite(folder, name, change):
    table = pd.read_csv(folder / name)
    change(table).to_csv(folder / name, index=False)


def test_loads_every_table(full):
    assert full.rules == ("backprop", "direct_feedback_alignment", "feedback_alignment", "untrained")
    assert full.networks == ("cnn",)
    assert full.layers("cnn") == ["conv1", "conv2", "conv3", "conv4", "conv5", "readout"]
    # (15 + 15 + 1 + 4 + 2) subjects x 6 layers x 5 seeds x 4 rules, and 3 controls per subject
    assert len(full.alignment) == 37 * 6 * 5 * 4 + 37 * 3
    assert full.rdms["cichy92|IT|brain"].dissimilarities.shape == (1, 92 * 91 // 2)
    assert full.thumbnails["cichy92"][1].dtype == np.uint8
    assert full.ranking_layer("IT") == "conv5"
    assert not full.is_simulated("cichy92")


@pytest.mark.parametrize("name", ["training.csv", "alignment.csv", "contrasts.csv", "gates.csv", "study.json"])
def test_missing_file_is_named_in_one_line(small_folder, name):
    folder = small_folder(with_images=False)
    (folder / name).unlink()
    with pytest.raises(DataError, match=name) as error:
        Results.load(folder)
    assert "\n" not in str(error.value)
    assert "study again" in str(error.value)


def test_missing_optional_files_are_tolerated(small_folder):
    folder = small_folder(with_images=False)
    (folder / "ranks.csv").unlink()
    results = Results.load(folder)
    assert results.ranks.empty
    assert results.rdms == {}
    assert results.thumbnails == {}


def test_missing_column_is_named_in_one_line(small_folder):
    folder = small_folder(with_images=False)
    _rewrite(folder, "contrasts.csv", lambda table: table.drop(columns="p_adjusted"))
    with pytest.raises(DataError, match=r"'contrasts.csv' lacks column 'p_adjusted'") as error:
        Results.load(folder)
    assert "\n" not in str(error.value)


def test_text_where_a_number_belongs_is_refused(small_folder):
    folder = small_folder(with_images=False)
    _rewrite(folder, "alignment.csv", lambda table: table.assign(score=["much"] + ["0.1"] * (len(table) - 1)))
    with pytest.raises(DataError, match=r"holds 'much' in column 'score'; expected a number"):
        Results.load(folder)


def test_a_rule_called_na_is_a_name_not_a_missing_value(small_folder):
    folder = small_folder(with_images=False)
    _rewrite(folder, "training.csv", lambda table: table.assign(rule=table.rule.replace("backprop", "NA")))
    assert "NA" in Results.load(folder).rules


def test_broken_json_is_one_line(small_folder):
    folder = small_folder(with_images=False)
    (folder / "study.json").write_text("{")
    with pytest.raises(DataError, match=r"study.json") as error:
        Results.load(folder)
    assert "\n" not in str(error.value)


def test_missing_key_is_named(small_folder):
    folder = small_folder(with_images=False)
    study = json.loads((folder / "study.json").read_text())
    del study["hashes"]
    (folder / "study.json").write_text(json.dumps(study))
    with pytest.raises(DataError, match="lacks key 'hashes'"):
        Results.load(folder)


def test_ranking_layer_is_found_in_the_scoring_section(small_folder):
    folder = small_folder(with_images=False, ranking_layer=False)
    study = json.loads((folder / "study.json").read_text())
    study["spec"]["scoring"] = {"ranking_layer": {"IT": "conv1"}}
    (folder / "study.json").write_text(json.dumps(study))
    results = Results.load(folder)
    assert results.ranking_layer("IT") == "conv1"
    at = results.at_declared_layer(results.contrasts)
    it = results.contrasts.roi == "IT"
    assert set(results.contrasts.layer[at & it]) == {"conv1"}
    assert at[~it].all()


def test_a_declared_layer_the_network_lacks_declares_nothing(small_folder):
    folder = small_folder(with_images=False)
    study = json.loads((folder / "study.json").read_text())
    study["spec"]["ranking_layer"] = {"IT": "block9"}
    (folder / "study.json").write_text(json.dumps(study))
    results = Results.load(folder)
    assert results.at_declared_layer(results.gates).all()

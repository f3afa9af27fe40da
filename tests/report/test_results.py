"""The results folder is read whole or refused in one line."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from synthetic_folder import RSA

from brainalign.alignment.mean_rdm import BRAIN, MeanRDM, read_mean_rdms, write_mean_rdms
from brainalign.alignment.result import AlignmentResult
from brainalign.errors import DataError
from brainalign.results_folder import result_hashes
from brainalign.storage import read_tensors, write_tensors


def _rewrite(folder, name, change):
    table = pd.read_csv(folder / name)
    change(table).to_csv(folder / name, index=False)


def test_loads_every_table(full):
    assert full.rules == ("backprop", "direct_feedback_alignment", "feedback_alignment", "untrained")
    assert full.networks == ("cnn",)
    assert full.layers("cnn") == ["conv1", "conv2", "conv3", "conv4", "conv5", "readout"]
    # (15 + 15 + 1 + 4 + 2) subjects x 6 layers x 5 seeds x 4 rules, and 3 controls per subject
    assert len(full.scores) == 37 * 6 * 5 * 4 + 37 * 3
    assert full.rdms[MeanRDM("cichy92", "IT")].dissimilarities.shape == (1, 92 * 91 // 2)
    assert full.thumbnails["cichy92"][1].dtype == np.uint8
    assert full.ranking_layer("IT") == "conv5"
    assert not full.is_simulated("cichy92")


@pytest.mark.parametrize(
    "name", ["training.csv", "alignment.csv", "measures.csv", "contrasts.csv", "gates.csv", "study.json"]
)
def test_missing_file_is_named_in_one_line(small_folder, name):
    folder = small_folder(with_images=False)
    (folder / name).unlink()
    with pytest.raises(DataError, match=name) as error:
        AlignmentResult.load(folder)
    assert "\n" not in str(error.value)
    assert "study again" in str(error.value)


def test_missing_optional_files_are_tolerated(small_folder):
    folder = small_folder(with_images=False)
    (folder / "ranks.csv").unlink()
    results = AlignmentResult.load(folder)
    assert results.ranks.empty
    assert results.rdms == {}
    assert results.thumbnails == {}


def test_missing_column_is_named_in_one_line(small_folder):
    folder = small_folder(with_images=False)
    _rewrite(folder, "contrasts.csv", lambda table: table.drop(columns="p_adjusted"))
    with pytest.raises(DataError, match=r"'contrasts.csv' lacks column 'p_adjusted'") as error:
        AlignmentResult.load(folder)
    assert "\n" not in str(error.value)


def test_text_where_a_number_belongs_is_refused(small_folder):
    folder = small_folder(with_images=False)
    _rewrite(folder, "alignment.csv", lambda table: table.assign(score=["much"] + ["0.1"] * (len(table) - 1)))
    with pytest.raises(DataError, match=r"holds 'much' in column 'score'; expected a number"):
        AlignmentResult.load(folder)


def test_a_rule_called_na_is_a_name_not_a_missing_value(small_folder):
    folder = small_folder(with_images=False)
    _rewrite(folder, "training.csv", lambda table: table.assign(rule=table.rule.replace("backprop", "NA")))
    assert "NA" in AlignmentResult.load(folder).rules


def test_broken_json_is_one_line(small_folder):
    folder = small_folder(with_images=False)
    (folder / "study.json").write_text("{")
    with pytest.raises(DataError, match=r"study.json") as error:
        AlignmentResult.load(folder)
    assert "\n" not in str(error.value)


def test_missing_key_is_named(small_folder):
    folder = small_folder(with_images=False)
    study = json.loads((folder / "study.json").read_text())
    del study["hashes"]
    (folder / "study.json").write_text(json.dumps(study))
    with pytest.raises(DataError, match="lacks key 'hashes'"):
        AlignmentResult.load(folder)


def test_ranking_layer_is_found_in_the_scoring_section(small_folder):
    folder = small_folder(with_images=False, ranking_layer=False)
    study = json.loads((folder / "study.json").read_text())
    study["spec"]["scoring"] = {"ranking_layer": {"IT": "conv1"}}
    (folder / "study.json").write_text(json.dumps(study))
    results = AlignmentResult.load(folder)
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
    results = AlignmentResult.load(folder)
    assert results.at_declared_layer(results.gates).all()


# -- what is no results folder, or not a whole one --------------------------------------------------------------------


def _one_line(folder, message):
    with pytest.raises(DataError, match=message) as error:
        AlignmentResult.load(folder)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


def test_another_folder_is_told_from_results(tmp_path):
    _one_line(tmp_path / "nowhere", r"nowhere' is missing; expected the results folder of a study")
    (tmp_path / "file").write_text("")
    _one_line(tmp_path / "file", r"file' is a file; expected the results folder of a study")
    (tmp_path / "empty").mkdir()
    _one_line(tmp_path / "empty", r"empty' is an empty folder; expected the results folder of a study")
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    (tmp_path / "run" / "training.csv").write_text("rule\n")
    _one_line(
        tmp_path / "run",
        r"run' holds a training run; expected the results folder of a study .*\. Show it stimuli with",
    )
    (tmp_path / "half" / "populations").mkdir(parents=True)
    _one_line(
        tmp_path / "half",
        r"half' holds a study that was not finished \(no study\.json\); expected .* Run the study again",
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"'alignment.csv' in .* is empty; expected a whole table"),
        (b"\n", r"Cannot read .*alignment.csv"),
        (b"rule,network\nbackprop,ml", r"'alignment.csv' in .* is cut in the middle of a line"),
        (b"rule,network\nbackprop,mlp\n", r"'alignment.csv' lacks column 'role' \(has rule, network\)"),
        (bytes(range(128, 256)) * 3 + b"\n", r"Cannot read .*alignment.csv.*expected a CSV table"),
        (b"\x00\x01\x02" * 500 + b"\n", r"alignment.csv' lacks column 'role'"),
        (b'rule,network\n"backprop,mlp\n', r"Cannot read .*alignment.csv"),
    ],
    ids=["empty", "an empty line", "cut", "few columns", "not text", "zeros", "an open quote"],
)
def test_a_table_that_is_no_table_is_one_line(small_folder, content, message):
    folder = small_folder(with_images=False)
    (folder / "alignment.csv").write_bytes(content)
    _one_line(folder, message)


@pytest.mark.parametrize("name", ["alignment", "training"])
def test_a_table_of_a_header_alone_is_one_line(small_folder, name):
    folder = small_folder(with_images=False)
    _rewrite(folder, f"{name}.csv", lambda table: table.iloc[:0])
    _one_line(folder, f"'{name}.csv' in .* has no rows")


def test_without_contrasts_ranks_and_gates_there_is_still_a_study(small_folder):
    folder = small_folder(with_images=False)
    for name in ("contrasts", "ranks", "gates"):
        _rewrite(folder, f"{name}.csv", lambda table: table.iloc[:0])
    assert AlignmentResult.load(folder).contrasts.empty


@pytest.mark.parametrize(
    ("name", "column", "value", "message"),
    [
        ("alignment", "simulated", "perhaps", r"holds 'perhaps' in column 'simulated'; expected true or false"),
        ("ranks", "supported", None, r"holds nothing in column 'supported'; expected true or false"),
        ("ranks", "rank", None, r"holds nothing in column 'rank'; expected a whole number"),
        ("contrasts", "family_size", "inf", r"holds inf in column 'family_size'; expected a whole number"),
    ],
)
def test_a_cell_that_cannot_be_is_one_line(small_folder, name, column, value, message):
    folder = small_folder(with_images=False)
    _rewrite(folder, f"{name}.csv", lambda table: table.astype({column: object}).assign(**{column: value}))
    _one_line(folder, message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda study: [1, 2], r"'study.json' holds \[1, 2\]; expected an object"),
        (lambda study: 3, r"'study.json' holds 3; expected an object"),
        (lambda study: {**study, "spec": "demo"}, r"'spec' is 'demo'; expected an object"),
        (lambda study: {**study, "alpha": "small"}, r"'alpha' is 'small'; expected a number"),
        (lambda study: {**study, "cautions": {}}, r"'cautions' is \{\}; expected a list"),
        (lambda study: {**study, "stale": 1}, r"'stale' is 1; expected a list"),
    ],
)
def test_a_study_that_is_none_is_one_line(small_folder, change, message):
    folder = small_folder(with_images=False)
    (folder / "study.json").write_text(json.dumps(change(json.loads((folder / "study.json").read_text()))))
    _one_line(folder, message)


def test_files_that_the_study_did_not_write_are_refused(small_folder):
    folder = small_folder()
    study = json.loads((folder / "study.json").read_text())
    (folder / "study.json").write_text(json.dumps({**study, "files": result_hashes(folder)}))
    assert "rdms.safetensors" in result_hashes(folder)
    AlignmentResult.load(folder)
    _rewrite(folder, "alignment.csv", lambda table: table.iloc[:-1])
    _one_line(folder, r"'alignment.csv' in .* is not what the study wrote: it was cut, changed or exchanged")
    (folder / "alignment.csv").unlink()
    _one_line(folder, r"'alignment.csv' is missing in .*, and the study wrote it")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("scorecard.csv", "", r"'scorecard.csv' in .* is empty"),
        ("criteria.csv", "rule,network\na,", r"'criteria.csv' in .* is cut in the middle of a line"),
        ("scorecard.csv", "a,pass\n1,2\n", r"'scorecard.csv' lacks column 'rule' \(has a, pass\); run the study again"),
        ("criteria.csv", "a\n1\n", r"'criteria.csv' lacks column 'rule'"),
    ],
)
def test_a_scorecard_that_is_none_is_one_line(small_folder, name, content, message):
    folder = small_folder(with_images=False)
    (folder / name).write_text(content)
    _one_line(folder, message)


def test_a_recording_brings_its_own_dissimilarity(small_folder):
    folder = small_folder()
    path = folder / "rdms.safetensors"
    rdms, labels = read_mean_rdms(path)
    layers = {key: replace(rdm, measure="squared_euclidean") for key, rdm in rdms.items() if key.role != BRAIN}
    write_mean_rdms(path, {**rdms, **layers}, labels)
    results = AlignmentResult.load(folder)
    brain = MeanRDM("cichy92", "IT")
    assert results.rdms[brain].measure == "correlation"
    assert results.rdms[MeanRDM("cichy92", "IT", "trained", "backprop", "cnn", "conv1")].measure == "squared_euclidean"
    assert results.recorded_dissimilarities(RSA) == {"correlation": ["cichy92 IT", "kriegeskorte92 monkeyIT"]}
    assert len(set(results.labels[brain.dataset, brain.roi])) == 6


def test_names_of_stored_rdms_mean_nothing(small_folder):
    tensors, about = read_tensors(small_folder() / "rdms.safetensors")
    assert list(tensors) == [f"rdm-{k:04d}" for k in range(1, 11)]
    assert {one["role"] for one in about["rdms"]} == {"brain", "trained", "untrained"}
    assert [(one["dataset"], one["roi"]) for one in about["stimuli"]] == [
        ("cichy92", "IT"), ("kriegeskorte92", "monkeyIT")
    ]  # fmt: skip


def test_rdms_of_an_earlier_version_are_one_line(small_folder):
    folder = small_folder()
    values = {"cichy92|IT|brain": torch.zeros(3)}
    write_tensors(folder / "rdms.safetensors", values, {"cichy92|IT": {"stimulus_ids": ["a", "b", "c"]}})
    _one_line(folder, r"'rdms.safetensors' does not say what each RDM is of .*earlier version\. Run the study again")


def test_results_of_an_earlier_version_ask_for_the_study_again(small_folder):
    folder = small_folder(with_images=False)
    (folder / "measures.csv").unlink()
    _one_line(
        folder, r"The results in .* are of an earlier version \('measures.csv' is missing\)\. Run the study again"
    )


def test_a_measure_that_nothing_describes_is_one_line(small_folder):
    folder = small_folder(with_images=False)
    _rewrite(folder, "alignment.csv", lambda table: table.assign(measure="cka"))
    _one_line(folder, r"'alignment.csv' holds measure 'cka', which 'measures.csv' does not describe")


def test_roles_tell_networks_apart_whatever_their_rules_are_called(small_folder):
    folder = small_folder(with_images=False)

    def renamed(table):
        return table.assign(rule=table.rule.replace({"untrained": "zero", "low_level": "eyes"}))

    for name in ("alignment", "training", "ranks"):
        _rewrite(folder, f"{name}.csv", renamed)
    _rewrite(folder, "contrasts.csv", lambda table: table.assign(rule_b=table.rule_b.replace("untrained", "zero")))
    results = AlignmentResult.load(folder)
    assert results.untrained == {"zero"}
    assert results.rules == ("backprop", "zero")
    assert set(results.low_level.layer) == {"pixels", "luminance", "gabor"}
    assert results.networks == ("cnn",)

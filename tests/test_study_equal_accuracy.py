"""A study that scores all checkpoints compares rules at equal accuracy, on validation samples alone."""

import copy
from pathlib import Path

import pandas as pd
import pytest

from brainalign.alignment.result import AlignmentResult
from brainalign.report import page
from brainalign.study import run_study
from brainalign.study_file import study_from_table
from brainalign.training.checkpoint import load_checkpoint
from brainalign.training.checkpoint_accuracy import checkpoint_accuracy
from tests.test_study import TABLE, Watched

STUDY = copy.deepcopy(TABLE) | {"rules": {"untrained": {}, "backprop": {}, "feedback_alignment": {}, "hebbian": {}}}
STUDY["readout_only"] = True
STUDY["training"] |= {"seeds": 3, "epochs": 4, "n_checkpoints": 40, "batch_size": 32}
STUDY["scoring"] |= {"checkpoints": "all", "ranking_layer": {"planted": "hidden1"}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_study(study_from_table(copy.deepcopy(STUDY)), tmp_path_factory.mktemp("equal"))


@pytest.fixture(scope="module")
def found(folder: Path) -> AlignmentResult:
    return AlignmentResult.load(folder)


def test_what_is_chosen_is_as_accurate_as_the_weakest_rule_on_validation_samples(
    folder: Path, found: AlignmentResult
) -> None:
    table = found.equal_accuracy.set_index("rule")
    last = found.training[found.training.step == found.training.step.max()]
    ends = last.groupby("rule", observed=True).val_accuracy.mean()
    assert table.accuracy_end.to_dict() == pytest.approx({rule: ends[rule] for rule in table.index}, abs=1e-8)
    assert set(table.target_accuracy) == {table.accuracy_end.min()}
    assert ends["readout_only"] < table.accuracy_end.min()
    for rule in table.index:
        (population,) = (folder / "populations").glob(f"{rule}-mlp-*")
        files = sorted((population / "checkpoints").glob("step-*"))
        own = checkpoint_accuracy([load_checkpoint(path) for path in files[1:]]).groupby("step").val_accuracy.mean()
        assert len(own) == len(files) - 1
        assert table.checkpoint[rule] == (own - table.target_accuracy[rule]).abs().idxmin()


def test_rules_are_tested_there_as_at_the_end(found: AlignmentResult) -> None:
    chosen = found.equal_accuracy[found.equal_accuracy.matched].set_index("rule").checkpoint
    assert {"backprop", "feedback_alignment"} <= set(chosen.index)
    contrasts = found.contrasts_at_equal_accuracy
    assert set(contrasts.kind) >= {"vs_backprop", "vs_untrained"}
    assert set(contrasts.rule_a) | set(contrasts.rule_b) == {*chosen.index, "untrained"}
    assert contrasts.p.notna().all()
    assert set(contrasts.samples) == {"leave_one_out"}
    at = (
        found.scores[found.scores.role == "trained"]
        .groupby(["rule", "layer", "checkpoint"], observed=True)
        .score.mean()
    )
    for row in contrasts[contrasts.kind == "vs_backprop"].itertuples():
        a, b = (at[rule, row.layer, chosen[rule]] for rule in (row.rule_a, row.rule_b))
        assert row.delta == pytest.approx(a - b, abs=1e-7)
    assert set(found.ranks_at_equal_accuracy.rule) <= set(chosen.index)
    assert "G9" not in set(
        found.gates_at_equal_accuracy.gate[found.gates_at_equal_accuracy.sentence.str.contains("no untrained")]
    )


def test_the_page_has_a_section_and_the_same_numbers(found: AlignmentResult, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "draw_all", lambda results: [])
    text = page.page_of(found)
    assert text.index('id="contrasts"') < text.index('id="equal-accuracy"') < text.index('id="gates"')
    section = text[text.index('id="equal-accuracy"') : text.index('id="gates"')]
    assert "ends with a validation accuracy of" in section
    assert "At equal accuracy: SIMULATED" in section
    assert f"{found.equal_accuracy.accuracy.iloc[0]:.3f}" in section


def test_run_again_it_measures_and_scores_nothing(folder: Path) -> None:
    names = ("equal_accuracy.csv", "contrasts_at_equal_accuracy.csv", "ranks_at_equal_accuracy.csv")
    before, watched = [(folder / name).read_bytes() for name in names], Watched()
    kept = sorted((folder / "cache").glob("accuracy-*"))
    assert len(kept) == len(pd.read_csv(folder / "training.csv").rule.unique()) - 2  # rules that teach hidden layers
    run_study(study_from_table(copy.deepcopy(STUDY)), folder, progress=watched)
    assert watched.texts == []
    assert [(folder / name).read_bytes() for name in names] == before
    assert sorted((folder / "cache").glob("accuracy-*")) == kept

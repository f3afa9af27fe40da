"""A study that scores all checkpoints compares rules at equal accuracy, on validation samples alone."""

import copy
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from brainalign import study as study_module
from brainalign.alignment import equal_checkpoints
from brainalign.alignment.equal_checkpoints import EqualCheckpoints
from brainalign.alignment.result import AlignmentResult
from brainalign.report import page
from brainalign.rules.learning_rule import learning_rule
from brainalign.specs import TrainSpec
from brainalign.study import run_study
from brainalign.study_file import study_from_table
from brainalign.training.checkpoint import load_checkpoint
from brainalign.training.checkpoint_accuracy import checkpoint_accuracy
from brainalign.training.readout import StudyControls
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
    rules = {name.name.split("-")[1] for name in kept}  # those that teach hidden layers, and their control
    assert rules == set(pd.read_csv(folder / "training.csv").rule) - {"untrained"}
    run_study(study_from_table(copy.deepcopy(STUDY)), folder, progress=watched)
    assert watched.texts == []
    assert [(folder / name).read_bytes() for name in names] == before
    assert sorted((folder / "cache").glob("accuracy-*")) == kept


def test_ranks_there_are_decided_on_validation_samples_at_the_checkpoint(
    folder: Path, found: AlignmentResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    controls = study_module.study_controls

    def on_test_samples(trained: list[tuple[TrainSpec, pd.DataFrame]]) -> StudyControls:
        return replace(controls(trained), unlearned={"mlp": ("backprop",)})

    monkeypatch.setattr(study_module, "study_controls", on_test_samples)
    copied = shutil.copytree(folder, tmp_path / folder.name)
    again = AlignmentResult.load(run_study(study_from_table(copy.deepcopy(STUDY)), copied))
    assert "backprop" in set(found.ranks.rule) & set(found.ranks_at_equal_accuracy.rule)
    assert "backprop" not in set(again.ranks.rule)
    pd.testing.assert_frame_equal(again.ranks_at_equal_accuracy, found.ranks_at_equal_accuracy)


def _moment(rule: str, step: int) -> Any:
    """Return what is known of a checkpoint before its weights are looked at."""
    return SimpleNamespace(
        spec=TrainSpec(rule, "mlp", "digits"), rule=learning_rule(rule), network=SimpleNamespace(name="mlp"), step=step
    )


@pytest.mark.parametrize(
    ("control", "unlearned"),
    [
        ({10: 0.3, 20: 0.8}, {}),  # that readout only is better later is no matter
        ({10: 0.5, 20: 0.5}, {"mlp": ("backprop",)}),
        ({5: 0.3, 20: 0.8}, {"mlp": ("backprop",)}),  # its next checkpoint where it has none at that step
        ({}, {}),
    ],
    ids=["below", "above", "next", "none"],
)
def test_a_checkpoint_beside_readout_only_after_as_many_steps(
    control: dict[int, float], unlearned: dict[str, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    accuracy = {"backprop": {10: 0.4, 20: 0.9}, "hebbian": {20: 0.4, 30: 0.41}, "readout_only": {**control, 30: 0.2}}

    def measured(cache: Path, checkpoints: list[Any], data_dir: str | None) -> pd.DataFrame:
        rows = [
            {"rule": one.spec.rule, "network": "mlp", "seed": seed, "step": one.step,
             "val_accuracy": accuracy[one.spec.rule][one.step] + 0.001 * seed * (1 + seed)}
            for one in checkpoints for seed in range(3)
        ]  # fmt: skip
        return pd.DataFrame(rows)

    monkeypatch.setattr(equal_checkpoints, "kept_accuracy", measured)
    steps = {"backprop": [0, 10, 20], "hebbian": [0, 20, 30], "readout_only": [*control, 30] if control else []}
    populations = [[_moment(rule, step) for step in own] for rule, own in steps.items() if own]
    equal = EqualCheckpoints.of(populations, {}, tmp_path)
    assert [(one.spec.rule, one.step) for (one,) in equal.checkpoints] == [("backprop", 10), ("hebbian", 30)]
    assert equal.unlearned == unlearned
    assert EqualCheckpoints.of(populations[:2], {}, tmp_path, None, populations[2:]).unlearned == unlearned

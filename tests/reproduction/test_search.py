"""Searching options: ranking on validation samples, resuming, and nothing of the test split."""

from pathlib import Path

import pandas as pd
import pytest

import brainalign.reproduction.search as module
from brainalign.errors import DivergenceError, SpecError
from brainalign.reproduction.presets import Preset
from brainalign.reproduction.search import at_the_edge, found_text, search, without_effect
from brainalign.specs import TrainSpec

SPEC = TrainSpec("backprop", "mlp", "digits", network_options={"widths": [8]}, epochs=1, batch_size=64, seeds=(0, 1))
CHOSEN = Preset("tiny", "backprop", SPEC, "by hand")
GRID = {"learning_rate": [1e-5, 0.03, 1e-3]}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[TrainSpec]:
    """Specifications that were trained, in order."""
    seen: list[TrainSpec] = []
    train = module.train

    def counting(spec: TrainSpec, *rest: object) -> object:
        seen.append(spec)
        return train(spec, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "train", counting)
    return seen


def test_candidates_are_ranked_by_validation_accuracy_without_a_trace_of_the_test_split(
    tmp_path: Path, counted: list[TrainSpec]
) -> None:
    ranked = search(CHOSEN, GRID, tmp_path)
    assert ranked.learning_rate[0] == 0.03
    assert ranked.val_accuracy.is_monotonic_decreasing
    assert {spec.seeds for spec in counted} == {(100,)}
    assert set(ranked.status) == {"finished"}
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["backprop.csv"]
    table = pd.read_csv(tmp_path / "tiny" / "backprop.csv")
    assert not [name for name in (*table.columns, *ranked.columns) if "test" in name]
    assert len(table) == 3


def test_a_finished_candidate_is_not_trained_again_and_a_wider_grid_goes_on(
    tmp_path: Path, counted: list[TrainSpec]
) -> None:
    first = search(CHOSEN, GRID, tmp_path)
    again = search(CHOSEN, GRID, tmp_path)
    pd.testing.assert_frame_equal(first, again)
    assert len(counted) == 3
    wider = search(CHOSEN, {"learning_rate": [1e-3, 0.01]}, tmp_path)
    assert len(counted) == 4
    assert sorted(wider.learning_rate) == [1e-3, 0.01]  # only candidates of this grid
    search(CHOSEN, GRID, tmp_path, seed=101)
    assert len(counted) == 7


def test_each_candidate_is_noted_as_it_comes_and_an_interrupted_search_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, calls = module.train, []

    def interrupted(spec: TrainSpec, *rest: object) -> object:
        calls.append(spec.learning_rate)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return train(spec, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search(CHOSEN, GRID, tmp_path)
    assert len(pd.read_csv(tmp_path / "tiny" / "backprop.csv")) == 1
    assert len(search(CHOSEN, GRID, tmp_path)) == 3
    assert calls == [1e-5, 0.03, 0.03, 1e-3]


def test_settings_of_rule_and_network_are_crossed(tmp_path: Path, counted: list[TrainSpec]) -> None:
    chosen = Preset("tiny", "fa", TrainSpec("feedback_alignment", "mlp", "digits", batch_size=64), "by hand")
    grid = {"rule.scale": [0.5, 1.0], "network.widths": [[4], [8, 4]]}
    ranked = search(chosen, grid, tmp_path, epochs=0.4, n_train=200)
    assert len(ranked) == 4
    assert {(s.rule_options["scale"], tuple(s.network_options["widths"])) for s in counted} == {
        (0.5, (4,)), (1.0, (4,)), (0.5, (8, 4)), (1.0, (8, 4)),
    }  # fmt: skip
    assert {(s.epochs, s.n_train) for s in counted} == {(0.4, 200)}
    assert set(ranked["network.widths"]) == {"[4]", "[8, 4]"}


def test_a_candidate_that_diverges_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = module.train

    def diverging(spec: TrainSpec, *rest: object) -> object:
        if spec.learning_rate == 1e-5:
            raise DivergenceError
        return train(spec, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "train", diverging)
    ranked = search(CHOSEN, GRID, tmp_path)
    assert list(ranked.status) == ["finished", "finished", "diverged"]
    assert ranked.val_accuracy.isna().tolist() == [False, False, True]
    only = search(CHOSEN, {"learning_rate": [1e-5]}, tmp_path)
    assert found_text(only, {"learning_rate": [1e-5]}) == "every candidate diverged"
    assert at_the_edge(only, {"learning_rate": [1e-5]}) == []


def test_reconstruction_is_ranked_by_validation_loss(tmp_path: Path) -> None:
    spec = TrainSpec(
        "backprop", "mlp", "digits", network_options={"widths": [8]}, batch_size=64, objective="reconstruction"
    )
    ranked = search(Preset("tiny", "auto", spec, "by hand"), {"learning_rate": [1e-5, 0.01]}, tmp_path, epochs=1)
    assert ranked.learning_rate.tolist() == [0.01, 1e-5]
    assert ranked.val_accuracy.isna().all()
    assert "validation loss" in found_text(ranked, {"learning_rate": [1e-5, 0.01]})


def test_the_line_says_grid_epochs_seed_and_accuracy_and_an_edge_is_named() -> None:
    grid = {"learning_rate": [0.001, 0.01, 0.1], "rule.scale": [0.5, 1.0]}
    best = {"learning_rate": 0.1, "rule.scale": 1.0, "epochs": 3.0, "seed": 100, "n_train": 5000}
    ranked = pd.DataFrame([{**best, "val_accuracy": 0.91234, "val_loss": 0.3, "status": "finished"}])
    assert found_text(ranked, grid) == (
        "learning_rate {0.001, 0.01, 0.1} x rule.scale {0.5, 1}; 3 epochs of 5000 training samples, seed 100; "
        "validation accuracy 0.9123"
    )
    assert at_the_edge(ranked, grid) == ["learning_rate"]  # of two values both are edges
    assert at_the_edge(ranked.assign(learning_rate=0.01), grid) == []


def test_an_option_whose_values_give_the_same_networks_is_named(tmp_path: Path) -> None:
    rows = [
        {"learning_rate": rate, "rule.threshold": threshold, "val_accuracy": 0.5 + rate, "val_loss": 1.0 - rate}
        for rate in (0.1, 0.2)
        for threshold in (0.3, 1.0)
    ]
    grid = {"learning_rate": [0.1, 0.2], "rule.threshold": [0.3, 1.0]}
    ranked = pd.DataFrame(rows)
    assert without_effect(ranked, grid) == ["rule.threshold"]
    ranked.loc[0, "val_loss"] += 1e-9
    assert without_effect(ranked, grid) == []
    real = search(CHOSEN, {"learning_rate": [0.01], "clip": [100.0, 200.0]}, tmp_path, epochs=1)
    assert without_effect(real, {"learning_rate": [0.01], "clip": [100.0, 200.0]}) == ["clip"]


@pytest.mark.parametrize(
    ("grid", "seed", "message"),
    [
        (GRID, 1, "Seed 1 is among those of preset 'tiny/backprop'"),
        ({"learning_rate": 0.1}, 100, "expected a list of values"),
        ({"learning_rate": []}, 100, "expected a list of values"),
        ({}, 100, "The grid is empty"),
        ({"seeds": [[1], [2]]}, 100, "which all candidates share"),
        ({"lr": [1]}, 100, "unknown key 'lr'"),
        ({"rule.scale": [1]}, 100, "Unknown option 'scale' of 'backprop'"),
    ],
)
def test_a_search_that_cannot_be_run_is_refused_before_anything_is_trained(
    tmp_path: Path, counted: list[TrainSpec], grid: dict[str, list[object]], seed: int, message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        search(CHOSEN, grid, tmp_path, seed=seed)
    assert not counted
    assert not list(tmp_path.iterdir())


def test_without_validation_samples_nothing_can_be_chosen(tmp_path: Path) -> None:
    spec = TrainSpec("backprop", "mlp", "digits", validation_fraction=0)
    with pytest.raises(SpecError, match="validation_fraction is 0"):
        search(Preset("tiny", "backprop", spec, "by hand"), GRID, tmp_path)

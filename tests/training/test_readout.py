"""Readout only: a control whose hidden weights never move, and who exceeds it."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from brainalign.alignment.instance import role_of
from brainalign.columns import READOUT_ONLY
from brainalign.rules.backprop import Backprop
from brainalign.rules.learning_rule import learning_rule
from brainalign.rules.readout_only import ReadoutOnly
from brainalign.specs import TrainSpec
from brainalign.training.readout import (
    StudyControls,
    control_lines,
    exceeds_readout,
    final_scores,
    has_control,
    is_control_of,
    readout_spec,
    study_controls,
    train_control,
    train_study_controls,
)
from brainalign.training.runtime import Runtime
from brainalign.training.train import train
from tests.small import NETWORKS, batch, instance, largest_difference, network


@pytest.mark.parametrize("name", NETWORKS)
def test_the_readout_gets_the_exact_gradient_and_nothing_else_moves(name: str) -> None:
    net, rule, data = network(name), ReadoutOnly(), batch()
    params, state = instance(net, rule, 0)
    step, exact = rule.step(net, params, state, data, {}), Backprop().step(net, params, state, data, {})
    assert set(step.updates) == set(net.blocks[-1].parameters())
    assert largest_difference(step.updates, {name: exact.updates[name] for name in step.updates}) < 1e-12
    assert largest_difference(step.state, exact.state) < 1e-12 if exact.state else step.state == {}


def test_it_is_a_control_with_a_role_of_its_own(tmp_path: Path) -> None:
    spec = TrainSpec("readout_only", "mlp", "digits", network_options={"widths": (8,)}, seeds=(0,), epochs=0.5)
    trained = train(spec, tmp_path)
    assert role_of(trained.checkpoint) == READOUT_ONLY
    first, last = train(spec, tmp_path).checkpoint, trained.checkpoint
    assert torch.equal(first.params["hidden1.weight"], last.params["hidden1.weight"])
    assert not has_control(spec)
    assert not has_control(TrainSpec("untrained", "mlp", "digits"))
    assert has_control(TrainSpec("hebbian", "mlp", "digits"))


def test_who_exceeds_it_is_a_paired_interval_over_seeds() -> None:
    control = {seed: 0.90 + 0.01 * seed for seed in range(5)}
    better = {seed: score + 0.01 + 0.001 * (seed % 2) for seed, score in control.items()}
    found = exceeds_readout(better, control)
    assert found.exceeds
    # By hand: differences .010, .011, .010, .011, .010; mean .0104, s.d. .000548, t(.975, 4) = 2.776.
    assert (found.difference, found.low, found.high) == pytest.approx((0.0104, 0.0097199, 0.0110801), abs=1e-6)
    noisy = {seed: score + (0.05 if seed == 0 else 0.0) for seed, score in control.items()}
    assert exceeds_readout(noisy, control).exceeds is False
    assert "WARNING: x does not exceed readout only" in exceeds_readout(noisy, control).sentence("x")
    two = exceeds_readout({0: 0.9, 1: 0.9}, control)
    assert two.exceeds is None
    assert "no test with 2 seeds, expected 3" in two.sentence("x")
    with pytest.raises(ValueError, match=r"The rule has seeds \[7\] and readout only \[0\]; expected some in common"):
        exceeds_readout({7: 0.1}, {0: 0.1})


def test_the_control_has_the_same_networks_and_batches_and_is_trained_once(tmp_path: Path) -> None:
    spec = TrainSpec(
        "hebbian", "mlp", "digits", rule_options={"rate": 0.0}, network_options={"widths": (8,)}, seeds=(1, 2, 3),
        epochs=0.5, batch_size=64, learning_rate=7.0,
    )  # fmt: skip
    control = readout_spec(spec)
    assert (control.network_options, control.seeds, control.batch_size) == ({"widths": [8]}, (1, 2, 3), 64)
    assert control.learning_rate == ReadoutOnly.recommended["mlp"]["learning_rate"] != 7.0
    first = train_control(spec, tmp_path, Runtime())
    seen: list[int] = []
    again = train_control(spec, tmp_path, Runtime(), lambda *_: seen.append(1))
    assert not seen
    assert final_scores(first) == final_scores(again)
    assert sorted(final_scores(first)) == [1, 2, 3]
    (line,) = control_lines("hebbian", first, first)
    assert line.startswith("WARNING: hebbian does not exceed readout only after as many steps")


def test_losses_are_compared_where_there_are_no_classes(tmp_path: Path) -> None:
    spec = TrainSpec("backprop", "mlp", "diabetes", network_options={"widths": (8,)}, seeds=(0, 1, 2), epochs=1)
    spec = TrainSpec(**{**vars(spec), "batch_size": 32})
    ours, control = train(spec, tmp_path / "ours").history, train_control(spec, tmp_path, Runtime())
    (line,) = control_lines("backprop", ours, control)
    assert "test loss" in line
    assert "readout only" in line


def test_a_rule_on_file_has_its_own_plasticity_off() -> None:
    for name in ("hebbian", "stdp", "reward_modulated_stdp"):
        rule = learning_rule(name)
        assert learning_rule(name, dict(rule.plasticity_off)) != rule


def _history(score: float, step: int = 10, validation: float | None = 0.5) -> pd.DataFrame:
    seeds = range(3)
    return pd.DataFrame(
        {"seed": seeds, "step": step, "test_accuracy": [score + 0.001 * seed for seed in seeds], "test_loss": 1.0}
        | {"val_accuracy": [None if validation is None else validation + 0.001 * seed for seed in seeds]}
        | {"val_loss": [None] * 3}
    )


def test_who_takes_part_at_equal_accuracy_is_told_by_validation_samples_alone() -> None:
    specs = {rule: TrainSpec(rule, "mlp", "digits") for rule in ("backprop", "hebbian", "readout_only")}
    for validation, left_out in ((0.6, {}), (0.4, {"mlp": ("hebbian",)}), (None, {})):
        trained = [
            (specs["backprop"], _history(0.5, validation=0.9)),
            (specs["hebbian"], _history(0.95, validation=validation)),
            (specs["readout_only"], _history(0.9, validation=None if validation is None else 0.5)),
        ]
        found = study_controls(trained)
        assert found.unlearned_in_validation == left_out
        assert found.unlearned == {"mlp": ("backprop",)}
    two = [(spec, own.iloc[:2]) for spec, own in trained]  # too few seeds for a test: means decide
    two[1] = (specs["hebbian"], _history(0.95, validation=0.4).iloc[:2])
    two[2] = (specs["readout_only"], _history(0.9, validation=0.5).iloc[:2])
    assert study_controls(two).unlearned_in_validation == {"mlp": ("hebbian",)}


def test_a_study_warns_of_rules_that_do_not_exceed_it() -> None:
    specs = {rule: TrainSpec(rule, "mlp", "digits") for rule in ("backprop", "hebbian", "untrained", "readout_only")}
    alone = [(specs["backprop"], _history(0.95))]
    assert study_controls(alone) == StudyControls((), {})
    both = [*alone, (specs["hebbian"], _history(0.5)), (specs["untrained"], _history(0.1))]
    found = study_controls([*both, (specs["readout_only"], _history(0.9))])
    (line,) = found.lines
    assert line.startswith("WARNING: hebbian on mlp does not exceed readout only after as many steps: 50.1 % against")
    assert found.unlearned == {"mlp": ("hebbian",)}
    other = study_controls([*alone, (specs["readout_only"], _history(0.9, step=40))])
    assert other.lines[0].startswith("backprop on mlp took 10 steps and readout only 40: not compared.")
    assert other.unlearned == {}


def test_a_rule_is_compared_with_the_control_of_its_own_number_of_steps(tmp_path: Path) -> None:
    few, many = (TrainSpec("hebbian", "mlp", "digits", batch_size=size) for size in (128, 32))
    controls = [(readout_spec(few), _history(0.4)), (readout_spec(many), _history(0.9, step=40))]
    found = study_controls([(few, _history(0.5)), *controls])
    assert (found.lines, found.unlearned) == ((), {})
    found = study_controls([(many, _history(0.5, step=40)), *controls])
    assert found.unlearned == {"mlp": ("hebbian",)}
    small = {"network_options": {"widths": (8,)}, "seeds": (0, 1, 2), "epochs": 0.5}
    few, many = (TrainSpec("hebbian", "mlp", "digits", batch_size=size, **small) for size in (128, 32))
    assert train_study_controls([few, many], tmp_path, Runtime()) == []  # a study without that control asks for none
    (control,) = train_study_controls([few, many, readout_spec(few)], tmp_path, Runtime())
    assert control.checkpoint.spec.batch_size == 32
    assert len(control.history)
    assert is_control_of(control.checkpoint.spec, many)
    assert not is_control_of(control.checkpoint.spec, few)
    assert not is_control_of(many, many)

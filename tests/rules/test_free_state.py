"""Equilibrium propagation's free state: how far from rest it is, and a number of steps that brings it there."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from brainalign.activations import Activations, extract
from brainalign.datasets.dataset import dataset
from brainalign.errors import SpecError
from brainalign.rules.equilibrium_propagation import EquilibriumPropagation
from brainalign.specs import TrainSpec
from brainalign.training.checkpoint import load_checkpoint
from brainalign.training.train import train
from tests.small import batch, instance, network

SPEC = TrainSpec(
    "equilibrium_propagation",
    "mlp",
    "digits",
    rule_options={"rest": 0.01},
    network_options={"widths": (24, 16)},
    seeds=(3, 4),
    epochs=0.5,
    n_checkpoints=2,
)


@pytest.mark.parametrize(("name", "gain"), [("mlp", 1.0), ("cnn", 0.2)])
def test_the_residual_falls_with_the_steps_and_the_chosen_number_reaches_rest(name: str, gain: float) -> None:
    net, x = network(name), batch(32, dtype=torch.float32).x
    left = []
    for steps in (1, 5, 20, 80):
        rule = EquilibriumPropagation(free_steps=steps, gain=gain)
        params, state = instance(net, rule, 0, torch.float32)
        left.append(float(rule.residual(net, params, state, x).max()))
    assert left[0] > 0.02
    assert left == sorted(left, reverse=True)
    assert left[-1] < 0.05 * left[0]
    chosen = EquilibriumPropagation(rest=0.01, gain=gain).prepared(net, x)
    fewer = replace(chosen, free_steps=max(chosen.free_steps // 2, 1))
    params, state = instance(net, chosen, 0, torch.float32)
    assert 1 < chosen.free_steps < 200
    at_rest, before = (float(rule.residual(net, params, state, x).max()) for rule in (chosen, fewer))
    assert at_rest < 0.02  # networks differ a little in how fast they settle
    assert before > at_rest


def test_checkpoints_and_activations_keep_what_was_found(tmp_path: Path) -> None:
    trained = train(SPEC, tmp_path)
    steps = trained.checkpoint.rule.free_steps
    assert steps != EquilibriumPropagation().free_steps
    kept = load_checkpoint(trained.files[-1])
    assert (kept.rule.free_steps, kept.found) == (steps, {"free_steps": steps})
    assert train(SPEC, tmp_path).checkpoint.rule.free_steps == steps
    stimuli = dataset("digits").test_stimuli(20, 0)
    one, _ = extract(kept, stimuli)
    assert one.residual.shape == (len(stimuli),)
    assert 0 < one.residual.max() < 0.05
    one.save(tmp_path / "shown.safetensors")
    np.testing.assert_array_equal(Activations.load(tmp_path / "shown.safetensors").residual, one.residual)
    np.testing.assert_array_equal(one.subset(stimuli.ids[5:9]).residual, one.residual[5:9])


def test_without_rest_nothing_is_chosen_and_checkpoints_say_nothing() -> None:
    rule = EquilibriumPropagation()
    assert rule.prepared(network("mlp"), batch(8, dtype=torch.float32).x) is rule
    energy = EquilibriumPropagation(energy="prediction", rest=0.01)
    net = network("rnn")
    assert energy.prepared(net, batch().x) is energy
    assert energy.residual(net, *instance(net, energy, 0), batch().x) is None


def test_what_never_rests_is_refused() -> None:
    rule = EquilibriumPropagation(rest=0.001, activation="hard_tanh")
    with pytest.raises(SpecError, match=r"Option rest is 0.001; after 200 steps free states are still .* from rest"):
        rule.prepared(network("cnn"), batch(32, dtype=torch.float32).x)

"""The way back across every block: shapes, kinds and angles."""

import pytest
import torch

from brainalign.credit.feedback_stage import draw_path, feedback_path, path_angles, path_cost
from brainalign.rules.backprop import Backprop
from tests.small import NETWORKS, instance, network


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("bias", [False, True])
def test_a_stage_leads_from_the_shape_of_an_output_to_that_of_the_input(name: str, bias: bool) -> None:
    net = network(name)
    stages = feedback_path(net, bias=bias)
    weights = draw_path(stages, torch.Generator().manual_seed(0))
    assert [stage.block for stage in stages] == [block.name for block in net.blocks]
    signal = torch.randn(3, *net.output_shapes[-1])
    for stage in reversed(stages):
        assert tuple(signal.shape[1:]) == stage.above
        signal = stage.current(weights, signal)
        assert tuple(signal.shape) == (3, *stage.below)
    assert tuple(signal.shape[1:]) == net.task.input_shape
    assert any(n.endswith(".bias") for n in weights) is bias


def test_kinds_follow_from_shapes() -> None:
    kinds = {stage.block: stage.synapse.kind for stage in feedback_path(network("cnn"))}
    assert kinds == {"conv1": "conv2d", "conv2": "conv2d", "hidden": "linear", "readout": "linear"}
    tokens = {stage.block: stage.synapse.n_in for stage in feedback_path(network("transformer"))}
    assert tokens["layer1"] == 8  # every token alike
    assert tokens["embed"] == 4 * 8  # four tokens of eight features, back to the image


def test_dense_stage_is_a_product_and_costs_its_weights() -> None:
    net = network("mlp")
    stage = feedback_path(net)[1]
    weights = draw_path((stage,), torch.Generator().manual_seed(0))
    signal = torch.randn(3, 9)
    torch.testing.assert_close(stage.current(weights, signal), signal @ weights["feedback/hidden2.weight"].T)
    assert path_cost(stage) == 9 * 12


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_a_transposed_path_has_no_angle_to_the_weights(name: str) -> None:
    net = network(name)
    params, _ = instance(net, Backprop(), 0)
    stages = feedback_path(net)
    mirrored = {}
    for stage, block in zip(stages, net.blocks, strict=True):
        weight = params[block.synapses[0].weight_name].transpose(0, 1)
        mirrored[stage.synapse.weight_name] = weight.flip(-1, -2) if weight.ndim == 4 else weight
    angles = path_angles(net, params, mirrored, stages)
    assert set(angles) == set(net.layers)
    assert all(float(a) < 1e-5 for a in angles.values())
    drawn = {n: t.double() for n, t in draw_path(stages, torch.Generator().manual_seed(0)).items()}
    assert all(60 < float(a) < 120 for a in path_angles(net, params, drawn, stages).values())

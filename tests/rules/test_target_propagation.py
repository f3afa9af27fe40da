"""Target propagation where its inverses are exact, and the learning of inverses."""

from dataclasses import replace

import pytest
import torch
from linear_chain import exact_inverses, linear_chain

from brainalign.credit.chain import blockwise
from brainalign.credit.targets import (
    activity_noise,
    learn_to_reconstruct,
    plain_errors,
    respond_again,
    stage_weights,
    top_error,
)
from brainalign.errors import SpecError
from brainalign.networks.wiring import Wiring
from brainalign.rules.backprop import Backprop
from brainalign.rules.target_propagation import TargetPropagation
from tests.small import NETWORKS, TASK, batch, instance, network, noise


def test_with_perfect_inverses_a_met_target_is_met_everywhere() -> None:
    net, rule = linear_chain(), TargetPropagation(activation="linear", feedback_steps=0)
    params, state = instance(net, rule, 0)
    outputs, _, _ = blockwise(net, params, state, batch().x)
    nothing = torch.zeros_like(outputs[-1])
    for state_now, met in ((exact_inverses(net, params, state), True), (state, False)):

        def send(stage, target, state_now=state_now):
            return stage.current(state_now, target)

        errors = plain_errors(rule.stages(net), outputs, nothing, send)
        assert (max(float(error.abs().max()) for error in errors) < 1e-9) is met


def test_targets_of_perfect_inverses_lead_to_the_target_of_the_output() -> None:
    net, rule, data = linear_chain(), TargetPropagation(activation="linear", feedback_steps=0), batch()
    params, state = instance(net, rule, 0)
    state = exact_inverses(net, params, state)
    outputs, _, _ = blockwise(net, params, state, data.x)
    top = top_error(net.task, outputs[-1], data, 0.7)
    errors = plain_errors(rule.stages(net), outputs, top, lambda stage, target: stage.current(state, target))
    for k, (output, error) in enumerate(zip(outputs, errors, strict=True)):
        above = replace(net, blocks=net.blocks[k + 1 :]).forward(params, output - error, Wiring(state))
        torch.testing.assert_close(above, outputs[-1] - top, rtol=0, atol=1e-9)


def test_without_an_error_reconstruction_still_moves_hidden_blocks() -> None:
    """What difference target propagation was invented against."""
    task = replace(TASK, objective="regression")
    net, rule = replace(network("mlp"), task=task), TargetPropagation()
    params, state = instance(net, rule, 0)
    data = batch()
    data = data._replace(y=net.forward(params, data.x, Wiring(state)))
    updates = rule.step(net, params, state, data, noise(rule, net)).updates
    assert updates["readout.weight"].abs().max() < 1e-12
    assert updates["hidden1.weight"].abs().max() > 1e-3


@pytest.mark.parametrize("name", NETWORKS)
def test_readout_update_equals_backprop(name: str) -> None:
    net, rule, data = network(name), TargetPropagation(), batch()
    params, state = instance(net, rule, 0)
    mine = rule.step(net, params, state, data, noise(rule, net)).updates
    exact = Backprop().step(net, params, state, data, {}).updates
    for own in net.blocks[-1].parameters():
        torch.testing.assert_close(mine[own], exact[own], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_learning_the_path_lowers_the_error_of_reconstruction(name: str) -> None:
    net, rule, data = network(name), TargetPropagation(activation="linear"), batch()
    params, state = instance(net, rule, 0)
    stages = rule.stages(net)
    outputs, _, _ = blockwise(net, params, state, data.x)
    draws = activity_noise(stages, 12, 0.1, 30, torch.Generator().manual_seed(1))

    def losses(state: dict) -> list[float]:
        again = [respond_again(net, params, state, stage, below) for stage, below in zip(stages, outputs, strict=False)]
        return [
            float((stage.current(state, above) - below).square().mean())
            for stage, above, below in zip(stages, again, outputs, strict=False)
        ]

    learned = learn_to_reconstruct(net, params, state, stages, outputs, draws, lambda x: x, 1.0)
    assert learned.keys() == {name for stage in stages for name in stage_weights(stage, state)}
    for after, before in zip(losses({**state, **learned}), losses(state), strict=True):
        assert after < 0.9 * before


def test_statistics_of_the_noisy_pass_are_not_kept() -> None:
    net, data = network("cnn"), batch()
    rule = TargetPropagation(noise_size=5.0)
    params, state = instance(net, rule, 0)
    new = rule.step(net, params, state, data, noise(rule, net)).state
    exact = Backprop().step(net, params, state, data, {}).state
    for name, statistic in exact.items():
        assert torch.equal(new[name], statistic)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"step_size": 0}, "Option step_size is 0; expected a number above 0."),
        ({"activation": "cube"}, "Option activation is 'cube'; expected one of: relu, elu, gelu, tanh, linear."),
        ({"feedback_steps": 0.5}, "Option feedback_steps is 0.5; expected a whole number, 0 or more."),
    ],
)
def test_bad_options_give_one_line(options: dict, line: str) -> None:
    with pytest.raises(SpecError) as raised:
        TargetPropagation(**options)
    assert str(raised.value) == line

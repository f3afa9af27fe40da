"""Multiply-adds counted by hand, and by what a step does."""

import pytest
from torch.utils.flop_counter import FlopCounterMode

from brainalign.credit.cost import backprop_cost, direct_cost, forward_cost, local_cost
from brainalign.datasets.task import Task
from brainalign.networks.architecture import architecture
from brainalign.rules.learning_rule import learning_rule
from tests.small import batch, instance, network, noise


def test_dense_network() -> None:
    net = network("mlp")  # 64-12-9-5
    assert forward_cost(net) == {"hidden1": 64 * 12, "hidden2": 12 * 9, "readout": 9 * 5}
    total = 64 * 12 + 12 * 9 + 9 * 5
    assert backprop_cost(net) == 3 * total - 64 * 12  # the first layer sends no error on
    assert local_cost(net) == 2 * total
    assert direct_cost(net) == 2 * total + 5 * (12 + 9)


def test_convolutions_count_every_place_and_time_steps_every_step() -> None:
    cnn = architecture("cnn", {"channels": (4,), "hidden": 0, "normalisation": "none"}).build(Task((3, 8, 8), 5, 1))
    assert forward_cost(cnn) == {"conv1": 8 * 8 * 4 * 3 * 9, "readout": 4 * 4 * 4 * 5}
    rnn = architecture("rnn", {"widths": (10,)}).build(Task((1, 8, 8), 5, 1))  # rows of 8, the first without a past
    assert forward_cost(rnn) == {"rnn1.input": 8 * 8 * 10, "rnn1.recurrent": 7 * 10 * 10, "readout": 10 * 5}


def test_inside_a_block_of_several_synapses_errors_still_travel() -> None:
    rnn = architecture("rnn", {"widths": (10,)}).build(Task((1, 8, 8), 5, 1))
    forward = forward_cost(rnn)
    assert local_cost(rnn) == 2 * sum(forward.values()) + forward["rnn1.recurrent"]


_FAMILY: dict[str, tuple[dict[str, object], ...]] = {
    "backprop": ({},),
    "counter_current": (
        {},
        {"matching": "classes", "similarity": "product"},
        {"separation": 0.5},
        {"feedback_rate": 0.0, "separation": 0.5},
    ),
    "delayed_feedback": ({}, {"error_information": "zeros"}),
    "difference_target_propagation": ({}, {"feedback_steps": 3}),
    "direct_feedback_alignment": ({},),
    "direct_random_target_projection": ({},),
    "feedback_alignment": ({},),
    "fixed_weight_target_propagation": ({},),
    "kolen_pollack": ({},),
    "local_difference_reconstruction": ({}, {"feedback_steps": 0}),
    "local_losses": ({}, {"loss": "pred"}, {"loss": "sim"}, {"backprop_free": True}),
    "sign_symmetry": ({},),
    "target_propagation": ({}, {"feedback_steps": 0}),
    "weight_mirror": ({},),
}


@pytest.mark.parametrize(("name", "options"), [(name, own) for name, several in _FAMILY.items() for own in several])
def test_a_step_makes_exactly_the_products_that_theory_counts(name: str, options: dict) -> None:
    net, rule = network("mlp"), learning_rule(name, options)
    params, state = instance(net, rule, 0)
    with FlopCounterMode(display=False) as counter:
        rule.step(net, params, state, batch(12), noise(rule, net, 12))
    assert rule.multiply_adds(net, 12) == counter.get_total_flops() / (2 * 12)

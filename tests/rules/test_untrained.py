"""The control changes nothing and starts where every other rule starts."""

import torch

from brainalign.rules.backprop import Backprop
from brainalign.rules.feedback_alignment import FeedbackAlignment
from brainalign.rules.untrained import Untrained
from tests.small import batch, instance, network


def test_no_update_and_no_new_state() -> None:
    net, rule = network("cnn"), Untrained()
    step = rule.step(net, *instance(net, rule, 0), batch(), {})
    assert step.updates == {}
    assert step.state == {}


def test_every_rule_starts_from_the_same_weights() -> None:
    net = network("cnn")
    control, *others = (instance(net, rule, 3)[0] for rule in (Untrained(), Backprop(), FeedbackAlignment()))
    for other in others:
        assert all(torch.equal(control[name], other[name]) for name in control)

"""Every step stays on its device: no tensor of another one, and nothing that waits for the device's numbers.

Tensors are on the meta device, which has shapes and no values, so that a value that is asked for cannot be given.
"""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from brainalign.credit.batch import Batch
from brainalign.rules.learning_rule import LearningRule, learning_rule, learning_rules
from tests.small import FINEST, batch, instance, network, noise

#: Operations that read a number from the device, and so wait for it.
_WAITING = ("aten::_local_scalar_dense", "aten::equal", "aten::nonzero", "aten::unique_dim", "aten::masked_select")


class OneDevice(TorchDispatchMode):
    """Refuses operations on another device than ``meta``, and those that wait for a number."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name().partition(".")[0]
        if name in _WAITING:
            msg = f"{name} waits for the device"
            raise AssertionError(msg)
        result = func(*args, **(kwargs or {}))
        tensors = [t for t in tree_leaves((args, kwargs, result)) if isinstance(t, Tensor)]
        # Where there is no slope, automatic differentiation has a zero that is no memory on any device.
        found = {t.device.type for t in tensors if not t._is_zerotensor()}
        if found - {"meta"}:
            msg = f"{name} has tensors on {', '.join(sorted(found))}"
            raise AssertionError(msg)
        return result


def _there(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.to("meta") for name, tensor in tensors.items()}


def _step(rule: LearningRule, name: str) -> None:
    net = network(name)
    net.output_shapes  # noqa: B018 -- drawn once, on the CPU
    params, state = instance(net, rule, 0)
    data, drawn = batch(12), noise(rule, net, 12)
    arguments = _there(params), _there(state), Batch(*(tensor.to("meta") for tensor in data)), _there(drawn)
    with OneDevice():
        step = rule.step(net, *arguments)
        shown = rule.respond(net, arguments[0], arguments[1], arguments[2].x)
    for group in (step.updates, step.state, step.metrics, shown):
        assert {tensor.device.type for tensor in group.values()} <= {"meta"}


@pytest.mark.parametrize("name", FINEST)
@pytest.mark.parametrize("rule", learning_rules())
def test_a_step_and_an_answer_stay_on_their_device(rule: str, name: str) -> None:
    built = learning_rule(rule)
    if built.incompatibility(network(name)):
        built = learning_rule(rule, {"energy": "prediction"}) if rule == "equilibrium_propagation" else built
    if reason := built.incompatibility(network(name)):
        pytest.skip(reason)
    _step(built, name)


@pytest.mark.parametrize("name", FINEST)
@pytest.mark.parametrize(
    ("rule", "options"),
    [
        ("predictive_coding", {"variant": "fixed_prediction"}),
        ("predictive_coding", {"variant": "incremental", "feedback": "learned"}),
        ("predictive_coding", {"variant": "error_based"}),
        ("counter_current", {"matching": "classes"}),
        ("node_perturbation", {"samples": 2, "decorrelation": 0.1, "fixed_norm": True}),
        ("forward_gradient", {"space": "weights", "local": False}),
        ("hebbian", {"competition": "linear", "reconstruction": "ordered", "activation": "triangle"}),
        ("hebbian", {"competition": "winner", "norm_power": 0.5, "largest": True, "plastic_steps": 3}),
        ("forward_forward", {"negatives": "all", "readout": "goodness"}),
        ("delayed_feedback", {"error_information": "delayed_loss"}),
    ],
)
def test_so_do_its_variants(rule: str, options: dict[str, Any], name: str) -> None:
    _step(learning_rule(rule, options), name)


@pytest.mark.parametrize("how", ["item", "bool", "device"])
def test_the_check_can_fail(how: str) -> None:
    x = torch.ones(3, device="meta")
    wrong = {"item": lambda: x.sum().item(), "bool": lambda: bool((x > 0).any()), "device": lambda: x + torch.ones(3)}
    with OneDevice(), pytest.raises((AssertionError, RuntimeError)):
        wrong[how]()

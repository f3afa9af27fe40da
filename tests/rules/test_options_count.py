"""Every option of every rule changes what a rule does, or is refused where it cannot: none is ignored in silence."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from brainalign.datasets.task import Task
from brainalign.errors import BrainalignError, SpecError
from brainalign.networks.architecture import architecture, architectures
from brainalign.networks.network import Network
from brainalign.options import SET, unused_options
from brainalign.randomness import stream
from brainalign.recommended import completed
from brainalign.rules.learning_rule import LearningRule, learning_rule, learning_rules
from brainalign.training.checkpoint import load_checkpoint
from tests.small import NETWORKS, TASK, a_checkpoint, batch, descend, instance, network

#: Options that need others than the defaults to matter, or a value further away.
BESIDE: dict[tuple[str, str], tuple[dict[str, Any], Any]] = {
    ("counter_current", "target_filter"): ({}, 0.95),
    ("dual_propagation", "transposed"): ({"alpha": 0.3}, True),
    ("equilibrium_propagation", "rest"): ({}, None),  # chosen before the first step: test_equilibrium_propagation.py
    ("forward_gradient", "group_size"): ({}, 2),
    ("forward_gradient", "head_features"): ({}, 4),
    ("hebbian", "winners"): ({"competition": "winners", "winners": 1}, 3),
    ("local_losses", "head_features"): ({}, 4),
    ("reward_modulated_stdp", "winners"): ({}, 0.5),
    ("node_perturbation", "decorrelation_samples"): ({}, 4),
    ("stdp", "floor"): ({}, -0.5),
    ("stdp", "tau"): ({}, 5.0),
    ("top_down_credit", "credit_network"): ({}, None),  # a file, which brings all other options
}


def _needs(rule: str, option: str) -> dict[str, Any]:
    """Return what an option needs, as its class says."""
    needs: Mapping[str, Any] = learning_rules()[rule].only_with.get(option, {})
    return {
        other: (values[0] if values != SET else True if isinstance(_default(rule, other), bool) else 0.05)
        for other, values in needs.items()
        if not (_default(rule, other) if values == SET else _default(rule, other) in values)
    }


def _default(rule: str, option: str) -> Any:
    return next(field.default for field in fields(learning_rules()[rule]) if field.name == option)


def _others(rule: str, option: str, base: Mapping[str, Any]) -> Iterator[Any]:
    """Yield other values of an option: of numbers nearby ones, of texts those that its message lists."""
    if (rule, option) in BESIDE and BESIDE[rule, option][1] is not None:
        yield BESIDE[rule, option][1]
    value = base.get(option, _default(rule, option))
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, (int, float)):
        yield from (value + 1, value + 3) if isinstance(value, int) else (1.5 * value + 0.01, 0.5 * value + 0.01)
    elif isinstance(value, str):
        with pytest.raises(SpecError) as error:
            learning_rule(rule, {**base, option: "?"})
        known = re.findall(r"[\w]+", str(error.value).partition("expected")[2])
        yield from (one for one in known if one not in (value, "one", "of", "among", "some"))
    else:
        yield {"values": (-2.0, 2.0), "hidden": (16,), "reads": ("error", "answer"), "learn_from": (2,)}[option]


@cache
def _networks(rule: str) -> list[Network]:
    small = [network(name) for name in ("mlp", "cnn", "rnn")]
    return [one for one in small if learning_rules()[rule]().incompatibility(one) is None]


def _steps(rule: LearningRule, net: Network) -> dict[str, torch.Tensor]:
    """Return all that three steps of a rule give and leave behind."""
    params, state = instance(net, rule, 0)
    found: dict[str, torch.Tensor] = {}
    for k in range(3):
        params, state, step = descend(rule, net, params, state, batch(12, k), 0.1, k)
        found |= {f"update {k} {name}": value for name, value in step.updates.items()}
    answers = rule.respond(net, params, state, batch(12, 9).x)
    return found | {f"answer {name}": value for name, value in answers.items()} | state


def _alike(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(
        value.shape == second[name].shape and torch.equal(value.nan_to_num(), second[name].nan_to_num())
        for name, value in first.items()
    )


OPTIONS = [(name, field.name) for name, rule in learning_rules().items() for field in fields(rule)]


@pytest.mark.parametrize(("rule", "option"), OPTIONS, ids=lambda one: str(one))
def test_every_option_of_a_rule_changes_what_it_does(rule: str, option: str) -> None:
    if (rule, option) in BESIDE and BESIDE[rule, option][1] is None:
        pytest.skip("changes what comes before the first step")
    base = _needs(rule, option) | BESIDE.get((rule, option), ({}, None))[0]
    for value in _others(rule, option, base):
        try:
            usual, other = learning_rule(rule, base), learning_rule(rule, {**base, option: value})
        except SpecError:  # out of its range
            continue
        for net in _networks(rule):
            try:
                if not _alike(_steps(usual, net), _steps(other, net)):
                    return
            except BrainalignError:  # does not fit this network
                continue
    pytest.fail(f"option {option} of {rule} changes nothing beside {base}; it is ignored, or needs others: only_with")


NEEDED = [
    (name, option, other)
    for name, rule in learning_rules().items()
    for option, needs in rule.only_with.items()
    for other in needs
]


@pytest.mark.parametrize(("rule", "option", "other"), NEEDED)
def test_an_option_without_what_it_needs_is_refused_and_would_change_nothing(
    rule: str, option: str, other: str
) -> None:
    values, default = learning_rules()[rule].only_with[option][other], _default(rule, other)
    if values == SET:
        without = {other: type(default)()}
    else:
        without = {other: next(one for one in (default, *_others(rule, other, {})) if one not in values)}
    value = list(_others(rule, option, {}))[-1]
    with pytest.raises(SpecError, match=rf"^Option {option} of '{rule}' is .*, which has no effect without .*{other}"):
        learning_rule(rule, {**without, option: value})
    usual, changed = learning_rules()[rule](**without), learning_rules()[rule](**without, **{option: value})
    assert option in unused_options(changed)
    able = [net for net in _networks(rule) if usual.incompatibility(net) is None]
    assert able
    for net in able:
        assert _alike(_steps(usual, net), _steps(changed, net))


def test_what_is_recommended_and_has_no_effect_beside_what_was_given_is_not_filled_in() -> None:
    options = {"rule": "reward_modulated_stdp", "network": "mlp", "dataset": "generated_regression"}
    assert "rule.readout_rate" in completed(options)[1]
    found, filled = completed({**options, "rule_options": {"readout": "vote"}})
    assert "readout_rate" not in found["rule_options"]
    assert "rule.readout_rate" not in filled
    assert len(filled) == len(completed(options)[1]) - 1


@pytest.mark.parametrize(
    ("name", "option"), [(name, field.name) for name, shape in architectures().items() for field in fields(shape)]
)
def test_every_option_of_a_network_changes_it(name: str, option: str) -> None:
    shape, options = NETWORKS[name]
    beside = {
        "patch": {"sequence": "patches"} if name == "rnn" else {},
        "decoder_scale": {"decoder": True, "hidden": 0},
    }
    task = Task((1, 8, 8), 64, 64, "reconstruction") if option.startswith("decoder") else TASK
    base = {**options, **beside.get(option, {}), **({"hidden": 0} if option == "decoder" else {})}
    value = {
        "channels": (4, 5), "widths": (11, 7), "hidden": 9, "kernel": 5, "pool": 4, "activation": "elu",
        "normalisation": "none", "decoder": True, "decoder_scale": 0.3, "bias": False, "sequence": "patches",
        "patch": 2, "blocks": "step" if name == "rnn" else "sublayer", "width": 12, "depth": 3,
        "heads": 4, "expansion": 3,
    }[option]  # fmt: skip
    seen = []
    for one in (base, {**base, option: value}):
        net = architecture(shape, one).build(task)
        params = net.init(stream(0, "init"))
        seen.append({**params, **net.activities(params, net.init_state(), batch(5, dtype=torch.float32).x)})
        seen[-1]["blocks"] = torch.tensor(len(net.blocks))
    assert not _alike(*seen)


def test_a_checkpoint_of_a_version_that_ignored_an_option_still_loads(tmp_path: Path) -> None:
    one = a_checkpoint(rule="hebbian")
    options = {"competition": "winner", "power": 2.0}
    with pytest.raises(SpecError, match=r"power of .hebbian. is .*, which has no effect"):
        learning_rule("hebbian", options)
    rule = learning_rule("hebbian", options, stored=True)
    replace(one, rule=rule, spec=replace(one.spec, rule_options=options)).save(tmp_path / "one.safetensors")
    assert load_checkpoint(tmp_path / "one.safetensors").rule == rule


def test_networks_refuse_what_they_would_ignore() -> None:
    for name, shape in architectures().items():
        for option in shape.only_with:
            with pytest.raises(SpecError, match=f"Option {option} of '{name}' is .*, which has no effect without"):
                architecture(name, {option: 7})

"""What every rule promises on every network it declares to support."""

from pathlib import Path

import pytest
import torch
from torch.func import vmap

from brainalign.columns import TRAINED
from brainalign.credit.batch import Batch
from brainalign.credit.step import Step
from brainalign.errors import IncompatibleError, SpecError
from brainalign.recommended import completed
from brainalign.rules.learning_rule import LearningRule, learning_rule, learning_rules
from brainalign.specs import train_spec
from brainalign.support import learned
from brainalign.training.readout import exceeds_readout, final_scores, train_control
from brainalign.training.runtime import Runtime
from brainalign.training.train import train
from tests.small import FINEST, batch, descend, instance, largest_difference, network, noise

#: Rules, without controls.
LEARNING = [name for name, rule in learning_rules().items() if rule.learns and rule.role == TRAINED]
SUPPORT = (Path(__file__).parents[2] / "docs" / "support.md").read_text(encoding="utf-8")
PAIRS = [(rule, net) for rule in learning_rules() for net in FINEST]


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair[0]}-{pair[1]}")
def pair(request: pytest.FixtureRequest):
    rule, net = learning_rule(request.param[0]), network(request.param[1])
    if rule.incompatibility(net) is not None:
        # A declared incompatibility must be raised, and must be true: a pair that works is declared wrongly.
        with pytest.raises(IncompatibleError, match=rule.name()):
            rule.check(net)
        with pytest.raises(Exception):  # noqa: B017, PT011
            _step(rule, net)
        pytest.skip(f"declared incompatible: {rule.incompatibility(net)}")
    return rule, net


def _step(rule: LearningRule, net, seed: int = 0, n: int = 12) -> tuple[dict, dict, Step]:
    params, state = instance(net, rule, seed)
    return params, state, rule.step(net, params, state, batch(n), noise(rule, net, n, seed))


def test_updates_are_finite_named_and_shaped_like_what_they_change(pair) -> None:
    rule, net = pair
    params, state, step = _step(rule, net)
    leaves = {**params, **{name: state[name] for name in rule.trainable(state)}}
    assert set(step.updates) <= set(leaves)
    assert set(step.state) <= set(state)
    for name, update in step.updates.items():
        assert update.shape == leaves[name].shape
        assert update.dtype == leaves[name].dtype
        assert torch.isfinite(update).all()
    assert {"loss", "accuracy"} <= set(step.metrics)


def test_a_step_writes_to_none_of_its_arguments_and_repeats_itself(pair) -> None:
    rule, net = pair
    params, state = instance(net, rule, 0)
    before = {name: tensor.clone() for name, tensor in {**params, **state}.items()}
    drawn = noise(rule, net)
    first, second = (rule.step(net, params, state, batch(), drawn) for _ in range(2))
    assert all(torch.equal(tensor, before[name]) for name, tensor in {**params, **state}.items())
    assert all(torch.equal(first.updates[name], second.updates[name]) for name in first.updates)


def test_instance_of_a_population_equals_instance_alone(pair) -> None:
    rule, net = pair
    alone, stacked = [], []
    for seed in range(3):
        params, state = instance(net, rule, seed)
        one = batch(12, seed)
        drawn = noise(rule, net, 12, seed)
        alone.append(rule.step(net, params, state, one, drawn))
        stacked.append((params, state, one, drawn))
    join = lambda group: {n: torch.stack([g[n] for g in group]) for n in group[0]}  # noqa: E731
    params, state, drawn = (join([part[k] for part in stacked]) for k in (0, 1, 3))
    together = Batch(*(torch.stack(parts) for parts in zip(*(part[2] for part in stacked), strict=True)))
    updates, new, metrics = vmap(lambda *a: tuple(rule.step(net, *a)))(params, state, together, drawn)
    for seed, one in enumerate(alone):
        for group, single in ((updates, one.updates), (new, one.state), (metrics, one.metrics)):
            if single:
                assert largest_difference({n: t[seed] for n, t in group.items()}, single) < 1e-12


def test_respond_names_every_layer_and_leaves_state_alone(pair) -> None:
    rule, net = pair
    params, state = instance(net, rule, 0)
    activities = rule.respond(net, params, state, batch().x)
    assert list(activities) == list(net.layers)
    assert all(torch.isfinite(a).all() for a in activities.values())


@pytest.mark.parametrize("name", LEARNING)
def test_a_rule_that_learns_changes_every_hidden_block(name: str) -> None:
    rule, net = learning_rule(name), network("mlp")
    first, state = instance(net, rule, 0)
    params = first
    for k in range(5):
        params, state, _ = descend(rule, net, params, state, batch(24), 0.1, seed=k)
    for block in net.blocks[:-1]:
        assert any(not torch.equal(params[name], first[name]) for name in block.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARNING)
def test_a_rule_exceeds_readout_only_or_the_support_table_says_it_does_not(name: str, tmp_path: Path) -> None:
    """A training loss that falls says nothing: it falls with hidden weights as drawn, too."""
    row = learned().get((name, "mlp"))
    if row is None or row["exceeds"] != "True":
        cells = next(line for line in SUPPORT.splitlines() if line.startswith(f"| `{name}` |")).split("|")
        expected = "not measured on the digits" if row is None else "does not learn here"
        assert expected in cells[3]
        return
    spec = train_spec(completed({"rule": name, "network": "mlp", "dataset": "digits", "epochs": 20})[0])
    found = train(spec, tmp_path / "rule").history
    control = train_control(spec, tmp_path, Runtime())
    assert exceeds_readout(final_scores(found), final_scores(control)).exceeds


def test_metadata_is_complete() -> None:
    for name, rule in learning_rules().items():
        assert rule.name() == name
        assert rule.reference
        assert all(claim.source for claim in rule.claims.values())


def test_unknown_rule_and_option_give_one_line() -> None:
    with pytest.raises(SpecError, match=r"Unknown rule 'backprob'. Choose one of: backprop, "):
        learning_rule("backprob")
    with pytest.raises(SpecError, match=r"Unknown option 'size' of 'feedback_alignment'. Choose one of: scale"):
        learning_rule("feedback_alignment", {"size": 1})

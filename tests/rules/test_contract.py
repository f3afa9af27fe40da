"""What every rule promises on every network it declares to support."""

import pytest
import torch
from torch.func import vmap

from brainalign.credit.batch import Batch
from brainalign.credit.step import Step
from brainalign.errors import IncompatibleError, SpecError
from brainalign.rules.learning_rule import LearningRule, learning_rule, learning_rules
from tests.small import NETWORKS, batch, descend, instance, largest_difference, network, noise

PAIRS = [(rule, net) for rule in learning_rules() for net in NETWORKS]


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


@pytest.mark.parametrize("name", [n for n, rule in learning_rules().items() if rule.learns])
def test_a_rule_that_learns_lowers_the_loss_of_a_small_batch(name: str) -> None:
    rule, net = learning_rule(name), network("mlp")
    params, state = instance(net, rule, 0)
    data = batch(24)
    losses = []
    for k in range(200):
        params, state, step = descend(rule, net, params, state, data, 0.1, seed=k)
        losses.append(float(step.metrics["loss"]))
    assert losses[-1] < 0.5 * losses[0]


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

"""The network of Diehl and Cook: batches are sums, weights stay where they may, answers follow from counts."""

from math import log1p

import pytest
import torch
from torch import Tensor

from brainalign.credit.batch import Batch
from brainalign.credit.spike_trains import firing_rates
from brainalign.datasets.task import Task
from brainalign.errors import IncompatibleError, SpecError
from brainalign.networks.network import Params
from brainalign.rules.stdp import STDP
from tests.small import batch, descend, instance, network, noise

NET = network("mlp")
SHORT = {"duration": 100.0, "dt": 4.0}
VOTE = STDP(readout="vote", **SHORT)


def _start(rule: STDP, seed: int = 0) -> tuple[Params, Params]:
    """Return parameters whose hidden weights are as they act, so that an update is what a batch changes."""
    params, state = instance(NET, rule, seed)
    return rule._weights(NET, params), state


def _part(data: Batch, k: int) -> Batch:
    return Batch(*(part[k : k + 1] for part in data))


@pytest.mark.parametrize("nearest", [True, False])
@pytest.mark.parametrize("tau_triplet", [0.0, 40.0])
def test_what_a_batch_changes_is_the_sum_over_its_presentations(nearest: bool, tau_triplet: float) -> None:
    # Bounds far away: they are met once, after the sum.
    rule = STDP(readout="vote", nearest=nearest, tau_triplet=tau_triplet, largest=1e9, depression=0.0, **SHORT)
    params, state = _start(rule)
    data, drawn = batch(8), noise(rule, NET, 8)
    whole = rule.step(NET, params, state, data, drawn)
    alone = [
        rule.step(NET, params, state, _part(data, k), {"uniform": drawn["uniform"][:, k : k + 1]}) for k in range(8)
    ]
    for name, update in whole.updates.items():
        assert update.abs().max() > 1e-4
        torch.testing.assert_close(update, sum(one.updates[name] for one in alone), rtol=0, atol=1e-12)
    for name in ("stdp/hidden1.theta", "stdp/hidden2.theta"):
        counted = sum(one.state[name] for one in alone)
        torch.testing.assert_close(whole.state[name], counted, rtol=0, atol=1e-12)
        assert counted.max() > 0


def test_no_rate_leaves_hidden_weights_and_largest_and_sum_bound_them() -> None:
    params, state = _start(VOTE)
    still = STDP(readout="vote", rate=0.0, **SHORT).step(NET, params, state, batch(), noise(VOTE, NET))
    assert not still.updates
    for _ in range(5):
        params, state, _ = descend(VOTE, NET, params, state, batch(), 1.0)
        for name in ("hidden1.weight", "hidden2.weight"):
            assert params[name].min() >= 0
            assert params[name].max() <= VOTE.largest
            acting = VOTE._weights(NET, params)[name]
            torch.testing.assert_close(acting.mean(1), torch.full((len(acting),), 0.1, dtype=torch.float64))


def test_a_unit_with_equal_weights_is_driven_alike_by_every_stimulus_and_layer() -> None:
    # One unit without adaptation: drive mV per ms whatever is shown, so the same regular rate.
    rule = STDP(encoding="regular", inhibition=0.0, refractory=0.0, theta=0.0, drive=1.0, duration=400.0, dt=1.0)
    params, state = instance(NET, rule, 0)
    params = {name: torch.ones_like(p) if name.endswith("weight") else p for name, p in params.items()}
    found = rule.respond(NET, params, state, batch(6).x)
    expected = -1000 / (100 * log1p(-13 / 100))
    for layer in ("hidden1", "hidden2"):
        assert (found[layer] / expected - 1).abs().max() < 0.15


def test_one_unit_of_a_layer_fires_at_a_time_and_spikes_cross_a_layer_in_one_step() -> None:
    params, state = _start(VOTE)
    weights = VOTE._weights(NET, params)
    spikes, _ = VOTE._present(NET, weights, state, batch().x, noise(VOTE, NET)["uniform"])
    assert all(layer.sum(2).max() == 1 for layer in spikes[1:])
    first = [int(layer.flatten(1).any(1).nonzero()[0]) for layer in spikes]
    assert first[0] < first[1] < first[2]


def test_the_vote_is_the_mean_rate_of_the_units_that_answered_most_to_a_class() -> None:
    params, state = instance(NET, VOTE, 0)
    answered = torch.zeros(5, 9, dtype=torch.float64)
    answered[torch.tensor([0, 0, 1, 1, 1, 3, 4, 4]), torch.arange(8)] = 10.0  # nobody answers to 2; unit 8 never does
    state = {**state, "stdp/answered": answered, "stdp/shown": torch.full((5,), 4.0, dtype=torch.float64)}
    found = VOTE.respond(NET, params, state, batch().x)
    rates = found["hidden2"]
    groups: list[list[int]] = [[0, 1], [2, 3, 4], [], [5], [6, 7]]
    expected = [rates[:, g].mean(1) if g else torch.zeros(12, dtype=torch.float64) for g in groups]
    torch.testing.assert_close(found["readout"], torch.stack(expected, 1))


def test_answers_are_counted_by_class_and_fade() -> None:
    rule = STDP(readout="vote", memory=100.0, **SHORT)
    params, state = instance(NET, rule, 0)
    data, drawn = batch(), noise(rule, NET)
    spikes, _ = rule._present(NET, rule._weights(NET, params), state, data.x, drawn["uniform"])
    one = {**state, **rule.step(NET, params, state, data, drawn).state}
    rates: Tensor = firing_rates(spikes[-1], rule.dt)
    for c in range(5):
        torch.testing.assert_close(one["stdp/answered"][c], rates[data.y == c].sum(0))
    again = rule.step(NET, params, {**state, **{k: one[k] for k in ("stdp/answered", "stdp/shown")}}, data, drawn).state
    torch.testing.assert_close(again["stdp/shown"], one["stdp/shown"] * (1 + torch.exp(torch.tensor(-0.12))))


def test_the_same_stimulus_gets_the_same_spikes_and_training_fresh_ones() -> None:
    params, state = instance(NET, VOTE, 0)
    x = batch().x
    once, twice = VOTE.respond(NET, params, state, x), VOTE.respond(NET, params, state, x.flip(0))
    assert all(torch.equal(once[layer], twice[layer].flip(0)) for layer in NET.layers)
    assert not torch.equal(noise(VOTE, NET, seed=1)["uniform"], noise(VOTE, NET, seed=2)["uniform"])
    regular = STDP(encoding="regular")
    assert not noise(regular, NET)
    assert "stdp/uniform" not in instance(NET, regular, 0)[1]


def test_cost_counts_passes_and_products_per_step() -> None:
    hidden, readout = 64 * 12 + 12 * 9, 9 * 5
    assert VOTE.multiply_adds(NET, 8) == 25 * 3 * hidden + 2 * readout
    assert STDP(rate=0.0, **SHORT).multiply_adds(NET, 8) == 25 * hidden + 2 * readout


def test_what_it_cannot_do_is_refused() -> None:
    with pytest.raises(IncompatibleError, match="conv1 is a convolution; use reward_modulated_stdp"):
        VOTE.check(network("cnn"))
    with pytest.raises(IncompatibleError, match="a population of neurons reads one"):
        VOTE.check(network("transformer"))
    values = network("mlp", Task((1, 8, 8), 5, 64, "regression"))
    with pytest.raises(IncompatibleError, match="labels need classes, the objective is regression"):
        VOTE.check(values)
    STDP().check(values)
    for options, message in (
        ({"readout": "count"}, "readout is 'count'"), ({"encoding": "latency"}, "encoding is 'latency'"),
        ({"duration": 1.0}, "make 0 time steps"), ({"tau": 0.0}, "tau is 0"), ({"theta": -1.0}, "theta is -1.0"),
        ({"max_rate": 300.0}, "max_rate 300.0 Hz is more than one spike per dt 4.0 ms"),
    ):  # fmt: skip
        with pytest.raises(SpecError, match=message):
            STDP(**options)

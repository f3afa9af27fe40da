"""Reward-modulated STDP: who learns, by how much, and that pools and batches do not change it."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from brainalign.credit.batch import Batch
from brainalign.credit.integrate_and_fire import IntegrateAndFire
from brainalign.credit.spike_trains import decay, firing_rates
from brainalign.credit.stdp_window import STDPWindow
from brainalign.datasets.task import Task
from brainalign.errors import IncompatibleError, SpecError
from brainalign.networks.network import Params
from brainalign.rules.reward_modulated_stdp import RewardModulatedSTDP
from tests.small import NETWORKS, batch, descend, instance, network, noise

RULE = RewardModulatedSTDP(duration=60.0)
SPIKING = ("mlp", "cnn", "cnn-plain")


def _start(rule: RewardModulatedSTDP, name: str) -> tuple[Params, Params]:
    net = network(name)
    params, state = instance(net, rule, 0)
    return rule._weights(net, params), state


Learned = tuple[Tensor, Tensor, Params, Tensor]


def _learned(
    rule: RewardModulatedSTDP, name: str, data: Batch | None = None, error: Tensor | None = None
) -> dict[str, Learned]:
    """Return ``dW``, spikes, new shares of hits and what entered, for every hidden block of a network."""
    net, data = network(name), data or batch(6)
    weights, state = _start(rule, name)
    error = torch.zeros(len(data.y), 5, dtype=torch.float64) if error is None else error
    found = {}
    for layer in rule._present(net, weights, state, data.x):
        learns, new = rule._modulate(net, state, layer, data.y, error)
        found[layer.block.name] = rule._change(weights, state, layer, learns), layer.spikes, new, layer.pre
    return found


def test_a_dense_layer_learns_by_the_window_gated_by_winner_and_reward() -> None:
    net, data = network("mlp"), batch(6)
    weights, state = _start(RULE, "mlp")
    window = STDPWindow(RULE.potentiation, RULE.depression, RULE.tau_pre, RULE.tau_post, RULE.dt)
    for name, (changed, spikes, new, pre) in _learned(RULE, "mlp").items():
        block = next(block for block in net.blocks if block.name == name)
        current = RULE.drive * RULE.dt * pre.flatten(2) @ weights[f"{name}.weight"].T
        winner = (current.mean(0) / (1 - decay(RULE.tau, RULE.dt)) - RULE.threshold).argmax(1)
        expected = torch.zeros_like(changed)
        for k in range(6):
            one = spikes[:, k : k + 1] * (torch.arange(spikes.shape[2]) == winner[k])
            reward = 1.0
            if name == "hidden2":
                right = int(winner[k]) % 5 == int(data.y[k])
                hits = float(state["reward/hidden2.hits"])
                reward = 1 - hits if right else -hits
            expected += reward * window.change(block.synapses[0], pre[:, k : k + 1].flatten(2), one)
        torch.testing.assert_close(changed, expected, rtol=0, atol=1e-12)
        mean = firing_rates(spikes, RULE.dt).sum(0) / RULE.target_rate - 6
        moved = RULE.step(net, *instance(net, RULE, 0), data, noise(RULE, net, 6)).state[f"reward/{name}.theta"]
        torch.testing.assert_close(moved, RULE.theta * mean, rtol=0, atol=1e-12)
        assert set(new) == ({"reward/hidden2.hits"} if name == "hidden2" else set())
    assert "reward/hidden1.hits" not in state


@pytest.mark.parametrize("name", SPIKING)
@pytest.mark.parametrize("rewarded", ["none", "last", "all"])
def test_what_a_batch_changes_is_the_sum_over_its_presentations(name: str, rewarded: str) -> None:
    rule, data = replace(RULE, rewarded=rewarded, winners=0.3), batch(6)
    whole = _learned(rule, name, data)
    alone = [_learned(rule, name, Batch(*(part[k : k + 1] for part in data))) for k in range(6)]
    for block, (changed, *_) in whole.items():
        assert changed.abs().max() > 1e-6
        torch.testing.assert_close(changed, sum(one[block][0] for one in alone), rtol=0, atol=1e-12)


@pytest.mark.parametrize("encoding", ["regular", "graded"])
@pytest.mark.parametrize("code", ["classes", "signs", "mixed"])
def test_reward_less_what_was_expected_reaches_units_by_their_code(code: str, encoding: str) -> None:
    options = {"reward": "expected", "rewarded": "all", "code": code, "encoding": encoding, "places": "sum"}
    rule, net, data = replace(RULE, **options), network("cnn-plain" if code == "mixed" else "mlp"), batch(6)
    error = torch.randn(6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = _learned(rule, net.name if code != "mixed" else "cnn-plain", data, error)
    _, state = _start(rule, "cnn-plain" if code == "mixed" else "mlp")
    window = STDPWindow(rule.potentiation, rule.depression, rule.tau_pre, rule.tau_post, rule.dt)
    for block in net.blocks[:-1]:
        units = block.synapses[0].n_out
        key = f"reward/{block.name}.code"
        assert (key in state) == (code == "signs")
        own = (torch.arange(units) % 5 == torch.arange(5)[:, None]).double()
        told = -error @ state.get(key, own)
        changed, spikes, _, pre = found[block.name]
        pre = pre.expand(len(spikes), *pre.shape[1:])
        if block.synapses[0].kind == "linear":
            # Modulation scales what a unit's spikes do, so it may scale the pairs of every presentation.
            expected = sum(
                told[k][:, None] * window.change(block.synapses[0], pre[:, k : k + 1].flatten(2), spikes[:, k : k + 1])
                for k in range(6)
            )
            torch.testing.assert_close(changed, expected, rtol=0, atol=1e-12)
        else:
            mean = _learned(replace(rule, places="mean"), "cnn-plain", data, error)[block.name][0]
            torch.testing.assert_close(changed, mean * spikes[0, 0, 0].numel(), rtol=0, atol=1e-12)
    assert not any(name.endswith("hits") for name in state)


def test_mixed_codes_are_classes_for_maps_and_signs_for_dense_layers() -> None:
    rule = replace(RULE, reward="expected", rewarded="all", code="mixed")
    _, state = _start(rule, "cnn")
    assert [name for name in state if name.endswith(".code")] == ["reward/hidden.code"]
    assert set(state["reward/hidden.code"].flatten().tolist()) == {-1.0, 1.0}
    assert state["reward/hidden.code"].shape == (5, 11)


def test_from_reward_alone_hidden_units_hear_only_of_the_class_that_was_chosen() -> None:
    rule = replace(RULE, reward="expected", rewarded="all", readout="reward", rate=0.01)
    net, data = network("mlp"), batch(1)
    params, state = instance(net, rule, 0)
    weights = rule._weights(net, params)
    step = rule.step(net, params, state, data, noise(rule, net, 1))
    (chosen,) = step.updates["readout.weight"].abs().sum(1).nonzero().flatten().tolist()
    for name in ("hidden1", "hidden2"):
        moved = params[f"{name}.weight"] - step.updates[f"{name}.weight"] - weights[f"{name}.weight"]
        units = (moved.abs().sum(1) > 1e-9).nonzero().flatten()
        assert len(units) > 0
        assert set((units % 5).tolist()) == {chosen}


def test_layers_learn_from_the_first_presentations_and_not_at_all_from_none() -> None:
    rule = replace(RULE, learn_from=(0, 2))
    net, data = network("mlp"), batch(6)
    params, state = instance(net, rule, 0)
    step = rule.step(net, params, state, data, noise(rule, net, 6))
    assert set(step.updates) == {"hidden2.weight", "readout.weight", "readout.bias"}
    few = Batch(data.x[:2], data.y[:2], data.index[:2])
    alone = rule.step(net, params, state, few, noise(rule, net, 2))
    torch.testing.assert_close(step.updates["hidden2.weight"], alone.updates["hidden2.weight"], rtol=0, atol=1e-12)


def test_graded_input_is_a_constant_current() -> None:
    rule, net = replace(RULE, encoding="graded"), network("mlp")
    params, state = instance(net, rule, 0)
    weights, x = rule._weights(net, params), batch().x
    layer = rule._present(net, weights, state, x)[0]
    shown = (x.flatten(1) - x.flatten(1).amin(1, keepdim=True)) @ weights["hidden1.weight"].T
    rms = (x.flatten(1) - x.flatten(1).amin(1, keepdim=True)).square().mean(1, keepdim=True).sqrt()
    made = rule.drive * rule.dt * shown / (rms * 8)
    neurons = IntegrateAndFire(rule.tau, rule.dt)
    expected = neurons.spikes(made.expand(11, *made.shape), torch.full((12,), rule.threshold, dtype=made.dtype))
    assert torch.equal(layer.spikes[1:], expected)
    assert expected.any()


def test_products_pass_through_a_pool_to_the_place_it_took() -> None:
    # The change is the patch of traces under whichever of the four places has the largest drive by traces.
    rule, net = replace(RULE, depression=0.0, rewarded="none"), network("cnn-plain")
    block = net.blocks[0]
    weights, state = _start(rule, "cnn-plain")
    changed, spikes, _, pre = _learned(rule, "cnn-plain", batch(1))["conv1"]
    window = STDPWindow(rule.potentiation, 0.0, rule.tau_pre, rule.tau_post, rule.dt)
    traces, kernel = window.before(pre), weights["conv1.weight"]
    drive = rule._chain.current(block, weights, state, pre).mean(0)[0]
    expected = torch.zeros_like(kernel)
    for row in range(4):
        for column in range(4):
            unit = int(drive[:, row, column].argmax())
            for t in spikes[:, 0, unit, row, column].nonzero().flatten().tolist():
                padded = torch.nn.functional.pad(traces[t, 0], (1, 1, 1, 1))
                patches = [
                    padded[:, r : r + 3, c : c + 3]
                    for r in (2 * row, 2 * row + 1)
                    for c in (2 * column, 2 * column + 1)
                ]
                best = max(patches, key=lambda patch, unit=unit: float((patch * kernel[unit]).sum()))
                expected[unit] += window.potentiation * best / 16
    torch.testing.assert_close(changed, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", SPIKING)
def test_no_rate_leaves_hidden_weights_and_others_keep_mean_and_length(name: str) -> None:
    net, data = network(name), batch()
    params, state = instance(net, RULE, 0)
    hidden = [block.synapses[0].weight_name for block in net.blocks[:-1]]
    still = replace(RULE, rate=0.0).step(net, params, state, data, noise(RULE, net))
    assert not set(hidden) & set(still.updates)
    moved, _, _ = descend(RULE, net, params, state, data, 1.0)
    for weight in hidden:
        flat = moved[weight].flatten(1)
        assert flat.mean(1).abs().max() < 1e-12
        torch.testing.assert_close(flat.norm(dim=1), torch.ones(len(flat), dtype=torch.float64))


@pytest.mark.parametrize("name", ["mlp", "cnn-plain"])
def test_thresholds_take_rates_to_the_target(name: str) -> None:
    rule, net, data = replace(RULE, rate=0.0, readout="vote", theta=0.1), network(name), batch(24)
    params, state = instance(net, rule, 0)
    for _ in range(150):
        state = {**state, **rule.step(net, params, state, data, noise(rule, net, 24)).state}
    for layer, rates in list(rule.respond(net, params, state, data.x).items())[:-1]:
        assert float(rates.mean()) == pytest.approx(rule.target_rate, rel=0.15), layer


def test_thresholds_stay_above_zero_where_the_target_cannot_be_reached() -> None:
    rule, net, data = replace(RULE, target_rate=1e4, theta=10.0), network("mlp"), batch()
    params, state = instance(net, rule, 0)
    state = {**state, **rule.step(net, params, state, data, noise(rule, net)).state}
    for layer in ("hidden1", "hidden2"):
        assert (state[f"reward/{layer}.theta"] + rule.threshold).min() == pytest.approx(0.01 * rule.threshold)


def test_from_reward_alone_only_the_chosen_row_learns_and_the_mean_is_less_than_the_delta_rule() -> None:
    net, data = network("mlp"), batch(1)
    params, state = instance(net, RULE, 0)
    taught = RULE.step(net, params, state, data, noise(RULE, net, 1)).updates["readout.weight"]
    alone = replace(RULE, readout="reward")
    seen = set()
    for seed in range(40):
        found = alone.step(net, params, state, data, noise(alone, net, 1, seed)).updates["readout.weight"]
        rows = found.abs().sum(1).nonzero().flatten().tolist()
        assert len(rows) == 1
        torch.testing.assert_close(found[rows[0]], taught[rows[0]], rtol=0, atol=1e-12)
        seen |= set(rows)
    assert len(seen) > 2


def test_a_vote_is_the_mean_rate_of_the_units_that_stand_for_a_class() -> None:
    rule, net = replace(RULE, readout="vote"), network("mlp")
    params, state = instance(net, rule, 0)
    found = rule.respond(net, params, state, batch().x)
    expected = [found["hidden2"][:, c::5].mean(1) for c in range(5)]
    torch.testing.assert_close(found["readout"], torch.stack(expected, 1))


def test_a_long_list_of_stimuli_is_answered_one_by_one() -> None:
    net = network("cnn-plain")
    params, state = instance(net, RULE, 0)
    x = batch(35).x
    whole = RULE.respond(net, params, state, x)
    for layer, found in whole.items():
        for k in (0, 31, 32, 34):
            torch.testing.assert_close(found[k], RULE.respond(net, params, state, x[k : k + 1])[layer][0])


def test_normalisations_are_passed_by() -> None:
    net = network("cnn")
    params, state = instance(net, RULE, 0)
    other = {**state, **{n: s + 1 for n, s in state.items() if ".norm." in n}}
    one, two = (RULE.respond(net, params, s, batch().x) for s in (state, other))
    assert all(torch.equal(one[layer], two[layer]) for layer in net.layers)


def test_cost_counts_passes_and_products_per_step() -> None:
    hidden, readout = 64 * 12 + 12 * 9, 9 * 5
    assert RULE.multiply_adds(network("mlp"), 8) == 3 * 12 * hidden + 2 * readout
    few = replace(RULE, learn_from=(2,), encoding="graded")
    assert few.multiply_adds(network("mlp"), 8) == 768 * (1 + 2 * 12 / 4) + 108 * 12 * 3 + 2 * readout


def test_what_it_cannot_do_is_refused() -> None:
    for name in set(NETWORKS) - set(SPIKING):
        with pytest.raises(IncompatibleError, match="a population of neurons reads one"):
            RULE.check(network(name))
    with pytest.raises(IncompatibleError, match="only a class is right or wrong, the objective is regression"):
        RULE.check(network("mlp", Task((1, 8, 8), 5, 64, "regression")))
    for options, message in (
        ({"readout": "count"}, "readout is 'count'"), ({"rewarded": "first"}, "rewarded is 'first'"),
        ({"dt": 100.0}, "make 1 time steps"), ({"target_rate": 0.0}, "target_rate is 0"),
        ({"punishment": -1.0}, "punishment is -1.0; expected 0 or more"), ({"code": "digits"}, "code is 'digits'"),
        ({"reward": "dopamine"}, "reward is 'dopamine'"), ({"encoding": "poisson"}, "encoding is 'poisson'"),
        ({"reset": "half"}, "reset is 'half'"), ({"places": "max"}, "places is 'max'"),
        ({"learn_from": (-1,)}, r"learn_from\[0\] is -1"),
    ):  # fmt: skip
        with pytest.raises(SpecError, match=message):
            RewardModulatedSTDP(**options)

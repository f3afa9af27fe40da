"""The window equals its closed form for single pairs; batches are sums; convolutions are dense layers of patches."""

from dataclasses import replace
from math import exp

import pytest
import torch
from torch import Tensor

from brainalign.credit.stdp_window import STDPWindow
from brainalign.networks.synapse import Synapse

DENSE = Synapse("s", "linear", 1, 1, bias=False)
WINDOW = STDPWindow(potentiation=0.3, depression=0.2, tau_pre=20.0, tau_post=35.0, dt=0.5)


def _pair(window: STDPWindow, d: float) -> float:
    """Return the change by one postsynaptic spike ``d`` ms after one presynaptic spike."""
    steps = round(abs(d) / window.dt)
    pre, post = torch.zeros(2, steps + 4, 1, 1, dtype=torch.float64)
    first, second = (pre, post) if d >= 0 else (post, pre)
    first[2] = 1
    second[2 + steps] = 1
    return float(window.change(DENSE, pre, post))


@pytest.mark.parametrize("nearest", [False, True])
@pytest.mark.parametrize("d", [0.5, 1.0, 7.5, 40.0])
def test_a_single_pair_changes_the_weight_by_the_closed_form(d: float, nearest: bool) -> None:
    window = replace(WINDOW, nearest=nearest)
    assert _pair(window, d) == pytest.approx(0.3 * exp(-d / 20), abs=1e-12)
    assert _pair(window, -d) == pytest.approx(-0.2 * exp(-d / 35), abs=1e-12)
    assert _pair(window, 0.0) == 0


def test_equal_amplitudes_and_constants_make_it_antisymmetric() -> None:
    window = replace(WINDOW, depression=0.3, tau_post=20.0)
    for d in (0.5, 3.0, 25.0):
        assert _pair(window, d) == pytest.approx(-_pair(window, -d), abs=1e-12)


def test_a_triplet_potentiates_by_the_second_trace_and_a_first_spike_alone_not_at_all() -> None:
    window = replace(WINDOW, depression=0.0, tau_triplet=40.0)
    assert _pair(window, 5.0) == 0
    pre, post = torch.zeros(2, 40, 1, 1, dtype=torch.float64)
    pre[10] = post[5] = post[20] = 1  # 5 ms after the presynaptic spike, 7.5 ms after the other postsynaptic one
    assert float(window.change(DENSE, pre, post)) == pytest.approx(0.3 * exp(-5 / 20) * exp(-7.5 / 40), abs=1e-12)


def _spikes(*shape: int, seed: int) -> Tensor:
    return (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < 0.3).double()


@pytest.mark.parametrize("nearest", [False, True])
def test_all_pairs_of_a_batch_add_up(nearest: bool) -> None:
    window, synapse = replace(WINDOW, nearest=nearest), Synapse("s", "linear", 3, 2)
    pre, post = _spikes(15, 4, 3, seed=0), _spikes(15, 4, 2, seed=1)
    whole = window.change(synapse, pre, post)
    alone = [window.change(synapse, pre[:, k : k + 1], post[:, k : k + 1]) for k in range(4)]
    torch.testing.assert_close(whole, torch.stack(alone).sum(0), rtol=0, atol=1e-12)
    if not nearest:
        expected = torch.zeros(2, 3, dtype=torch.float64)
        for n, i, j in torch.cartesian_prod(torch.arange(4), torch.arange(2), torch.arange(3)).tolist():
            for a in pre[:, n, j].nonzero().flatten().tolist():
                for b in post[:, n, i].nonzero().flatten().tolist():
                    d = 0.5 * (b - a)
                    expected[i, j] += 0.3 * exp(-d / 20) * (d > 0) - 0.2 * exp(d / 35) * (d < 0)
        torch.testing.assert_close(whole, expected, rtol=0, atol=1e-12)


def test_what_a_spike_meets_holds_the_same_pairs() -> None:
    synapse = Synapse("s", "linear", 3, 2, bias=False)
    pre, post = _spikes(15, 4, 3, seed=0), _spikes(15, 4, 2, seed=1)
    one_product = post.flatten(0, 1).T @ WINDOW.met(pre).flatten(0, 1)
    torch.testing.assert_close(one_product, WINDOW.change(synapse, pre, post), rtol=0, atol=1e-12)


def test_a_convolution_learns_as_a_dense_synapse_of_its_patches() -> None:
    conv, dense = Synapse("s", "conv2d", 2, 3, kernel=3, padding=1, bias=False), Synapse("s", "linear", 18, 3)
    pre, post = _spikes(6, 2, 2, 4, 4, seed=2), _spikes(6, 2, 3, 4, 4, seed=3)
    patches = torch.nn.functional.unfold(pre.flatten(0, 1), 3, padding=1).transpose(1, 2).reshape(6, -1, 18)
    expected = WINDOW.change(dense, patches, post.flatten(3).transpose(2, 3).reshape(6, -1, 3))
    torch.testing.assert_close(WINDOW.change(conv, pre, post).flatten(1), expected, rtol=0, atol=1e-12)

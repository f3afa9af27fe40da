"""Energies written down independently: they never rise, and what the functions return are their minima."""

import pytest
import torch
from torch import Tensor

from brainalign.credit.energy import ascend, predict, pulled_to_target, pushed_by_readout, response, settle
from brainalign.credit.objective import loss
from brainalign.errors import SpecError
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring
from brainalign.rules.untrained import Untrained
from tests.small import NETWORKS, batch, instance, network

SLOPE = 0.7


def _setting(name: str, seed: int = 0) -> tuple[Network, Params, Wiring, Tensor, list[Tensor]]:
    """Return a network whose weights are large enough for saturation, and random states of its hidden layers."""
    net = network(name)
    params, state = instance(net, Untrained(), seed)
    params = {n: 1.5 * t for n, t in params.items()}
    generator = torch.Generator().manual_seed(seed)
    wiring = Wiring(state)
    x, states = batch().x, []
    bottom = net.blocks[0].preactivation(params, x, wiring)
    for block in net.blocks[:-1]:
        x = block.forward(params, x, wiring)
        states.append(torch.rand(x.shape, generator=generator, dtype=x.dtype))
    return net, params, wiring, bottom, states


def _hopfield(net: Network, params: Params, wiring: Wiring, states: list[Tensor], gain: float = 1.0) -> Tensor:
    """Return the energy of every sample, states of ``hard`` responses; a last state beyond hidden layers is linear."""
    total = torch.zeros(len(states[0]), dtype=states[0].dtype)
    for k, (block, below, s) in enumerate(zip(net.blocks, [batch().x, *states], states, strict=False), start=1):
        slope = SLOPE if k < len(net.blocks) else 1.0
        own = s.square() / (2 * slope) - s * block.preactivation(params, below, wiring)
        total = total + gain ** (k - len(states)) * own.flatten(1).sum(1)
    return total


def _cost(net: Network, params: Params, wiring: Wiring, s: Tensor) -> Tensor:
    logits = net.blocks[-1].forward(params, s, wiring)
    return torch.stack([loss(net.task, logits[i : i + 1], batch().y[i : i + 1]) for i in range(len(s))])


@pytest.mark.parametrize("name", ["mlp", "cnn", "cnn-plain"])
@pytest.mark.parametrize("strength", [-0.5, 0.0, 0.5])
def test_energy_with_a_readout_outside_never_rises(name: str, strength: float) -> None:
    net, params, wiring, bottom, states = _setting(name)
    rho, nudge = response("hard_sigmoid", SLOPE), torch.full((12,), strength, dtype=torch.float64)
    top = pushed_by_readout(net, params, wiring, batch().y, nudge, rho)
    found = []
    for steps in range(10):
        end = settle(net.blocks[:-1], params, wiring, bottom, states, steps, rho, top)
        found.append(_hopfield(net, params, wiring, end) + strength * _cost(net, params, wiring, end[-1]))
    energies = torch.stack(found)
    assert float((energies[1:] - energies[:-1]).max()) < 1e-12
    assert float((energies[-1] - energies[0]).max()) < -1


@pytest.mark.parametrize("activation", ["hard_sigmoid", "hard_tanh"])
@pytest.mark.parametrize("gain", [1.0, 0.3])
def test_energy_with_outputs_inside_never_rises(activation: str, gain: float) -> None:
    net, params, wiring, bottom, states = _setting("mlp")
    rho, nudge = response(activation, SLOPE), torch.full((12,), 0.5, dtype=torch.float64)
    wanted = torch.nn.functional.one_hot(batch().y, 5)
    states = [*states, torch.zeros_like(wanted) + 0.0 * states[0][:, :5]]
    top = pulled_to_target(net.task, batch().y, nudge)
    found = []
    for steps in range(10):
        end = settle(net.blocks, params, wiring, bottom, states, steps, rho, top, gain)
        cost = (end[-1] - wanted).square().sum(1) / 2
        found.append(_hopfield(net, params, wiring, end, gain) + 0.5 * cost)
    energies = torch.stack(found)
    assert float((energies[1:] - energies[:-1]).max()) < 1e-12
    assert float((energies[-1] - energies[0]).max()) < -1


@pytest.mark.parametrize(
    ("name", "activation"),
    [("mlp", "hard_sigmoid"), ("mlp", "hard_tanh"), ("mlp", "tanh"), ("cnn", "hard_sigmoid"), ("cnn-plain", "tanh")],
)
def test_states_settle_where_every_layer_answers_its_neighbours(name: str, activation: str) -> None:
    net, params, wiring, bottom, states = _setting(name)
    params = {n: t / 3 for n, t in params.items()}
    bottom = net.blocks[0].preactivation(params, batch().x, wiring)
    rho, chain = response(activation, SLOPE), net.blocks[:-1]
    end = settle(chain, params, wiring, bottom, states, 300, rho, lambda drive, _: rho(drive))
    # An account of its own: all currents are the derivative of the coupling energy.
    leaves = [s.clone().requires_grad_() for s in end]
    coupling = sum(
        (s * block.preactivation(params, below, wiring)).sum()
        for block, below, s in zip(chain, [batch().x, *leaves], leaves, strict=False)
    )
    currents = torch.autograd.grad(coupling, leaves)
    assert max(float((rho(c) - s).abs().max()) for c, s in zip(currents, end, strict=True)) < 1e-10
    again = settle(chain, params, wiring, bottom, end, 1, rho, lambda drive, _: rho(drive))
    assert max(float((a - s).abs().max()) for a, s in zip(again, end, strict=True)) < 1e-10


def test_ascending_hears_nothing_from_above() -> None:
    net, params, wiring, bottom, _ = _setting("mlp")
    rho = response("hard_tanh", SLOPE)
    states = ascend(net.blocks, params, wiring, bottom, rho, lambda drive: drive)
    h1 = (SLOPE * (batch().x.flatten(1) @ params["hidden1.weight"].T)).clamp(-1, 1)
    h2 = (SLOPE * (h1 @ params["hidden2.weight"].T)).clamp(-1, 1)
    for found, wanted in zip(states, [h1, h2, h2 @ params["readout.weight"].T], strict=True):
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("strength", [-0.002, 0.002])
def test_prediction_errors_end_where_their_energy_and_the_nudge_balance(name: str, strength: float) -> None:
    net = network(name)
    params, state = instance(net, Untrained(), 0)
    wiring, chain, x = Wiring(state), net.blocks[:-1], batch().x
    bottom = chain[0].forward(params, x, wiring)
    nudge = torch.full((12,), strength, dtype=torch.float64)
    top = pushed_by_readout(net, params, wiring, batch().y, nudge, lambda drive: drive)
    states, errors = predict(chain, params, wiring, bottom, 20, top)
    leaves = [s.clone().requires_grad_() for s in states]
    predictions = [b.forward(params, s, wiring) for b, s in zip(chain, [x, *leaves], strict=False)]
    for s, p, e in zip(states, predictions, errors, strict=True):
        torch.testing.assert_close(s - p, e, rtol=0, atol=1e-12)
    energy = sum((s - p).square().sum() / 2 for s, p in zip(leaves, predictions, strict=True))
    energy = energy + strength * _cost(net, params, wiring, leaves[-1]).sum()
    slopes = torch.autograd.grad(energy, leaves)
    assert max(float(g.abs().max()) for g in slopes) < 1e-12
    assert min(float(e.abs().max()) for e in errors) > 1e-6


def test_unknown_response_gives_one_line() -> None:
    with pytest.raises(SpecError, match=r"Option activation is 'relu'; expected one of: hard_sigmoid, hard_tanh, tanh"):
        response("relu", 1.0)

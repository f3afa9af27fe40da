"""The credit network as a function of one vector, and what diffusion reaches."""

import pytest
import torch
from torch import nn

from brainalign.credit.credit_network import CreditNetwork, diffusion_kernels
from brainalign.errors import SpecError


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_it_equals_the_same_network_of_modules() -> None:
    network = CreditNetwork(3, (5, 4), 2)
    phi = network.init(_generator()) + 0.1
    modules = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2))
    nn.utils.vector_to_parameters(phi, modules.parameters())
    x = torch.randn(7, 6, 3, generator=_generator())
    assert torch.allclose(network(phi, x), modules(x), atol=1e-6)
    assert network.n_parameters == len(phi) == 5 * 4 + 4 * 6 + 2 * 5


def test_a_population_equals_its_members_one_by_one() -> None:
    network = CreditNetwork(3, (5,), 2)
    phis = torch.stack([network.init(_generator()), network.init(torch.Generator().manual_seed(1))])
    x = torch.randn(2, 6, 3, generator=_generator())
    together = torch.func.vmap(network)(phis, x)
    assert torch.allclose(together, torch.stack([network(p, y) for p, y in zip(phis, x, strict=True)]), atol=1e-6)


def test_no_hidden_layer_is_linear() -> None:
    network = CreditNetwork(2, (), 1)
    assert network(torch.tensor([2.0, -3.0, 0.5]), torch.tensor([1.0, 1.0])).item() == pytest.approx(-0.5)


def test_diffused_credit_reaches_every_neuron_and_most_the_nearest() -> None:
    smooth, other = diffusion_kernels((100, 30), 10, _generator(), randomness=0)
    assert smooth.shape == (100, 10)
    assert other.shape == (30, 10)
    assert torch.allclose(smooth.norm(dim=1), torch.ones(100))
    assert torch.equal(smooth.argmax(1), torch.arange(100) // 10)
    mixed = diffusion_kernels((100,), 10, _generator())[0]
    assert (mixed.abs().sum(1) > 0.5).all()
    assert (mixed < 0).any()
    assert not (smooth < 0).any()


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(SpecError, match=r"hidden\[1\] is 0"):
        CreditNetwork(3, (5, 0), 2)
    with pytest.raises(SpecError, match="got 3; expected phi"):
        CreditNetwork(3, (), 2)(torch.zeros(3), torch.zeros(3))
    with pytest.raises(SpecError, match="randomness is 2"):
        diffusion_kernels((3,), 2, _generator(), randomness=2)
    with pytest.raises(SpecError, match="n_credits is 0"):
        diffusion_kernels((3,), 0, _generator())

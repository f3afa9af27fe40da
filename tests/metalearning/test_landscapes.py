"""Landscapes: known minima, known values, basins, and instances that are only shifted and turned."""

import pytest
import torch

from brainalign.errors import SpecError
from brainalign.metalearning.landscapes import LANDSCAPES, Terrain, draw_terrain, landscape


def _double(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("name", LANDSCAPES)
@pytest.mark.parametrize("dimension", [2, 10])
def test_the_minimum_is_zero_and_lies_where_it_should(name: str, dimension: int) -> None:
    one = landscape(name)
    at = torch.full((dimension,), one.minimiser, dtype=torch.float64)
    assert float(one.value(at)) == pytest.approx(0, abs=1e-9)
    around = at + 0.3 * torch.randn(2000, dimension, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    anywhere = one.half_width * (2 * torch.rand(2000, dimension, dtype=torch.float64) - 1)
    assert (one.value(torch.cat([around, anywhere])) > 0).all()
    assert bool(one.in_basin(at))
    assert not bool(one.in_basin(at + 4 * one.basin))


def test_known_values() -> None:
    assert float(LANDSCAPES["rastrigin"].value(_double(1, -2))) == pytest.approx(5)
    assert float(LANDSCAPES["rastrigin"].value(_double(0.5, 0))) == pytest.approx(20.25)
    assert float(LANDSCAPES["rosenbrock"].value(_double(-1.2, 1))) == pytest.approx(24.2)
    assert float(LANDSCAPES["ackley"].value(_double(1, 1))) == pytest.approx(20 * (1 - 0.8187307530779818))
    assert float(LANDSCAPES["griewank"].value(_double(0, 2**0.5 * torch.pi))) == pytest.approx(
        2 + 2 * torch.pi**2 / 4000
    )


def test_the_barrier_of_the_double_well_parts_the_basins() -> None:
    one = LANDSCAPES["double_well"]
    barrier = one.minimiser + one.basin
    z = torch.linspace(one.minimiser, 1.2, 4001, dtype=torch.float64)
    values = one.value(z[:, None])
    assert float(z[:3200][values[:3200].argmax()]) == pytest.approx(barrier, abs=2e-3)
    assert bool(one.in_basin(_double(barrier - 0.01, barrier - 0.01)))
    assert not bool(one.in_basin(_double(barrier + 0.01, -1)))


@pytest.mark.parametrize("name", LANDSCAPES)
def test_an_instance_is_the_function_shifted_and_turned(name: str) -> None:
    terrain = draw_terrain(landscape(name), 4, 3, torch.Generator().manual_seed(0))
    terrain = Terrain(terrain.landscape, terrain.rotation.double(), terrain.minimum.double())
    upright = torch.eye(3, dtype=torch.float64).expand(4, 3, 3)
    assert torch.allclose(terrain.rotation @ terrain.rotation.mT, upright, atol=1e-6)
    assert torch.allclose(terrain.value(terrain.minimum), torch.zeros(4, dtype=torch.float64), atol=1e-5)
    assert terrain.in_basin(terrain.minimum).all()
    flat = Terrain(terrain.landscape, upright, terrain.minimum)
    step = _double(0.1, 0, 0)
    assert torch.allclose(flat.value(flat.minimum + step), terrain.value(terrain.minimum + step @ terrain.rotation))


def test_the_slope_is_the_gradient() -> None:
    terrain = draw_terrain(landscape("rosenbrock"), 5, 2, torch.Generator().manual_seed(0))
    terrain = Terrain(terrain.landscape, terrain.rotation.double(), terrain.minimum.double())
    u = torch.rand(5, 2, dtype=torch.float64)
    step = 1e-6 * _double(1, 0)
    found = (terrain.value(u + step) - terrain.value(u - step)) / 2e-6
    assert torch.allclose(terrain.slope(u)[:, 0], found, rtol=1e-5)


def test_unknown_functions_and_lines_are_refused() -> None:
    with pytest.raises(SpecError, match="Unknown function 'hill'"):
        landscape("hill")
    with pytest.raises(SpecError, match="dimension is 1"):
        draw_terrain(landscape("ackley"), 2, 1, torch.Generator())

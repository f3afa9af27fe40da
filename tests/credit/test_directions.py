"""Directions of rows: their gradient is what automatic differentiation of the same formula gives."""

import torch
from torch.nn import functional as F

from brainalign.credit.directions import Directions
from brainalign.credit.local_heads import similarity_matrix, similarity_slope


def _rows(n: int = 5) -> torch.Tensor:
    return torch.randn(n, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_a_gradient_of_directions_becomes_one_of_rows() -> None:
    x, slope = _rows().requires_grad_(), _rows().flip(0)
    (expected,) = torch.autograd.grad((F.normalize(x) * slope).sum(), x)
    found = Directions.of(x.detach())
    torch.testing.assert_close(found.unit, F.normalize(x.detach()))
    torch.testing.assert_close(found.turned(slope), expected)
    assert (found.turned(slope) * found.unit).sum(1).abs().max() < 1e-12  # a row is turned, not made longer


def test_short_rows_are_divided_by_what_is_asked_for() -> None:
    x = torch.stack([torch.zeros(3), torch.ones(3), 0.1 * torch.ones(3)])
    assert Directions.of(x).length.flatten().tolist()[0] == 1
    assert Directions.of(x, 0.5, 7.0).length.flatten().tolist()[::2] == [7, 7]


def test_the_slope_of_similarities_is_the_gradient_of_their_mean_squared_error() -> None:
    x, wanted = _rows().requires_grad_(), similarity_matrix(_rows().square())
    (expected,) = torch.autograd.grad((similarity_matrix(x) - wanted).square().mean(), x)
    torch.testing.assert_close(similarity_slope(x.detach(), wanted), expected)


def test_a_constant_row_stays() -> None:
    x = _rows()
    x[2] = 3.0
    assert similarity_slope(x, torch.eye(5, dtype=x.dtype))[2].abs().max() < 1e-6

"""Evolution strategies: slopes within Monte-Carlo error, ranks, common tasks, and what is refused."""

import pytest
import torch

from brainalign.errors import DivergenceError, SpecError
from brainalign.metalearning.evolution import Evolution, centred_ranks, evolve, slope_from

CURVATURE = torch.tensor([1.0, 3.0, 0.5, 2.0], dtype=torch.float64)
POINT = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)


def _quadratic(x: torch.Tensor) -> torch.Tensor:
    return (CURVATURE * x.square()).sum(-1) / 2


def test_the_slope_of_a_quadratic_is_within_monte_carlo_error() -> None:
    n = 20_000
    options = Evolution(population=n, sigma=0.1, shaping="values")
    half = torch.randn(n // 2, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    directions = torch.cat([half, -half])
    found = slope_from(_quadratic(POINT + options.sigma * directions), directions, options)
    # Antithetic pairs cancel the curvature: each pair contributes (g.e) e, of variance |g|^2 + g_i^2.
    true = CURVATURE * POINT
    error = ((true.square().sum() + true.square()) / (n // 2)).sqrt()
    assert ((found - true).abs() < 4 * error).all()
    assert (error < 0.1 * true.norm()).all()


def test_ranks_are_centred_share_ties_and_put_what_is_not_finite_last() -> None:
    ranks = centred_ranks(torch.tensor([3.0, 1.0, 1.0, float("nan"), float("inf")]))
    assert torch.allclose(ranks, torch.tensor([0.0, -0.375, -0.375, 0.375, 0.375]))
    assert float(ranks.sum()) == pytest.approx(0)


def test_a_quadratic_is_descended_and_validation_names_the_best_mean() -> None:
    options = Evolution(generations=150, population=20, sigma=0.1, learning_rate=0.1, validate_every=50)
    evolved = evolve(
        lambda c, g: _quadratic(c), POINT, options, torch.Generator().manual_seed(0), lambda m: float(_quadratic(m))
    )
    assert _quadratic(evolved.best) < 1e-2 * _quadratic(POINT)
    assert _quadratic(evolved.best) <= _quadratic(evolved.mean)
    assert evolved.history.validation.notna().sum() == 3
    assert options.lifetimes == 3000


def test_candidates_of_a_generation_meet_the_same_task() -> None:
    def fitness(candidates: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        task = 100 * torch.randn((), generator=generator)  # one draw for all: no candidate is luckier than another
        return _quadratic(candidates) + task

    options = Evolution(generations=60, population=20, sigma=0.1, learning_rate=0.1)
    noisy = evolve(fitness, POINT, options, torch.Generator().manual_seed(0))
    assert _quadratic(noisy.mean) < 0.1 * _quadratic(POINT)


def test_what_cannot_be_run_is_refused() -> None:
    for wrong, message in (
        ({"population": 3}, "population is 3"), ({"sigma": 0.0}, "sigma is 0.0"), ({"shaping": "x"}, "shaping is 'x'"),
        ({"generations": 0}, "generations is 0"),
    ):  # fmt: skip
        with pytest.raises(SpecError, match=message):
            Evolution(**wrong)
    with pytest.raises(DivergenceError, match="No candidate"):
        evolve(lambda c, g: c[:, 0] * torch.nan, POINT, Evolution(generations=1), torch.Generator())

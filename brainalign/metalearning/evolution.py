"""Evolution strategies: the outer level of top-down credit assignment."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from brainalign.errors import DivergenceError, SpecError
from brainalign.networks.architecture import choose
from brainalign.options import require_positive

#: ``fitness(candidates (population, n_parameters), generator) -> (population,)``; LOWER is better.
Fitness = Callable[[Tensor, torch.Generator], Tensor]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Evolution:
    """``m <- m - Adam(g)``, ``g = 1/(n sigma) sum_i u_i e_i``, with candidates ``m + sigma e_i`` in antithetic pairs.

    ``n`` is the population and ``u_i`` the fitness of a candidate, lower is better; with ``shaping="ranks"`` its
    centred rank in [-1/2, 1/2], which no outlier moves. ``g`` estimates the gradient of the fitness blurred by
    ``sigma``. The fitness of a generation is given one generator, so that its candidates meet the same tasks.

    Not plausible: candidates live one after another, and their rewards are compared outside of them.

    Parameters
    ----------
    generations
        Steps of the mean.
    population
        Candidates per generation; even.
    sigma
        Standard deviation of a candidate around the mean, in units of parameters.
    learning_rate
        Of Adam (0.9, 0.999) on the mean; falls to ``final_rate`` times itself along a cosine.
    final_rate
        See above; 1 for a constant rate.
    shaping
        ``"ranks"`` or ``"values"``.
    validate_every
        Generations between two looks at the mean with ``validate``.

    References
    ----------
    Salimans et al. 2017 (arXiv 1703.03864). That the outer level of Chen, Liu & Wang (arXiv 2208.01416) is
    evolutionary is our reading.
    """

    generations: int = 200
    population: int = 64
    sigma: float = 0.05
    learning_rate: float = 0.02
    final_rate: float = 0.1
    shaping: str = "ranks"
    validate_every: int = 10

    def __post_init__(self) -> None:
        choose("shaping", self.shaping, ("ranks", "values"))
        require_positive(
            generations=self.generations, sigma=self.sigma, learning_rate=self.learning_rate,
            final_rate=self.final_rate, validate_every=self.validate_every,
        )  # fmt: skip
        if self.population < 2 or self.population % 2:
            msg = f"Option population is {self.population}; expected an even number, 2 or more, of antithetic pairs."
            raise SpecError(msg)

    @property
    def lifetimes(self) -> int:
        """Candidates that live in one run: the outer compute."""
        return self.generations * self.population


@dataclass(frozen=True, eq=False)
class Evolved:
    """What an outer run leaves.

    ``mean`` is where it ended, ``best`` the mean of lowest validation (``mean``, where nothing validates), and
    ``history`` has a row per generation: ``generation``, ``fitness`` (mean of the candidates), ``best_fitness``,
    ``validation`` (empty between looks).
    """

    mean: Tensor
    best: Tensor
    history: pd.DataFrame


def evolve(
    fitness: Fitness,
    start: Tensor,
    options: Evolution,
    generator: torch.Generator,
    validate: Callable[[Tensor], float] | None = None,
    progress: Progress | None = None,
) -> Evolved:
    """Minimise the expected ``fitness`` from ``start`` ``(n_parameters,)``.

    Directions are drawn on the CPU from ``generator``, which the fitness then draws its tasks from. ``validate(mean)``
    is never followed, only used to say which mean was best.

    Raises
    ------
    DivergenceError
        If no candidate of a generation has a finite fitness.
    """
    mean = start.clone()
    moments = (torch.zeros_like(mean), torch.zeros_like(mean))
    best, lowest, rows = mean, float("inf"), []
    for generation in range(options.generations):
        directions = torch.randn(options.population // 2, len(mean), generator=generator).to(mean)
        directions = torch.cat([directions, -directions])
        found = fitness(mean + options.sigma * directions, generator).to(mean)
        slope = slope_from(found, directions, options)
        mean, moments = _adam(mean, slope, moments, generation, options)
        look = (generation + 1) % options.validate_every == 0 or generation + 1 == options.generations
        validation = validate(mean) if validate and look else None
        if validation is not None and validation < lowest:
            best, lowest = mean, validation
        finite = found[found.isfinite()]
        rows.append((generation, float(finite.mean()), float(finite.min()), validation))
        if progress:
            progress(generation + 1, options.generations, f"generation {generation + 1}")
    history = pd.DataFrame(rows, columns=["generation", "fitness", "best_fitness", "validation"])
    return Evolved(mean, mean if lowest == float("inf") else best, history)


def slope_from(fitness: Tensor, directions: Tensor, options: Evolution) -> Tensor:
    """Return ``g`` ``(n_parameters,)`` from the candidates' fitness ``(n,)`` and ``e`` ``(n, n_parameters)``.

    A candidate whose fitness is not finite ranks last.
    """
    if not fitness.isfinite().any():
        msg = "No candidate has a finite fitness; lower sigma or the credits' step size."
        raise DivergenceError(msg)
    shaped = fitness if options.shaping == "values" else centred_ranks(fitness)
    return shaped @ directions / (len(fitness) * options.sigma)


def centred_ranks(fitness: Tensor) -> Tensor:
    """Return ranks ``(n,)`` in [-1/2, 1/2], lowest first; ties share the mean of their ranks, NaN counts as worst."""
    known = torch.where(fitness.isnan(), torch.inf, fitness)
    below = (known[:, None] > known).sum(1)
    equal = (known[:, None] == known).sum(1) - 1
    return (below + equal / 2).to(fitness) / (len(fitness) - 1) - 0.5


def _adam(
    mean: Tensor, slope: Tensor, moments: tuple[Tensor, Tensor], step: int, options: Evolution
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    first = 0.9 * moments[0] + 0.1 * slope
    second = 0.999 * moments[1] + 0.001 * slope.square()
    fraction = torch.tensor(step / options.generations)
    rate = options.final_rate + (1 - options.final_rate) * 0.5 * (1 + torch.cos(torch.pi * fraction))
    size = options.learning_rate * rate.to(mean) / (1 - 0.9 ** (step + 1))
    return mean - size * first / ((second / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8), (first, second)

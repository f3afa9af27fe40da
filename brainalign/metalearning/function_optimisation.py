"""Non-convex functions: credit networks against gradient descent, at equal evaluations and outer compute."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

import pandas as pd
import torch
from torch import Tensor

from brainalign.errors import SpecError
from brainalign.metalearning.credit_walk import CreditWalk, Walk
from brainalign.metalearning.descents import MOMENTA, RATES, SIZES, Descent, OnePlusOne
from brainalign.metalearning.evolution import Evolution, Evolved, Progress, evolve
from brainalign.metalearning.landscapes import LANDSCAPES, Terrain, draw_starts, draw_terrain, landscape
from brainalign.networks.architecture import choose
from brainalign.options import require_positive
from brainalign.randomness import stream

#: Every method, those of the top-down network first.
METHODS = (
    *("credit", "credit_diffused", "credit_gradient", "credit_diffused_gradient"),
    *("gradient_descent", "momentum", "learned_rate", "one_plus_one"),
)
_TUNING = 128


class Walker(Protocol):
    """What moves a point: ``phi`` ``(p, n)`` says how."""

    def walk(self, phi: Tensor, terrain: Terrain, start: Tensor, noise: Tensor, keep: bool = False) -> Walk:
        """Walk from ``start`` ``(b, d)`` on instance b, for every row of ``phi``."""


class Meeting(NamedTuple):
    """Instances, the starts on them ``(b, d)`` and the neurons' noise ``(steps, b, d)``."""

    terrain: Terrain
    start: Tensor
    noise: Tensor


@dataclass(frozen=True)
class FunctionOptions:
    """What is compared.

    Parameters
    ----------
    functions, methods, dimension
        Names of landscapes, of :data:`METHODS`, and the number of coordinates.
    steps
        Evaluations of the function in a walk, of its slope for gradient descent.
    instances
        Unseen instances, with a start each, that a generation of the outer level meets; shared by its functions.
    n_test
        Instances and starts that nothing was trained or tuned on.
    floor
        The outer level minimises ``mean log10(F + floor)``: values far below ``floor`` count as reached.
    n_credits
        Of the methods whose credit is diffused.
    seeds
        Outer runs.
    """

    functions: tuple[str, ...] = tuple(LANDSCAPES)
    methods: tuple[str, ...] = METHODS
    dimension: int = 2
    steps: int = 100
    instances: int = 16
    n_test: int = 500
    floor: float = 1e-3
    n_credits: int = 1
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    evolution: Evolution = field(default_factory=lambda: Evolution(100, 32, sigma=0.1, learning_rate=0.05))

    def __post_init__(self) -> None:
        for name in self.functions:
            landscape(name)
        for name in self.methods:
            choose("methods", name, METHODS)
        require_positive(
            steps=self.steps, instances=self.instances, n_test=self.n_test, floor=self.floor, n_credits=self.n_credits
        )
        if not self.functions or not self.methods or not self.seeds:
            msg = "Options functions, methods and seeds are empty in part; expected at least one of each."
            raise SpecError(msg)


@dataclass(frozen=True, eq=False)
class FunctionTables:
    """``scores``: a row per function, method and seed; ``history``: per generation; ``paths``: per step of a walk."""

    scores: pd.DataFrame
    history: pd.DataFrame
    paths: pd.DataFrame


def credit_walk(method: str, options: FunctionOptions) -> CreditWalk:
    """Return the walk of a method of the top-down network."""
    credits = min(options.n_credits, options.dimension) if "diffused" in method else 0
    reads = "gradient" if "gradient" in method else "values"
    return CreditWalk(options.dimension, credits, reads, steps=options.steps)


def function_experiment(options: FunctionOptions, progress: Progress | None = None) -> FunctionTables:
    """Train every method on instances of one function at a time and meet unseen instances of it.

    ``scores`` has ``function``, ``dimension``, ``method``, ``seed``, ``n_parameters`` (of what the outer level
    trained), ``lifetimes`` (of the outer level), ``evaluations`` (per lifetime), ``lower``, ``median`` and ``upper``
    quartile of the final value, ``escaped`` (fraction that ends in the basin of the global minimum) and ``started``
    (that started there).
    """
    scores, history, paths = [], [], []
    jobs = [(name, seed, method) for name in options.functions for seed in options.seeds for method in options.methods]
    for done, (name, seed, method) in enumerate(jobs):
        if progress:
            progress(done, len(jobs), f"{name}: {method}, seed {seed}")
        trained = train_method(method, (name,), options, seed)
        scores.append({"function": name, **score(trained, name, method, options, seed)})
        history.append(trained.history.assign(function=name, method=method, seed=seed))
        if options.dimension == 2 and seed == options.seeds[0]:
            paths.append(_paths(trained, name, options).assign(function=name, method=method))
    dimension = {"dimension": options.dimension}
    tables = (pd.concat(rows, ignore_index=True) if rows else pd.DataFrame() for rows in (history, paths))
    return FunctionTables(pd.DataFrame(scores).assign(**dimension), *(table.assign(**dimension) for table in tables))


# -- the outer level --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Trained:
    """A walker with the ``phi`` ``(n,)`` it ended with, the lifetimes that cost, and how it got there."""

    walker: Walker
    phi: Tensor
    lifetimes: int
    history: pd.DataFrame


def train_method(
    method: str,
    functions: Sequence[str],
    options: FunctionOptions,
    seed: int,
    progress: Progress | None = None,
) -> Trained:
    """Train or tune a method on instances of ``functions``; their mean fitness counts.

    Gradient descent is tuned on a grid of rates (and momenta), and the meta-learned rate starts from the best of it;
    the (1+1) strategy on a grid of first step sizes. A grid alone costs fewer lifetimes than the outer level does; the
    meta-learned rate has both.
    """
    generator = stream(seed, "outer", method, *functions)
    if method.startswith("credit"):
        walk = credit_walk(method, options)
        evolved = _evolve(walk, walk.network.init(generator), functions, options, generator, progress)
        return Trained(walk, evolved.mean, options.evolution.lifetimes * _met(functions, options), evolved.history)
    walker, grid = _grid(method, options)
    meetings = [draw_meeting(name, _TUNING, options, stream(seed, "tuning", name)) for name in functions]
    found = mean_log_value(walker, grid, meetings, options.floor)
    best, lifetimes = grid[found.argmin()], len(grid) * _TUNING * len(functions)
    if method != "learned_rate":
        return Trained(walker, best, lifetimes, pd.DataFrame({"generation": [0], "fitness": [float(found.min())]}))
    evolved = _evolve(walker, best, functions, options, generator, progress)
    return Trained(
        walker, evolved.mean, lifetimes + options.evolution.lifetimes * _met(functions, options), evolved.history
    )


def _grid(method: str, options: FunctionOptions) -> tuple[Walker, Tensor]:
    """Return a baseline and its candidates ``(p, n)``."""
    if method == "one_plus_one":
        return OnePlusOne(options.steps), SIZES.log()[:, None]
    momenta = MOMENTA[:1] if method == "gradient_descent" else MOMENTA
    return Descent(options.steps), torch.cat([Descent.constant(RATES, momentum) for momentum in momenta])


def _met(functions: Sequence[str], options: FunctionOptions) -> int:
    """Return the lifetimes of a candidate in one generation."""
    return max(1, options.instances // len(functions)) * len(functions)


def _evolve(
    walker: Walker,
    start: Tensor,
    functions: Sequence[str],
    options: FunctionOptions,
    generator: torch.Generator,
    progress: Progress | None,
) -> Evolved:
    each = _met(functions, options) // len(functions)

    def fitness(candidates: Tensor, generator: torch.Generator) -> Tensor:
        meetings = [draw_meeting(name, each, options, generator) for name in functions]
        return mean_log_value(walker, candidates, meetings, options.floor)

    return evolve(fitness, start, options.evolution, generator, progress=progress)


def draw_meeting(name: str, n: int, options: FunctionOptions, generator: torch.Generator) -> Meeting:
    """Draw ``n`` instances of a function, starts and noise."""
    terrain = draw_terrain(landscape(name), n, options.dimension, generator)
    start = draw_starts(n, options.dimension, generator)
    return Meeting(terrain, start, CreditWalk(options.dimension, steps=options.steps).noise(n, generator))


def mean_log_value(walker: Walker, phi: Tensor, meetings: Sequence[Meeting], floor: float) -> Tensor:
    """Return ``mean log10(F + floor)`` of the final values, ``(p,)``."""
    found = [torch.log10(walker.walk(phi, *meeting).value + floor).mean(-1) for meeting in meetings]
    return torch.stack(found).mean(0)


# -- unseen instances -------------------------------------------------------------------------------------------------


def score(trained: Trained, name: str, method: str, options: FunctionOptions, seed: int) -> dict[str, object]:
    """Return what walks on unseen instances came to; every method of a seed meets the same."""
    meeting = draw_meeting(name, options.n_test, options, stream(seed, "unseen", name))
    walk = trained.walker.walk(trained.phi[None], *meeting)
    lower, median, upper = walk.value[0].quantile(torch.tensor([0.25, 0.5, 0.75])).tolist()
    return {
        "method": method, "seed": seed, "n_parameters": len(trained.phi), "lifetimes": trained.lifetimes,
        "evaluations": options.steps, "lower": lower, "median": median, "upper": upper,
        "escaped": float(meeting.terrain.in_basin(walk.point).float().mean()),
        "started": float(meeting.terrain.in_basin(meeting.start).float().mean()),
    }  # fmt: skip


def _paths(trained: Trained, name: str, options: FunctionOptions, n: int = 8) -> pd.DataFrame:
    """Return walks on one unseen, unturned instance from several starts, in the function's own coordinates."""
    meeting = draw_meeting(name, n, options, stream(options.seeds[0], "paths", name))
    upright = torch.eye(2).expand(n, 2, 2)
    terrain = replace(meeting.terrain, rotation=upright, minimum=torch.full((n, 2), 0.2))
    path = trained.walker.walk(trained.phi[None], terrain, meeting.start, meeting.noise, keep=True).path
    assert path is not None
    z = terrain.canonical(path)[:, 0]
    value = terrain.value(path)[:, 0]
    rows = [(k, t, float(z[t, k, 0]), float(z[t, k, 1]), float(value[t, k])) for k in range(n) for t in range(len(z))]
    return pd.DataFrame(rows, columns=["start", "step", "z1", "z2", "value"])

"""Short trainings on digits while something is wrong: what a rule retains of what it learns undisturbed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from brainalign.credit.batch import Batch
from brainalign.credit.step import Step
from brainalign.datasets.dataset import dataset
from brainalign.networks.network import Network, Params
from brainalign.plausibility.tap import Tap
from brainalign.plausibility.unsupported import Unsupported
from brainalign.randomness import stream
from brainalign.rules.learning_rule import LearningRule
from brainalign.training.optimisation import make_optimizer
from brainalign.training.population import choose_execution, population_step

#: Accuracy below which a rule has not learned anything to retain; chance is 0.1.
_LEARNED = 0.25


@dataclass(frozen=True)
class Disturbance:
    """What goes wrong in training.

    Parameters
    ----------
    name
        For the record.
    tap
        Options of :class:`Tap`, made anew for every run from a generator.
    targets
        ``"true"`` or ``"random"``: labels without meaning.
    updates
        Share of layers whose update is applied at a step, each drawn anew; 1 for all.
    singles
        Samples shown instead of batches, one at a time and none twice, at half the rate since their updates are
        noisier; 0 for batches.
    """

    name: str
    tap: Callable[[torch.Generator], Mapping[str, Any]] | None = None
    targets: str = "true"
    updates: float = 1.0
    singles: int = 0


@dataclass(frozen=True)
class Practice:
    """A rule that learns digits for some steps with Adam, three seeds at once."""

    rule: LearningRule
    network: Network
    seeds: tuple[int, ...] = (0, 1, 2)
    steps: int = 30
    batch_size: int = 64
    learning_rate: float = 0.004
    _cache: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def accuracy(self, disturbance: Disturbance | None = None) -> Tensor:
        """Return the test accuracy of every seed after training under ``disturbance``."""
        disturbance = disturbance or Disturbance("none")
        if disturbance.name not in self._cache:
            params, state = self.trained(disturbance)
            _, _, x, y = digits()
            answers = list(self.respond(params, state, x).values())[-1]
            self._cache[disturbance.name] = (answers.argmax(2) == y).double().mean(1)
        return self._cache[disturbance.name]

    def retained(self, disturbance: Disturbance) -> Tensor:
        """Return accuracy above chance under ``disturbance``, relative to undisturbed, by seed.

        Raises
        ------
        Unsupported
            If the rule does not learn undisturbed.
        """
        undisturbed, chance = self.accuracy(), 1 / self.network.task.n_outputs
        if undisturbed.min() < _LEARNED:
            msg = (
                f"undisturbed it reaches {float(undisturbed.mean()):.0%} on digits after {self.steps} steps; "
                f"nothing to retain"
            )
            raise Unsupported(msg)
        return (self.accuracy(disturbance) - chance) / (undisturbed - chance)

    def respond(self, params: Params, state: Params, x: Tensor) -> dict[str, Tensor]:
        """Return what every instance makes of ``x``, by layer ``(seeds, n, ...)``."""
        with torch.no_grad():
            return vmap(lambda p, s: self.rule.respond(self.network, p, s, x))(params, state)

    def start(self) -> tuple[Params, Params]:
        """Return parameters and state before learning, all seeds."""
        params, state = [], []
        for seed in self.seeds:
            params.append(self.network.init(stream(seed, "init")))
            drawn = self.rule.init(self.network, params[-1], stream(seed, "rule"))
            state.append({**self.network.init_state(), **drawn})
        return _stack(params), _stack(state)

    def trained(self, disturbance: Disturbance) -> tuple[Params, Params]:
        """Return parameters and state after learning, all seeds."""
        params, state = self.start()
        x, y, _, _ = digits()
        run = population_step(
            self.rule, self.network, choose_execution("auto", self.network, len(self.seeds), torch.device("cpu"))
        )
        leaves = {**params, **{name: state[name] for name in self.rule.trainable(_row(state))}}
        steps, size = (disturbance.singles, 1) if disturbance.singles else (self.steps, self.batch_size)
        rate = self.learning_rate * (0.5 if disturbance.singles else 1)
        optimiser = make_optimizer("adam", leaves, rate, {})
        chance = stream(0, "practice", disturbance.name)
        options = {**disturbance.tap(chance), "record": False, "script": []} if disturbance.tap else None
        for k in range(steps):
            # Batches are drawn anew at every step; of single samples none comes twice.
            draw, first = (0, k) if disturbance.singles else (k, 0)
            rows = torch.stack([torch.randperm(len(x), generator=stream(s, "order", draw)) for s in self.seeds])
            rows = rows[:, first : first + size]
            labels = y[rows]
            if disturbance.targets == "random":
                labels = labels[:, torch.randperm(size, generator=chance)]
            batch = Batch(x[rows], labels, rows)
            noise = _stack([self.rule.noise(self.network, size, stream(seed, "noise", k)) for seed in self.seeds])
            step = self._run(run, params, state, batch, noise, options)
            for name, leaf in leaves.items():
                leaf.grad = step.updates.get(name)
                if torch.rand((), generator=stream(0, _layer(name), k)) >= disturbance.updates:
                    leaf.grad = None
            optimiser.step()
            state = {**state, **step.state}
            if not all(torch.isfinite(leaf).all() for leaf in leaves.values()):
                break
        return params, {**state, **{name: leaves[name] for name in leaves if name in state}}

    def _run(
        self, run: Callable[..., Step], params: Params, state: Params, batch: Batch, noise: Params,
        options: Mapping[str, Any] | None,
    ) -> Step:  # fmt: skip
        if options is None:
            return run(params, state, batch, noise)
        with Tap(params, state, batch, noise, **options):
            return run(params, state, batch, noise)


@cache
def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return training images and labels and test images and labels, standardised by the training images."""
    source = dataset("digits")
    (x, y, _), (x_test, y_test, _) = source.train(), source.test()
    train, test = (torch.from_numpy(images).float() / 255 for images in (x, x_test))
    mean, sd = train.mean(), train.std()
    return (train - mean) / sd, torch.from_numpy(y), (test - mean) / sd, torch.from_numpy(y_test)


def _layer(name: str) -> str:
    return name.rsplit(".", 1)[0]


def _stack(parts: list[Params]) -> Params:
    return {name: torch.stack([part[name] for part in parts]) for name in parts[0]}


def _row(tensors: Params) -> Params:
    return {name: tensor[0] for name, tensor in tensors.items()}

"""Reinforcement learning: policies that learn by credit within a lifetime, on default and on unseen settings."""

from dataclasses import dataclass, field

import pandas as pd
import torch
from torch import Tensor

from brainalign.errors import SpecError
from brainalign.metalearning.control_tasks import ControlTask, Setting, control_task, gymnasium_environment
from brainalign.metalearning.credit_policy import CreditPolicy, Policy, World, returns
from brainalign.metalearning.evolution import Evolution, Progress, evolve
from brainalign.metalearning.policy_baselines import (
    ADAM_RATES,
    LIFETIME_RATES,
    PolicyGradient,
    lifetime_policy_gradient,
)
from brainalign.networks.architecture import choose
from brainalign.options import require_positive
from brainalign.randomness import stream, stream_seed

#: Every method; the first four learn in each lifetime, from random weights.
METHODS = (
    *("credit", "credit_undiffused", "credit_without_reward", "lifetime_policy_gradient"),
    *("evolved_policy", "policy_gradient", "untrained"),
)
_TUNING = 64


@dataclass(frozen=True)
class ReinforcementOptions:
    """What is compared.

    Parameters
    ----------
    tasks, methods
        Names of control tasks and of :data:`METHODS`.
    width, n_credits, learning_steps, rate
        See :class:`CreditPolicy`.
    lifetimes
        Lifetimes that each candidate of a generation has.
    n_test
        Lifetimes, with a test episode each, from starts and weights that nothing was trained on.
    seeds
        Outer runs.
    updates
        Of the policy gradient that is not bound to a lifetime.
    gymnasium_episodes
        Test episodes that are played in gymnasium's own environment as well; 0 for none.
    """

    tasks: tuple[str, ...] = ("cart_pole", "acrobot", "mountain_car")
    methods: tuple[str, ...] = METHODS
    width: int = 32
    n_credits: int = 2
    learning_steps: int = 200
    rate: float = 0.2
    lifetimes: int = 8
    n_test: int = 200
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    updates: int = 60
    gymnasium_episodes: int = 100
    evolution: Evolution = field(default_factory=lambda: Evolution(30, 32, sigma=0.2, learning_rate=0.1))

    def __post_init__(self) -> None:
        for name in self.tasks:
            control_task(name)
        for name in self.methods:
            choose("methods", name, METHODS)
        require_positive(lifetimes=self.lifetimes, n_test=self.n_test, updates=self.updates)
        if not self.tasks or not self.methods or not self.seeds or self.gymnasium_episodes > self.n_test:
            msg = (
                f"Options tasks, methods and seeds need an entry each, and gymnasium_episodes "
                f"({self.gymnasium_episodes}) at most n_test ({self.n_test})."
            )
            raise SpecError(msg)

    def credit_policy(self, task: str, method: str = "credit") -> CreditPolicy:
        """Return the credit policy of a method."""
        credits = 0 if method == "credit_undiffused" else self.n_credits
        return CreditPolicy(
            task, self.width, credits, learning_steps=self.learning_steps, rate=self.rate,
            reads_reward=method != "credit_without_reward",
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class ReinforcementTables:
    """``scores``: a row per task, variant, method and seed; ``history``: a row per generation."""

    scores: pd.DataFrame
    history: pd.DataFrame


def reinforcement_experiment(options: ReinforcementOptions, progress: Progress | None = None) -> ReinforcementTables:
    """Train every method in the default setting; test it there and in settings nothing was trained in.

    ``scores`` has ``task``, ``variant``, ``method``, ``seed``, ``n_parameters`` (of what the outer level trained),
    ``most_steps`` (in the task, over all of its training, if no episode ended early), ``mean_return``, ``lower``
    (quartile), ``solved`` (whether the mean return reaches the task's threshold), and ``gymnasium_return`` where
    gymnasium played it too. Methods that learn in a lifetime learn in the variant that they are tested in.
    """
    scores, history = [], []
    jobs = [(task, seed, method) for task in options.tasks for seed in options.seeds for method in options.methods]
    for done, (name, seed, method) in enumerate(jobs):
        if progress:
            progress(done, len(jobs), f"{name}: {method}, seed {seed}")
        learner = train_method(method, name, options, seed)
        history.append(learner.history.assign(task=name, method=method, seed=seed))
        task = control_task(name)
        for variant in ("default", *task.unseen):
            setting = task.setting(variant)
            world = options.credit_policy(name).world(options.n_test, stream(seed, "unseen", name))
            policy = learner.lived(world, setting)
            found = returns(task, policy, world.test_starts, setting)
            played = None
            if variant == "default" and options.gymnasium_episodes:
                played = float(gymnasium_returns(task, policy, setting, options.gymnasium_episodes, seed).mean())
            mean = float(found.mean())
            row = {
                "task": name, "variant": variant, "method": method, "seed": seed,
                "n_parameters": learner.n_parameters, "most_steps": learner.most_steps, "mean_return": mean,
                "lower": float(found.quantile(0.25)), "solved": mean >= task.solved, "gymnasium_return": played,
            }  # fmt: skip
            scores.append(row)
    return ReinforcementTables(pd.DataFrame(scores), pd.concat(history, ignore_index=True))


# -- training ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Learner:
    """A trained method: ``found`` is its credit network's ``phi``, its rate, or a policy, by ``method``."""

    method: str
    options: CreditPolicy
    found: Tensor | Policy | None
    n_parameters: int
    most_steps: int
    history: pd.DataFrame

    def lived(self, world: World, setting: Setting) -> Policy:
        """Return the policies that lifetimes of ``world`` end with, which broadcast against ``(b,)``."""
        if isinstance(self.found, Policy):
            return Policy(self.found.inner[None], self.found.outer[None])
        if self.found is None:
            return world.policy
        if self.method == "lifetime_policy_gradient":
            lived = lifetime_policy_gradient(self.options, self.found[None], world, setting)
        else:
            lived = self.options.learn(self.found[None], world, setting)
        return Policy(lived.inner[0], lived.outer[0])


def train_method(method: str, name: str, options: ReinforcementOptions, seed: int) -> Learner:
    """Train a method in the default setting of a task."""
    credit = options.credit_policy(name, method)
    task, generator, empty = credit.control, stream(seed, "outer", name, method), pd.DataFrame()
    lifetimes = options.evolution.lifetimes * options.lifetimes
    if method == "untrained":
        return Learner(method=method, options=credit, found=None, n_parameters=0, most_steps=0, history=empty)
    if method.startswith("credit"):

        def fitness(phi: Tensor, generator: torch.Generator) -> Tensor:
            world = credit.world(options.lifetimes, generator)
            policy = credit.learn(phi, world, task.settings)
            return -returns(task, policy, world.test_starts, task.settings, progress=True).mean(-1)

        start = credit.network.init(generator)
        evolved = evolve(fitness, start, options.evolution, generator)
        steps = lifetimes * (credit.learning_steps + task.steps)
        return Learner(
            method=method,
            options=credit,
            found=evolved.mean,
            n_parameters=len(start),
            most_steps=steps,
            history=evolved.history,
        )
    if method == "evolved_policy":
        return _evolved_policy(credit, options, generator)
    if method == "lifetime_policy_gradient":
        world = credit.world(_TUNING, stream(seed, "tuning", name))
        policy = lifetime_policy_gradient(credit, LIFETIME_RATES, world, task.settings)
        found = returns(task, policy, world.test_starts, task.settings).mean(-1)
        steps = len(LIFETIME_RATES) * _TUNING * (credit.learning_steps + task.steps)
        return Learner(
            method=method,
            options=credit,
            found=LIFETIME_RATES[found.argmax()],
            n_parameters=1,
            most_steps=steps,
            history=empty,
        )
    drawn = credit.world(1, generator).policy
    policy = Policy(*(w.expand(len(ADAM_RATES), -1, -1) for w in (drawn.inner, drawn.outer)))
    gradient = PolicyGradient(options.updates)
    learned, steps = gradient.learn(task, policy, ADAM_RATES, task.settings, generator)
    starts = task.draw((_TUNING,), stream(seed, "tuning", name))
    best = returns(task, _each(learned), starts, task.settings).mean(-1).argmax()
    count = learned.inner[0].numel() + learned.outer[0].numel()
    chosen = Policy(learned.inner[best], learned.outer[best])
    return Learner(
        method=method,
        options=credit,
        found=chosen,
        n_parameters=count,
        most_steps=steps * len(ADAM_RATES),
        history=empty,
    )


def _evolved_policy(credit: CreditPolicy, options: ReinforcementOptions, generator: torch.Generator) -> Learner:
    """Evolve the policy's own weights, with as many candidates and episodes as credit networks have."""
    task, drawn = credit.control, credit.world(1, generator).policy

    def unpacked(weights: Tensor) -> Policy:
        inner, outer = weights.split((drawn.inner.numel(), drawn.outer.numel()), -1)
        return Policy(inner.unflatten(-1, drawn.inner.shape[1:]), outer.unflatten(-1, drawn.outer.shape[1:]))

    def fitness(weights: Tensor, generator: torch.Generator) -> Tensor:
        starts = task.draw((options.lifetimes,), generator)
        return -returns(task, _each(unpacked(weights)), starts, task.settings, progress=True).mean(-1)

    start = torch.cat([drawn.inner.flatten(), drawn.outer.flatten()])
    evolved = evolve(fitness, start, options.evolution, generator)
    steps = options.evolution.lifetimes * options.lifetimes * task.steps
    return Learner(
        method="evolved_policy",
        options=credit,
        found=unpacked(evolved.mean),
        n_parameters=len(start),
        most_steps=steps,
        history=evolved.history,
    )


def _each(policy: Policy) -> Policy:
    """Return policies ``(p,)`` as ``(p, 1)``, so that each meets all starts."""
    return Policy(policy.inner.unsqueeze(1), policy.outer.unsqueeze(1))


# -- gymnasium --------------------------------------------------------------------------------------------------------


def gymnasium_returns(task: ControlTask, policy: Policy, setting: Setting, episodes: int, seed: int) -> Tensor:
    """Return what the first ``episodes`` policies ``(b,)`` earn in gymnasium's own environment, one episode each."""
    environment = gymnasium_environment(task, setting)
    weights = [w.expand(episodes, -1, -1) if len(w) == 1 else w for w in (policy.inner, policy.outer)]
    forces = torch.tensor(task.forces) * setting["actuator"]
    earned = torch.zeros(episodes)
    for k in range(episodes):
        own = Policy(weights[0][k], weights[1][k])
        environment.reset(seed=stream_seed(seed, "gymnasium", k) % 2**31)
        over = False
        while not over:
            state = torch.as_tensor(environment.unwrapped.state, dtype=torch.float32)
            force = float(forces[own.act(task.senses(state))])
            action = [force] if task.continuous else task.forces.index(force)
            _, reward, ended, cut, _ = environment.step(action)
            earned[k] += float(reward)
            over = ended or cut
    environment.close()
    return earned

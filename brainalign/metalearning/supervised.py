"""The outer level of supervised learning: what a credit network or a rate is worth is what networks learn with it.

A candidate ``theta`` is judged by the mean loss, or the share of wrong answers, of samples that nobody learned from,
over ``looks`` moments of a lifetime of ``steps`` steps, of networks drawn afresh for every generation.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import log
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from torch.func import grad_and_value, vmap

from brainalign.credit.batch import Batch
from brainalign.errors import SpecError
from brainalign.metalearning.evolution import Evolution, Progress, evolve
from brainalign.metalearning.learner import Learner
from brainalign.metalearning.lessons import Lesson, Lessons
from brainalign.metalearning.memory import Memory
from brainalign.networks.architecture import choose
from brainalign.networks.network import Params
from brainalign.options import require_positive
from brainalign.provenance import code_hash
from brainalign.randomness import stream
from brainalign.rules.top_down_credit import STRUCTURE, TopDownCredit, trained_credit
from brainalign.storage import content_hash, write_tensors
from brainalign.training.code import modules_of
from brainalign.training.optimisation import make_optimizer, optimizer_tensors, rate, restore_optimizer


@dataclass(frozen=True)
class Lifetime:
    """How long networks learn, and when they are judged.

    Parameters
    ----------
    steps
        Inner steps.
    looks
        Equally spaced moments, the last one included, over which the loss is averaged; 1 judges the end alone.
    lessons
        Networks per candidate and generation.
    validation_lessons
        Networks whose mean says which ``theta`` of an outer run was best.
    seed
        Of the outer level; not among the seeds of networks that are reported.
    judged_by
        ``"loss"``, or ``"mistakes"``: the share of wrong answers, which asks for no loss, and has no slope to unroll.
    """

    steps: int = 50
    looks: int = 5
    lessons: int = 1
    validation_lessons: int = 8
    seed: int = 100
    judged_by: str = "loss"

    def __post_init__(self) -> None:
        choose("judged_by", self.judged_by, ("loss", "mistakes"))
        require_positive(
            steps=self.steps, looks=self.looks, lessons=self.lessons, validation_lessons=self.validation_lessons
        )
        if self.steps % self.looks:
            msg = f"Option looks is {self.looks}; expected a divisor of steps {self.steps}."
            raise SpecError(msg)


@dataclass(frozen=True)
class Unrolling:
    """``theta <- theta - Adam(d loss / d theta)``, differentiated through every step of the lifetimes.

    Not plausible: it is backpropagation through time of all that was learned. An option, for comparison.

    Parameters
    ----------
    generations
        Outer steps.
    learning_rate
        Of Adam; falls to 0 along a cosine.
    clip
        Largest norm of an outer gradient.
    """

    generations: int = 300
    learning_rate: float = 0.01
    clip: float = 1.0

    def __post_init__(self) -> None:
        require_positive(generations=self.generations, learning_rate=self.learning_rate, clip=self.clip)


@dataclass(frozen=True, eq=False)
class Outer:
    """What an outer run leaves: ``theta``, its history, and what it cost."""

    learner: Learner
    theta: Tensor
    history: pd.DataFrame
    lifetimes: int
    seconds: float

    @property
    def learning_rate(self) -> float:
        """The rate of all synapses, or of the first block."""
        return float(self.theta[-self.learner.n_rates :][0].exp())


# -- judging ----------------------------------------------------------------------------------------------------------


def judge(
    learner: Learner, theta: Tensor, params: Params, state: Params, batches: Batch, samples: tuple[Tensor, Tensor],
    life: Lifetime,
) -> Tensor:  # fmt: skip
    """Return the mean loss, or share of mistakes, of one network on ``samples`` over the moments of its lifetime."""
    span = len(batches.y) // life.looks
    found = []
    for k in range(life.looks):
        part = Batch(*(tensor[k * span : (k + 1) * span] for tensor in batches))
        params, state = learner.live(theta, params, state, part)
        seen = learner.look(params, state, *samples)
        found.append(1 - seen["accuracy"] if life.judged_by == "mistakes" else seen["loss"])
    return torch.stack(found).mean()


def judge_lesson(
    learner: Learner, theta: Tensor, lesson: Lesson, samples: tuple[Tensor, Tensor], life: Lifetime
) -> Tensor:
    """Return :func:`judge` of ``theta``, the mean over the networks of a lesson."""
    one = vmap(lambda params, state, batches: judge(learner, theta, params, state, Batch(*batches), samples, life))
    return one(lesson.params, lesson.state, tuple(lesson.batches)).mean()


def fitness_of(learner: Learner, lessons: Lessons, life: Lifetime) -> Callable[[Tensor, torch.Generator], Tensor]:
    """Return the fitness of candidates ``(population, n_parameters)``, who all meet the same lessons."""

    def fitness(candidates: Tensor, generator: torch.Generator) -> Tensor:
        seed = int(torch.randint(2**62, (), generator=generator))
        lesson = lessons.draw(learner, seed, life.lessons, life.steps)
        with torch.no_grad():
            return vmap(lambda theta: judge_lesson(learner, theta, lesson, lessons.outer, life))(candidates)

    return fitness


def validation_of(learner: Learner, lessons: Lessons, life: Lifetime) -> Callable[[Tensor], float]:
    """Return the loss of ``theta`` on validation samples, always with the same networks and batches."""
    lesson = lessons.draw(learner, life.seed, life.validation_lessons, life.steps)

    def validate(theta: Tensor) -> float:
        with torch.no_grad():
            return float(judge_lesson(learner, theta, lesson, lessons.validation, life))

    return validate


# -- outer levels -----------------------------------------------------------------------------------------------------


def evolve_learner(
    learner: Learner, lessons: Lessons, life: Lifetime, options: Evolution, out: Path, progress: Progress | None = None
) -> Outer:
    """Train ``theta`` by evolution strategies; an interrupted run goes on and ends with the same bits."""
    memory = Memory(out, _key(learner, lessons, life, options))
    found = evolve(
        memory.remembered("fitness", fitness_of(learner, lessons, life)),
        learner.start(stream(life.seed, "theta")).to(lessons.device),
        options,
        stream(life.seed, "evolution"),
        memory.remembered_number("validation", validation_of(learner, lessons, life)),
        progress,
    )
    memory.save()
    return Outer(
        learner=learner,
        theta=found.best,
        history=found.history,
        lifetimes=options.lifetimes * life.lessons,
        seconds=memory.seconds,
    )


def unroll_learner(
    learner: Learner, lessons: Lessons, life: Lifetime, options: Unrolling, out: Path, progress: Progress | None = None
) -> Outer:
    """Train ``theta`` by the gradient through whole lifetimes; an interrupted run goes on.

    An outer gradient that is not finite is skipped.
    """
    if life.judged_by != "loss":
        msg = f"Option judged_by is {life.judged_by!r}; expected 'loss' for unrolling, since mistakes have no slope."
        raise SpecError(msg)
    memory = Memory(out, _key(learner, lessons, life, options))
    saved, facts = memory.read()
    leaf = {"theta": saved.pop("theta", learner.start(stream(life.seed, "theta"))).to(lessons.device)}
    best = saved.pop("best", leaf["theta"].clone()).to(lessons.device)
    rows: list[dict[str, Any]] = facts.get("rows", [])
    optimizer = make_optimizer("adam", leaf, options.learning_rate, {})
    restore_optimizer(optimizer, ["theta"], saved)
    validate = validation_of(learner, lessons, life)
    for generation in range(len(rows), options.generations):
        lesson = lessons.draw(learner, _seed(life, generation), life.lessons, life.steps)

        def loss(theta: Tensor, lesson: Lesson = lesson) -> Tensor:
            return judge_lesson(learner, theta, lesson, lessons.outer, life)

        with memory.clock:
            slope, value = grad_and_value(loss)(leaf["theta"])
        row: dict[str, Any] = {"generation": generation, "fitness": float(value), "validation": None}
        if slope.isfinite().all():
            leaf["theta"].grad = slope * (options.clip / slope.norm()).clamp(max=1)
            optimizer.param_groups[0]["lr"] = options.learning_rate * rate("cosine", 0, generation, options.generations)
            optimizer.step()
        if (generation + 1) % 10 == 0 or generation + 1 == options.generations:
            row["validation"] = validate(leaf["theta"])
            if row["validation"] <= min(r["validation"] for r in [*rows, row] if r["validation"] is not None):
                best = leaf["theta"].clone()
        rows.append(row)
        if memory.due or generation + 1 == options.generations:
            memory.write({**leaf, "best": best, **optimizer_tensors(optimizer, ["theta"])}, rows=rows)
        if progress:
            progress(generation + 1, options.generations, f"generation {generation + 1}")
    return Outer(
        learner=learner,
        theta=best,
        history=pd.DataFrame(rows, columns=["generation", "fitness", "validation"]),
        lifetimes=options.generations * life.lessons,
        seconds=memory.seconds,
    )


def search_rate(
    learner: Learner, lessons: Lessons, life: Lifetime, lifetimes: int, out: Path, progress: Progress | None = None,
    span: tuple[float, float] = (1e-3, 3.0), n_rates: int = 64,
) -> Outer:  # fmt: skip
    """Choose one rate: ``n_rates`` log-spaced candidates share ``lifetimes``, and the lowest mean loss wins."""
    memory = Memory(out, _key(learner, lessons, life, {"lifetimes": lifetimes, "span": span, "n_rates": n_rates}))
    rates = torch.linspace(log(span[0]), log(span[1]), n_rates, device=lessons.device)[:, None]
    fitness = memory.remembered("fitness", fitness_of(learner, lessons, life))
    generator, rounds = stream(life.seed, "search"), max(1, lifetimes // (n_rates * life.lessons))
    found = []
    for k in range(rounds):
        found.append(fitness(rates, generator))
        if progress:
            progress(k + 1, rounds, f"{n_rates} rates, round {k + 1}")
    memory.save()
    mean = torch.stack(found).mean(0).nan_to_num(float("inf"))
    history = pd.DataFrame({"rate": rates[:, 0].exp().tolist(), "fitness": mean.tolist()})
    return Outer(
        learner=learner,
        theta=rates[mean.argmin()],
        history=history,
        lifetimes=rounds * n_rates * life.lessons,
        seconds=memory.seconds,
    )


def _seed(life: Lifetime, generation: int) -> int:
    return int(torch.randint(2**62, (), generator=stream(life.seed, "unrolling", generation)))


def _key(learner: Learner, lessons: Lessons, life: Lifetime, options: Any) -> str:
    """Name an outer run by everything that changes what it finds, its code included."""
    own = options if isinstance(options, dict) else {type(options).__name__: asdict(options)}
    data = [lessons.dataset, lessons.batch_size, len(lessons.inner[1]), len(lessons.outer[1])]
    network, rule = learner.network, learner.rule
    # What a network does says more than its shape: two nonlinearities share one.
    params = network.init(stream(0, "key"))
    answers = network.activities(params, network.init_state(), lessons.inner[0][:8].cpu())
    trained = rule.credit_network if isinstance(rule, TopDownCredit) else ""
    code = code_hash(__name__, type(rule).__module__, *modules_of(network=network.name, dataset=lessons.dataset))
    return content_hash(
        rule.name(), asdict(rule), trained_credit(trained)[0] if trained else "", learner.moves, learner.learning_rate,
        {name: answer.mul(1000).round().long() for name, answer in answers.items()},
        {name: list(value.shape) for name, value in params.items()},
        data, asdict(life), own, code,
    )[:16]  # fmt: skip


# -- keeping ----------------------------------------------------------------------------------------------------------


def save_credit_network(path: str | Path, outer: Outer, **record: Any) -> None:
    """Write a trained credit network for option ``credit_network`` of the rule, with a record of how it was trained."""
    learner = outer.learner
    if not isinstance(learner.rule, TopDownCredit) or learner.moves != "credit":
        msg = f"Rule {learner.rule.name()!r} moving {learner.moves!r} trained no credit network; nothing to save."
        raise SpecError(msg)
    facts: dict[str, Any] = {name: getattr(learner.rule, name) for name in STRUCTURE}
    facts |= {
        "n_outputs": learner.network.task.n_outputs,
        "widths": learner.rule.widths(learner.network),
        "learning_rate": outer.learning_rate,
        "lifetimes": outer.lifetimes,
        **record,
    }
    write_tensors(path, {"phi": outer.theta[: -learner.n_rates]}, facts)

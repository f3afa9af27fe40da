"""A rule on a small network, followed for some steps: what probes look at."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from brainalign.credit.batch import Batch
from brainalign.credit.step import Step
from brainalign.datasets.task import Task
from brainalign.networks.architecture import architecture, architectures
from brainalign.networks.network import Network, Params
from brainalign.plausibility.practice import Practice, digits
from brainalign.plausibility.tap import Tap
from brainalign.randomness import stream
from brainalign.rules.learning_rule import LearningRule

#: Networks to probe: no two layers have as many units, and layers are wide beside the number of states of a step.
PROBED: dict[str, dict[str, object]] = {
    "mlp": {"widths": (112, 104, 96), "activation": "tanh"},
    "cnn": {"channels": (24, 28), "hidden": 44, "normalisation": "batch", "activation": "tanh"},
    "rnn": {"widths": (72, 64), "sequence": "patches", "patch": 4},
    "transformer": {"width": 48, "depth": 2, "heads": 2, "patch": 4, "expansion": 2},
}

#: Samples of the training set that the probes pretend there is, and of a batch; a little more than an epoch, in steps.
N_TRAIN, BATCH = 16, 2
EPOCH = N_TRAIN // BATCH + 2
TASK = Task((1, 8, 8), 5, N_TRAIN)

#: For rules that were made for ten classes, as a shipped credit network is.
TEN_CLASSES = Task((1, 8, 8), 10, N_TRAIN)


#: What a note says where :attr:`Subject.separated` was probed.
SEPARATED = "with random feedback weights of its own"


class Moment(NamedTuple):
    """Everything one step is called with."""

    params: Params
    state: Params
    batch: Batch
    noise: Params


@dataclass(frozen=True)
class Subject:
    """A rule on a network, with states to probe it in.

    Parameters
    ----------
    rule, network
        What is probed; in double precision.
    seeds
        Of the instances.
    horizon
        Steps probed from the start on; longer than an epoch and than what a rule might do only now and then.
    training
        Steps after which ``after`` more are probed.
    after
        Number of those.
    rate
        Largest step, relative to the length of a weight.
    options
        Of the network's architecture; None for those of :data:`PROBED`.
    found
        Measurements that several probes share.
    """

    rule: LearningRule
    network: Network
    seeds: tuple[int, ...] = (0, 1, 2)
    horizon: int = 21
    training: int = 26
    after: int = 2
    rate: float = 0.02
    options: Mapping[str, object] | None = None
    found: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    _paths: dict[int, list[Moment]] = field(default_factory=dict, repr=False, compare=False)
    _watched: dict[int, tuple[Step, Tap]] = field(default_factory=dict, repr=False, compare=False)

    def path(self, seed: int) -> list[Moment]:
        """Return the steps of an instance: ``horizon`` from the start, and ``after`` later ones."""
        if seed not in self._paths:
            moments = list(self._learn(seed))
            self._paths[seed] = moments[: self.horizon] + moments[len(moments) - self.after :]
        return self._paths[seed]

    def moments(self) -> list[Moment]:
        """Return the first step of every instance and its last one: at the start, and after training."""
        return [moment for seed in self.seeds for moment in (self.path(seed)[0], self.path(seed)[-1])]

    def step(self, moment: Moment) -> Step:
        """Return the step of the rule."""
        return self.rule.step(self.network, *moment)

    def watch(self, moment: Moment, **options: object) -> tuple[Step, Tap]:
        """Return the step of the rule and what was seen of it; ``options`` go to :class:`Tap`.

        What was seen of :meth:`moments` is kept, since most probes look at them.
        """
        if not options and id(moment) in self._watched:
            return self._watched[id(moment)]
        with Tap(*moment, **options) as tap:  # type: ignore[arg-type]
            step = self.step(moment)
        if not options and any(moment is one for one in self.moments()):
            self._watched[id(moment)] = step, tap
        return step, tap

    @cached_property
    def practice(self) -> Practice:
        """Return the rule's trainings on digits, on the same network with an output for each digit."""
        probed = PROBED[self.network.name]
        options = dict(probed if self.options is None else self.options)
        if "activation" in probed and options.get("activation") == probed["activation"]:
            options["activation"] = "elu"
        task = Task(TASK.input_shape, 10, len(digits()[0]))
        return Practice(self.rule, architecture(self.network.name, options).build(task), self.seeds)

    @cached_property
    def separated(self) -> "Subject":
        """The same rule with feedback weights of its own, where it has the option ``feedback = "random"``; or itself.

        By convention of the rules that have it, ``feedback = "transposed"`` is what it replaces.
        """
        options = {field.name: getattr(self.rule, field.name) for field in fields(self.rule)}
        if options.get("feedback") != "transposed":
            return self
        own = replace(self.rule, feedback="random")  # type: ignore[call-arg]
        return replace(self, rule=own, found={}, _paths={}, _watched={})

    @cached_property
    def readout(self) -> tuple[str, ...]:
        """Names of the weights of the last block."""
        return tuple(synapse.weight_name for synapse in self.network.blocks[-1].synapses)

    @cached_property
    def hidden(self) -> tuple[str, ...]:
        """Names of the weights below the readout."""
        last = {synapse.name for synapse in self.network.blocks[-1].synapses}
        return tuple(synapse.weight_name for synapse in self.network.synapses if synapse.name not in last)

    def draw(self, seed: int, step: int, size: int = BATCH) -> tuple[Batch, Params]:
        """Return the batch and the noise of a step; samples come back every epoch under their own index."""
        x, y = self._samples(seed)
        index = (torch.arange(size) + step * BATCH) % N_TRAIN
        noise = self.rule.noise(self.network, size, stream(seed, "noise", step))
        return Batch(x[index].clone(), y[index].clone(), index), _double(noise)

    def singles(self) -> list[Moment]:
        """Return :meth:`moments` with batches of one sample."""
        found = []
        for k, moment in enumerate(self.moments()):
            batch, noise = self.draw(self.seeds[k // 2], 0, 1)
            found.append(Moment(moment.params, moment.state, batch, noise))
        return found

    def _samples(self, seed: int) -> tuple[Tensor, Tensor]:
        generator = stream(seed, "plausibility")
        x = torch.randn(N_TRAIN, *TASK.input_shape, generator=generator, dtype=torch.float64)
        return x, torch.arange(N_TRAIN) % self.network.task.n_outputs

    def _learn(self, seed: int) -> Iterator[Moment]:
        drawn = self.network.init(stream(seed, "init"))
        state = _double(self.network.init_state() | self.rule.init(self.network, drawn, stream(seed, "rule")))
        params = _double(drawn)
        for k in range(self.horizon + self.training + self.after):
            batch, noise = self.draw(seed, k)
            moment = Moment(params, state, batch, noise)
            yield moment
            params, state = self.moved(moment, self.step(moment))

    def moved(self, moment: Moment, step: Step) -> tuple[Params, Params]:
        """Return parameters and state after ``step``: downhill, no weight by more than ``rate`` of its length."""
        leaves = {**moment.params, **moment.state}
        for name, update in step.updates.items():
            length, change = leaves[name].norm(), update.norm()
            size = min(1.0, float(self.rate * length.clamp_min(0.01) / change.clamp_min(1e-300)))
            leaves[name] = leaves[name] - size * update
        leaves |= step.state
        return {name: leaves[name] for name in moment.params}, {name: leaves[name] for name in moment.state}


def probed_options(name: str, own: Mapping[str, object], objective: str = "default") -> dict[str, object]:
    """Return the options of the small network that stands for network ``name`` with options ``own``.

    Sizes are those of :data:`PROBED`, since layers must be wide beside the number of states of a step and images are
    small; everything else (``blocks``, ``activation``, ``normalisation``, ...) is the network's own. The probes
    classify, so an autoencoder (``objective`` ``"reconstruction"``) stands for the layers it shares with a classifier.

    Examples
    --------
    >>> probed_options("rnn", {"blocks": "step", "widths": (256,), "patch": 7})
    {'widths': (72, 64), 'sequence': 'patches', 'patch': 4, 'blocks': 'step'}
    """
    sizes = architectures()[name].least
    kept = {} if objective == "reconstruction" else own
    return {**PROBED[name], **{key: value for key, value in kept.items() if key not in sizes}}


def probed_network(name: str, task: Task = TASK, options: Mapping[str, object] | None = None) -> Network:
    """Return the network called ``name`` as probes see it, with the options of :data:`PROBED` or the given ones."""
    return architecture(name, dict(PROBED[name] if options is None else options)).build(task)


def _double(tensors: Params) -> Params:
    """Return copies in double precision, each in memory of its own; whole numbers and booleans stay what they are."""
    return {n: t.double().clone().contiguous() if t.is_floating_point() else t.clone() for n, t in tensors.items()}

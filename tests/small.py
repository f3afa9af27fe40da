"""Small networks, tasks and batches that several tests share."""

import torch

from brainalign.credit.batch import Batch
from brainalign.datasets.preprocessing import Preprocessing
from brainalign.datasets.task import Task
from brainalign.networks.architecture import architecture
from brainalign.networks.network import Network, Params
from brainalign.randomness import stream
from brainalign.rules.learning_rule import LearningRule, learning_rule
from brainalign.specs import TrainSpec
from brainalign.training.checkpoint import Checkpoint, stack

TASK = Task((1, 8, 8), 5, 64)

#: Every architecture, and whole layers or parts of them as blocks.
NETWORKS: dict[str, tuple[str, dict[str, object]]] = {
    "mlp": ("mlp", {"widths": (12, 9)}),
    "cnn": ("cnn", {"channels": (4, 6), "hidden": 11}),
    "cnn-plain": ("cnn", {"channels": (4,), "hidden": 0, "normalisation": "none"}),
    "rnn": ("rnn", {"widths": (10, 7)}),
    "rnn-step": ("rnn", {"widths": (10, 7), "sequence": "patches", "blocks": "step"}),
    "transformer": ("transformer", {"width": 8, "depth": 2, "heads": 2}),
    "transformer-sublayer": ("transformer", {"width": 8, "depth": 1, "heads": 2, "blocks": "sublayer"}),
}

#: And the finest blocks, for tests of networks, of what every rule promises, and of devices.
FINEST: dict[str, tuple[str, dict[str, object]]] = {
    **NETWORKS,
    "transformer-projection": ("transformer", {"width": 8, "depth": 1, "heads": 2, "blocks": "projection"}),
}


def network(name: str, task: Task = TASK) -> Network:
    shape, options = FINEST[name]
    return architecture(shape, dict(options)).build(task)


def instance(net: Network, rule: LearningRule, seed: int, dtype: torch.dtype = torch.float64) -> tuple[Params, Params]:
    params = net.init(stream(seed, "init"))
    state = {**net.init_state(), **rule.init(net, params, stream(seed, "rule"))}
    return {n: t.to(dtype) for n, t in params.items()}, {n: t.to(dtype) for n, t in state.items()}


def batch(n: int = 12, seed: int = 0, dtype: torch.dtype = torch.float64, task: Task = TASK) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, *task.input_shape, generator=generator, dtype=dtype)
    return Batch(x, torch.randint(0, task.n_outputs, (n,), generator=generator), torch.arange(n))


def noise(rule: LearningRule, net: Network, n: int = 12, seed: int = 0, dtype: torch.dtype = torch.float64) -> Params:
    return {name: t.to(dtype) for name, t in rule.noise(net, n, stream(seed, "noise")).items()}


def descend(rule: LearningRule, net: Network, params: Params, state: Params, data: Batch, rate: float, seed: int = 0):
    """Return parameters and state after one step of plain gradient descent, and the step."""
    step = rule.step(net, params, state, data, noise(rule, net, len(data.y), seed))
    moved = {n: t - rate * step.updates[n] if n in step.updates else t for n, t in {**params, **state}.items()}
    return {n: moved[n] for n in params}, {**{n: moved[n] for n in state}, **step.state}, step


def largest_difference(a: Params, b: Params) -> float:
    assert a.keys() == b.keys()
    return max(float((a[name] - b[name]).abs().max()) for name in a)


def a_checkpoint(shape: str = "mlp", rule: str = "feedback_alignment", seeds: tuple[int, ...] = (4, 9)) -> Checkpoint:
    kind, options = NETWORKS[shape]
    spec = TrainSpec(rule, kind, "digits", network_options=options, seeds=seeds)
    net, learning = network(shape), learning_rule(rule)
    params = [net.init(stream(seed, "init")) for seed in seeds]
    state = [
        {**net.init_state(), **learning.init(net, own, stream(seed, "rule"))}
        for seed, own in zip(seeds, params, strict=True)
    ]
    shown = Preprocessing(1, (8, 8), (0.3,), (0.4,))
    return Checkpoint(spec, net, learning, shown, stack(params), stack(state), 12, 1.5)

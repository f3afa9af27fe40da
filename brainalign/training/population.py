"""One learning step for all instances of a population at once."""

from collections.abc import Callable
from itertools import count
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from brainalign.credit.batch import Batch
from brainalign.credit.step import Step
from brainalign.errors import SpecError
from brainalign.networks.network import Network, Params
from brainalign.rules.learning_rule import LearningRule
from brainalign.training.runtime import EXECUTIONS

PopulationStep = Callable[[Params, Params, Batch, Params], Step]

_COUNT = count()

# activities of one sample, over all blocks
_LARGE = 8192


def choose_execution(execution: str, network: Network, n_instances: int, device: torch.device) -> str:
    """Return ``"vmap"`` (one program for all instances) or ``"loop"`` (one after another).

    The automatic choice depends on the network and the device alone, never on timing, so that a run is
    reproducible. On a CPU, one program wins where a step is many small operations; the convolutions of a population
    become one grouped convolution, and large activities leave the cache, so there instances run one after another
    (``benchmarks/population.py``).
    """
    if execution not in EXECUTIONS:
        msg = f"Option execution is {execution!r}; expected one of: {', '.join(EXECUTIONS)}."
        raise SpecError(msg)
    if n_instances == 1:
        return "loop"
    if execution != "auto":
        return execution
    convolutional = any(synapse.kind == "conv2d" for synapse in network.synapses)
    large = sum(prod(shape) for shape in network.output_shapes) > _LARGE
    return "loop" if device.type == "cpu" and (convolutional or large) else "vmap"


def population_step(rule: LearningRule, network: Network, execution: str, compile: bool = False) -> PopulationStep:
    """Return ``step(params, state, batch, noise)`` over tensors with a leading instance axis."""

    def single(params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        return rule.step(network, params, state, batch, noise)

    if execution == "vmap":
        mapped: Any = vmap(lambda *arguments: tuple(single(*arguments)))
        mapped = _compiled(mapped, rule, network) if compile else mapped
        return lambda *arguments: Step(*mapped(*arguments))
    one: Any = _compiled(single, rule, network) if compile else single

    def loop(params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        steps = [
            one(
                _row(params, k),
                _row(state, k),
                Batch(_fast_layout(batch.x[k]), batch.y[k], batch.index[k]),
                _row(noise, k),
            )
            for k in range(len(batch.y))
        ]
        return Step(
            *({n: _together([part[n] for part in parts]) for n in parts[0]} for parts in zip(*steps, strict=True))
        )

    return loop


def _compiled(step: Callable[..., Any], rule: LearningRule, network: Network) -> Callable[..., Any]:
    """Return ``step`` compiled as one graph.

    A part that cannot be compiled would otherwise run uncompiled in silence, and with it all that maps over it.
    """
    from torch._dynamo.exc import TorchDynamoException  # takes seconds to import

    network.output_shapes  # noqa: B018 -- cached now: the compiler cannot draw parameters

    def program(*arguments: Any) -> Any:
        return step(*arguments)

    # The compiler keeps its programs, of which it allows few, by code object: each rule and network has one of its own.
    program.__code__ = program.__code__.replace(co_name=f"step_{next(_COUNT)}")
    compiled = torch.compile(program, fullgraph=True)

    def run(*arguments: Any) -> Any:
        try:
            return compiled(*arguments)
        except TorchDynamoException as error:
            msg = (
                f"The step of rule {rule.name()!r} on network {network.name!r} cannot be compiled: "
                f"{str(error).strip().splitlines()[0]} Train without compiling."
            )
            raise SpecError(msg) from error

    return run


def _together(tensors: list[Tensor]) -> Tensor:
    return torch.stack(tensors) if len(tensors) > 1 else tensors[0].unsqueeze(0)  # one instance needs no copy


def _row(tensors: Params, k: int) -> Params:
    return {name: tensor[k] for name, tensor in tensors.items()}


def _fast_layout(x: Tensor) -> Tensor:
    """Channels last is the faster memory layout for convolutions outside ``vmap``."""
    x = x.contiguous(memory_format=torch.channels_last)
    _, channels, height, width = x.shape
    # With one channel both layouts fit and torch takes the other one, unless strides say which is meant.
    return x.as_strided(x.shape, (channels * height * width, 1, channels * width, channels))

"""Pieces of credit assignment that several rules share."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.func import grad_and_value, vjp

from brainalign.credit.batch import Batch
from brainalign.credit.objective import output_metrics
from brainalign.credit.step import Step
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring

Pull = Callable[[Tensor], Params]
Teach = Callable[[list[Tensor]], Params]


_PREFIX = "feedback/"


def draw_feedback_weights(network: Network, generator: torch.Generator, scale: float = 1.0) -> Params:
    """Draw ``feedback/<synapse>.weight`` for every synapse, at the initial scale of its weight times ``scale``."""
    return {f"{_PREFIX}{s.weight_name}": scale * s.draw_weight(generator) for s in network.synapses}


def feedback_weights(state: Params) -> Params:
    """Return weight name to the feedback weight of its shape."""
    return {name.removeprefix(_PREFIX): b for name, b in state.items() if name.startswith(_PREFIX)}


def error_descent(
    network: Network, params: Params, state: Params, batch: Batch, feedback: Mapping[str, Tensor] | None = None
) -> Step:
    """Descend the loss, sending errors back through ``feedback`` where it names a weight.

    Without ``feedback`` this is backpropagation. The first synapse has nothing to send errors to.
    """
    first = network.synapses[0].weight_name
    feedback = {name: b for name, b in (feedback or {}).items() if name != first}

    def loss(params: Params) -> "tuple[Tensor, tuple[dict[str, Tensor], dict[str, Tensor]]]":
        wiring = Wiring(state, feedback, adapt=True)
        metrics = output_metrics(network.task, network.forward(params, batch.x, wiring), batch.y)
        return metrics["loss"], (metrics, wiring.statistics)

    updates, (_, (metrics, statistics)) = grad_and_value(loss, has_aux=True)(params)
    return Step(updates, statistics, metrics)


def blockwise(network: Network, params: Params, state: Params, x: Tensor) -> tuple[list[Tensor], Teach, Params]:
    """Run the chain with the gradient cut between blocks, for every level of differentiation.

    Returns
    -------
    outputs
        Output of each block.
    teach
        The map from one teaching signal per block, at its output, to updates of the blocks' own parameters; time steps
        that share a synapse add up.
    statistics
        Updated running statistics.
    """

    # One pass for all blocks: a derivative of its own for each would cost more than the products of a small layer.
    def forward(params: Params, x: Tensor = x) -> "tuple[list[Tensor], tuple[list[Tensor], dict[str, Tensor]]]":
        wiring = Wiring(state, adapt=True)
        taught: list[Tensor] = []
        for block in network.blocks:
            x = block.forward(params, x.detach(), wiring)
            taught.append(x)
        return taught, ([x.detach() for x in taught], wiring.statistics)

    _, pull, (outputs, statistics) = vjp(forward, params, has_aux=True)  # type: ignore[misc]
    return outputs, lambda signals: pull(signals)[0], statistics


def blockwise_within(
    network: Network, params: Params, state: Params, x: Tensor, derivative: bool = True
) -> tuple[list[Tensor], Teach, Params]:
    """Return the same for a step that an outer level differentiates: its gradients pass from block to block.

    Without ``derivative``, signals reach what a block's neurons receive as they are, not through the slope of what the
    neurons answer.
    """
    outputs: list[Tensor] = []
    pulls: list[Pull] = []
    statistics: Params = {}
    for block in network.blocks:

        def forward(own: Params, block=block, x=x):  # type: ignore[no-untyped-def]
            wiring = Wiring(state, adapt=True)
            run = block.forward if derivative else block.preactivation
            return run(own, x, wiring), wiring.statistics

        own = {name: params[name] for name in block.parameters()}
        x, pull, adapted = vjp(forward, own, has_aux=True)  # type: ignore[misc]
        x = x if derivative else block.activation(x)
        outputs.append(x)
        pulls.append(_first_of(pull))
        statistics |= adapted
    return outputs, lambda signals: teach(pulls, signals), statistics


def _first_of(pull: Callable[[Tensor], tuple[Params]]) -> Pull:
    return lambda signal: pull(signal)[0]


def teach(pulls: list[Pull], signals: list[Tensor]) -> Params:
    """Turn one teaching signal per block into updates; time steps that share a synapse add up."""
    updates: Params = {}
    for pull, signal in zip(pulls, signals, strict=True):
        for name, update in pull(signal).items():
            updates[name] = updates[name] + update if name in updates else update
    return updates

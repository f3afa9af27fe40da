"""Random projections from the output straight to every block: what direct feedback rules share."""

from math import prod, sqrt

import torch
from torch import Tensor

from brainalign.credit.batch import Batch
from brainalign.credit.chain import Teach
from brainalign.credit.objective import output_error
from brainalign.datasets.task import Task
from brainalign.networks.network import Network, Params

PREFIX = "feedback/"


def hidden_widths(network: Network) -> dict[str, int]:
    """Return the number of features of every block but the readout, by name."""
    return {block.name: prod(s) for block, s in zip(network.blocks[:-1], network.output_shapes, strict=False)}


def draw_direct(network: Network, generator: torch.Generator, scale: float, shared: bool = False) -> Params:
    """Draw ``feedback/<block>`` ``(n_outputs, n_features)`` for every block but the readout.

    Entries are uniform with standard deviation ``scale / sqrt(n_outputs)``. With ``shared``, one matrix as wide as
    the widest block is drawn, and every block takes its first columns.
    """
    n_outputs, widths = network.task.n_outputs, hidden_widths(network)
    bound = scale * sqrt(3 / n_outputs)

    def draw(width: int) -> Tensor:
        return (torch.rand(n_outputs, width, generator=generator) * 2 - 1) * bound

    if shared and widths:
        one = draw(max(widths.values()))
        return {f"{PREFIX}{name}": one[:, :width].clone() for name, width in widths.items()}
    return {f"{PREFIX}{name}": draw(width) for name, width in widths.items()}


def direct_feedback(state: Params) -> Params:
    """Return block name to projection."""
    return {name.removeprefix(PREFIX): b for name, b in state.items() if name.startswith(PREFIX)}


def as_gradient(task: Task, information: Tensor) -> Tensor:
    """Return ``information`` ``(n, n_outputs)``, with the sign and scale of ``y* - y``, as a gradient of the loss.

    Of ``y* - answer`` this is :func:`output_error`, to the bit.
    """
    gradient = -information / information.shape[0]
    return gradient if task.objective == "classification" else 2 * gradient / information.shape[1]


def project(network: Network, state: Params, outputs: list[Tensor], error: Tensor) -> list[Tensor]:
    """Return ``error`` ``(n, n_outputs)``, with the sign of a gradient, at the output of every hidden block."""
    return [
        (error @ state[f"{PREFIX}{block.name}"]).view_as(output)
        for block, output in zip(network.blocks[:-1], outputs, strict=False)
    ]


def direct_updates(
    network: Network, state: Params, batch: Batch, outputs: list[Tensor], teach: Teach, error: Tensor
) -> Params:
    """Return updates of hidden blocks from the projected ``error``, and of the readout from its own error."""
    signals = project(network, state, outputs, error)
    return teach([*signals, output_error(network.task, outputs[-1], batch.y)])

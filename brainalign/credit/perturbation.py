"""What rules share that learn from how the loss changes along random directions.

Directions are standard normal. A *slope* is the change of a loss per unit along its direction; slope times direction
has the gradient as its mean. Nothing here, and no rule that uses it, runs a pass backwards.
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from brainalign.credit.synaptic import current_shapes
from brainalign.datasets.task import Task
from brainalign.errors import SpecError
from brainalign.networks.network import Network, Params

_CURRENT = "current/"
_WEIGHT = "direction/"


def require_samples(samples: int) -> None:
    """Raise :class:`SpecError` unless there is at least one direction per step."""
    if isinstance(samples, bool) or not isinstance(samples, int) or samples < 1:
        msg = f"Option samples is {samples!r}; expected a whole number, 1 or more."
        raise SpecError(msg)


def draw_currents(network: Network, batch_size: int, samples: int, generator: torch.Generator) -> Params:
    """Draw ``(samples, crossings, n, *shape)`` for the currents of every synapse: each sample and unit its own."""
    return {
        f"{_CURRENT}{name}": torch.randn(samples, times, batch_size, *shape, generator=generator)
        for name, (times, *shape) in current_shapes(network).items()
    }


def currents(noise: Params) -> Params:
    """Return synapse name to its direction."""
    return {name.removeprefix(_CURRENT): v for name, v in noise.items() if name.startswith(_CURRENT)}


def draw_weights(network: Network, samples: int, generator: torch.Generator) -> Params:
    """Draw ``(samples, *shape)`` for every parameter; all samples of a batch share it."""
    params, _, _ = network.outline
    return {f"{_WEIGHT}{name}": torch.randn(samples, *p.shape, generator=generator) for name, p in params.items()}


def weight_directions(noise: Params) -> Params:
    """Return parameter name to its direction."""
    return {name.removeprefix(_WEIGHT): v for name, v in noise.items() if name.startswith(_WEIGHT)}


def sample_losses(task: Task, output: Tensor, y: Tensor) -> Tensor:
    """Return each sample's own loss ``(n,)``; their mean is the loss of the task."""
    if task.objective == "classification":
        return F.cross_entropy(output, y, reduction="none")
    return (output - y).square().flatten(1).mean(1)


def mean_square(directions: Mapping[str, Tensor]) -> Tensor:
    """Return ``|v|^2 / dim v`` of each of the directions ``(samples, *shape)`` in weights.

    A normal direction is a random length times a point on a sphere, and only the point says something; a slope divided
    by this leaves the mean of its update.
    """
    return torch.cat([v.flatten(1) for v in directions.values()], 1).square().mean(1)


def sample_mean_square(directions: Mapping[str, Tensor]) -> Tensor:
    """Return ``|v|^2 / dim v`` ``(samples, n)`` of directions ``(samples, crossings, n, *shape)`` in currents."""
    return torch.cat([v.transpose(1, 2).flatten(2) for v in directions.values()], 2).square().mean(2)


def credited(directions: Mapping[str, Tensor], slopes: Tensor) -> Params:
    """Return the signal ``(crossings, n, *shape)`` of every synapse: the mean over draws of slope times direction.

    ``slopes`` ``(samples, n)`` are those of each sample's own loss; signals have the scale of the mean loss.
    """
    n = slopes.shape[1]
    return {
        name: (slopes.view(len(slopes), 1, n, *[1] * (v.ndim - 3)) * v).mean(0) / n for name, v in directions.items()
    }

"""Predictive coding: blocks predict the activity above, latents and prediction errors relax, weights learn from them.

Blocks are numbered 1 to L, ``x_0`` is the input and ``x_l`` ``(n, *shape)`` the latent at block l's output. The error
``epsilon_l = f_l(x_(l-1)) - x_l`` of a prediction has the sign of a gradient; ``epsilon_L`` is the gradient of the
output energy with respect to the prediction ``f_L(x_(L-1))``. Energies are sums over units and samples.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from math import prod, sqrt

import torch
from torch import Tensor
from torch.func import vjp

from brainalign.credit.chain import Pull
from brainalign.credit.cost import forward_cost
from brainalign.credit.objective import loss, output_error, target
from brainalign.datasets.task import Task
from brainalign.networks.network import Network, Params
from brainalign.networks.synapse import Synapse
from brainalign.networks.wiring import Wiring

Slopes = Callable[[list[Tensor], int], Sequence[Tensor]]
TopError = Callable[[Tensor], Tensor]


# -- the output -------------------------------------------------------------------------------------------------------


def output_energy(task: Task, prediction: Tensor, y: Tensor, squared: bool) -> Tensor:
    """Return the sum over samples of the task's loss, or half the squared distance to the clamped target."""
    if squared:
        return (prediction - target(task, y)).square().sum() / 2
    return len(prediction) * loss(task, prediction, y)


def top_error(task: Task, prediction: Tensor, y: Tensor, squared: bool) -> Tensor:
    """Return ``epsilon_L``, the gradient of :func:`output_energy` with respect to the prediction."""
    if squared:
        return prediction - target(task, y)
    return len(prediction) * output_error(task, prediction, y)


# -- predictions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Prediction:
    """What the blocks of a network predict, ``f_l``.

    Normalisations use the statistics of the batch.

    Parameters
    ----------
    network
        The chain; block l is ``network.blocks[l - 1]``.
    state
        Running statistics.
    feedback
        Weight name to the matrix that carries errors; none for the transposed weight.
    scales
        For each block ``a_l`` and whether it has a skip, see :func:`depth_scales`; None for blocks as they are.
    """

    network: Network
    state: Params
    feedback: Params
    scales: tuple[tuple[float, bool], ...] | None = None

    def of(self, k: int, params: Params, x: Tensor, adapt: bool = True) -> tuple[Tensor, Params]:
        """Return what ``network.blocks[k]`` predicts from ``x``, and the updated running statistics."""
        block, wiring = self.network.blocks[k], Wiring(self.state, self.feedback, adapt=adapt)
        current = block.preactivation(params, x, wiring)
        if self.scales is not None:
            scale, skip = self.scales[k]
            current = torch.lerp(x, current, scale) if skip else scale * current
        return block.activation(current), wiring.statistics

    def to_learn(self, k: int, params: Params, x: Tensor) -> tuple[Tensor, Pull, Params]:
        """Return the same and, in between, the map from the prediction's error to updates of the block's parameters."""

        def predict(own: Params) -> "tuple[Tensor, Params]":
            return self.of(k, own, x)

        own = {name: params[name] for name in self.network.blocks[k].parameters()}
        predicted, pull, statistics = vjp(predict, own, has_aux=True)  # type: ignore[misc]
        return predicted, lambda error: pull(error)[0], statistics

    def feed_forward(self, params: Params, x: Tensor) -> tuple[list[Tensor], Pull, Params]:
        """Return every block's output in a feed-forward pass, how block 1 learns, and updated running statistics.

        Block 1 sees the clamped input, so its prediction stays what it is as long as its weights do.
        """
        x, pull, statistics = self.to_learn(0, params, x)
        outputs = [x]
        for k in range(1, len(self.network.blocks)):
            x, adapted = self.of(k, params, x)
            outputs.append(x)
            statistics |= adapted
        return outputs, pull, statistics


def used_feedback(network: Network, feedback: Params) -> Params:
    """Leave out the feedback weight of the first synapse where it only leads to the clamped input."""
    first = network.synapses[0]
    again = any(first in block.synapses for block in network.blocks[1:])
    return {name: b for name, b in feedback.items() if again or name != first.weight_name}


class _Silent(Wiring):
    """Synapses transmit nothing."""

    def synapse(self, synapse: Synapse, params: Params, x: Tensor) -> Tensor:  # type: ignore[override]
        return torch.zeros_like(super().synapse(synapse, params, x))


@lru_cache(maxsize=32)  # every step asks, and finding skips takes a pass through the network
def depth_scales(network: Network) -> tuple[tuple[float, bool], ...]:
    """Return ``a_l`` of muPC relative to this package's initial weights, and whether the block has a skip.

    With unit-variance weights muPC has ``1 / sqrt(D)`` for block 1 of D inputs, ``1 / sqrt(N)`` for hidden blocks with
    N inputs, ``1 / sqrt(N L)`` for those with a skip, and ``1 / N`` for the readout. Initial weights already have
    standard deviation ``1 / sqrt(fan_in)`` (times the gain of the nonlinearity), so what is left to multiply is 1, 1,
    ``1 / sqrt(L)`` and ``1 / sqrt(N)``. A block has a skip if it hands on its input when its synapses are silent.
    """
    generator = torch.Generator().manual_seed(0)
    params, wiring = network.init(generator), _Silent(network.init_state())
    shapes = [network.task.input_shape, *network.output_shapes]
    scales = []
    for block, shape in zip(network.blocks, shapes, strict=False):
        x = torch.randn(1, *shape, generator=generator)
        rest = block.preactivation(params, x, wiring)
        skip = rest.shape == x.shape and bool(torch.equal(rest, x))
        scales.append((1 / sqrt(len(network.blocks)) if skip else 1.0, skip))
    fan_in = prod(network.blocks[-1].synapses[-1].weight_shape[1:])
    return (*scales[:-1], (1 / sqrt(fan_in), False))


# -- inference --------------------------------------------------------------------------------------------------------


def descend(
    values: Sequence[Tensor], velocity: Sequence[Tensor], slopes: Sequence[Tensor], rate: float, momentum: float
) -> tuple[list[Tensor], list[Tensor]]:
    """Return values and velocity after ``v <- momentum v + slope``, ``x <- x - rate v``.

    Where there are fewer slopes than values, they are the last ones', and the rest has not started to move. The
    velocity has an entry for each value that has.
    """
    if momentum and velocity:
        fresh = len(slopes) - len(velocity)
        moved = [torch.add(s, v, alpha=momentum) for s, v in zip(slopes[fresh:], velocity, strict=True)]
        slopes = [*slopes[:fresh], *moved]
    rest = len(values) - len(slopes)
    moved = [torch.sub(x, v, alpha=rate) for x, v in zip(values[rest:], slopes, strict=True)]
    return [*values[:rest], *moved], list(slopes)


def relax(start: Sequence[Tensor], slopes: Slopes, rate: float, momentum: float, steps: int) -> list[Tensor]:
    """Descend ``steps`` times from ``start``; ``slopes(values, k)`` is the gradient at step k, counted from 1."""
    values, velocity = list(start), list(start[:0])
    for k in range(1, steps + 1 if values else 1):
        values, velocity = descend(values, velocity, slopes(values, k), rate, momentum)
    return values


def latent_slopes(prediction: Prediction, params: Params, outputs: list[Tensor], top: TopError) -> Slopes:
    """Return the gradient of ``sum_l |epsilon_l|^2 / 2 + output energy`` with respect to latents, weights fixed.

    Latents start at the feed-forward ``outputs``, where all errors but the output's are zero. So step k moves the last
    k latents only: below, errors are still zero and predictions are those of the feed-forward pass.
    """

    def slopes(latents: "list[Tensor]", k: int) -> "list[Tensor]":
        rest = max(0, len(latents) - k)
        moving = latents[rest:]

        def predict(*moving: Tensor) -> "tuple[Tensor, ...]":
            return tuple(prediction.of(b, params, x)[0] for b, x in enumerate(moving, start=rest + 1))

        predicted, pull = vjp(predict, *moving)  # type: ignore[misc]
        errors = [p - x for p, x in zip([outputs[rest], *predicted[:-1]], moving, strict=True)]
        sent = pull((*errors[1:], top(predicted[-1])))
        return [s - epsilon for s, epsilon in zip(sent, errors, strict=True)]

    return slopes


def error_slopes(prediction: Prediction, params: Params, first: Tensor, top: TopError) -> Slopes:
    """Return the gradient of ``sum_l |e_l|^2 / 2 + output energy`` with respect to ``e_l = x_l - f_l(x_(l-1))``.

    ``first`` is block 1's prediction. States follow from errors, so that the output depends on all of them.
    """

    def slopes(errors: "list[Tensor]", k: int) -> "list[Tensor]":
        del k

        def output(*errors: Tensor) -> Tensor:
            x = first
            for b, error in enumerate(errors, start=1):
                x, _ = prediction.of(b, params, x + error)
            return x

        predicted, pull = vjp(output, *errors)  # type: ignore[misc]
        return [e + s for e, s in zip(errors, pull(top(predicted)), strict=True)]

    return slopes


def fixed_errors(
    prediction: Prediction, params: Params, outputs: list[Tensor], top: Tensor, rate: float, momentum: float, steps: int
) -> list[Tensor]:
    """Return ``epsilon_1 .. epsilon_(L-1)`` relaxed towards ``J_(l+1)^T epsilon_(l+1)``.

    Jacobians ``J`` are those of the feed-forward pass. Errors start at zero, so step k moves the last k only.
    """
    pulls = [
        vjp(lambda x, b=b: prediction.of(b, params, x)[0], x)[1] for b, x in enumerate(outputs[:-1], start=1)
    ]  # fmt: skip

    def slopes(errors: "list[Tensor]", k: int) -> "list[Tensor]":
        rest = max(0, len(errors) - k)
        above = [*errors[rest + 1 :], top]
        return [
            error - pull(epsilon)[0] for error, pull, epsilon in zip(errors[rest:], pulls[rest:], above, strict=True)
        ]

    return relax([torch.zeros_like(x) for x in outputs[:-1]], slopes, rate, momentum, steps)


# -- cost -------------------------------------------------------------------------------------------------------------


def block_costs(network: Network) -> list[int]:
    """Return the multiply-adds per sample of each block's forward pass."""
    ends = [
        sum(forward_cost(replace(network, blocks=network.blocks[:k])).values()) for k in range(len(network.blocks) + 1)
    ]
    return [end - start for start, end in pairwise(ends)]


def wave_cost(costs: list[int], steps: int) -> int:
    """Return what one pass per step costs where step k crosses the last k blocks, never the first one."""
    return sum(sum(costs[max(1, len(costs) - k) :]) for k in range(1, steps + 1))

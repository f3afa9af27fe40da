"""A second network from the output back to the input, block by block, for rules that send targets or signals."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod

import torch
from torch import Tensor
from torch.nn import functional as F

from brainalign.credit.angles import angle
from brainalign.credit.synaptic import synaptic_update
from brainalign.networks.network import Network, Params
from brainalign.networks.synapse import Synapse


@dataclass(frozen=True)
class FeedbackStage:
    """The way back across one block, from its output to its input.

    The kind of synapse follows from the shapes alone: between feature maps the signal is repeated to the lower map's
    size (nearest neighbour) and convolved, or convolved with a stride where the lower map is smaller; between sequences
    of equal length every token is mapped alike; otherwise all features are mapped to all. A flat output that a
    convolution makes is read as the picture it stands for.

    Parameters
    ----------
    block
        Name of the block that is crossed.
    synapse
        ``feedback/<block>``; its weight and bias live in the rule's state.
    above, below
        Shapes of the block's output and input, without the batch axis.
    seen
        Shape in which the output is read.
    """

    block: str
    synapse: Synapse
    above: tuple[int, ...]
    below: tuple[int, ...]
    seen: tuple[int, ...]

    def current(self, weights: Mapping[str, Tensor], signal: Tensor) -> Tensor:
        """Send ``signal`` ``(n, *above)`` down; returns ``(n, *below)`` before any nonlinearity."""
        return self.synapse(weights, self._entering(signal)).view(-1, *self.below)

    def slope(self, signal: Tensor, error: Tensor) -> Params:
        """Return the gradient of the weights that ``error`` ``(n, *below)`` at the current of ``signal`` asks for."""
        return synaptic_update(self.synapse, self._entering(signal), error)

    def _entering(self, signal: Tensor) -> Tensor:
        """Return what the synapse reads of ``signal``."""
        if self.synapse.kind == "conv2d":
            signal = signal.view(-1, *self.seen) if self.seen != self.above else signal
            return signal if self.synapse.stride > 1 else F.interpolate(signal, size=self.below[-2:], mode="nearest")
        return signal if self.synapse.n_in == self.above[-1] else signal.flatten(1)


@lru_cache(maxsize=32)  # every step asks, and shapes take a pass through the network
def feedback_path(network: Network, gain: float = 1.0, bias: bool = False) -> tuple[FeedbackStage, ...]:
    """Return the way back across every block, first block first.

    Parameters
    ----------
    network
        What to mirror.
    gain
        Of the initial weights, see :class:`Synapse`.
    bias
        Whether feedback neurons have a bias.
    """
    outputs = network.output_shapes
    inputs = (tuple(network.task.input_shape), *outputs[:-1])
    stages = []
    for block, below, above in zip(network.blocks, inputs, outputs, strict=True):
        name = f"feedback/{block.name}"
        kernel = next((s.kernel for s in block.synapses if s.kind == "conv2d"), 0)
        picture = len(above) == 1 and len(below) == 3 and kernel and prod(above) == prod(network.task.input_shape)
        seen = tuple(network.task.input_shape) if picture else above
        if len(seen) == len(below) == 3:
            kernel = kernel or 1
            synapse = Synapse(
                name=name,
                kind="conv2d",
                n_in=seen[0],
                n_out=below[0],
                kernel=kernel,
                stride=_stride(seen, below, kernel),
                padding=kernel // 2,
                gain=gain,
                bias=bias,
            )
        elif len(above) == len(below) == 2 and above[0] == below[0]:
            synapse = Synapse(name, "linear", above[1], below[1], gain=gain, bias=bias)
        else:
            synapse = Synapse(name, "linear", prod(above), prod(below), gain=gain, bias=bias)
        stages.append(FeedbackStage(block=block.name, synapse=synapse, above=above, below=below, seen=seen))
    return tuple(stages)


def _stride(seen: tuple[int, ...], below: tuple[int, ...], kernel: int) -> int:
    """Return the stride that makes a map as small as the one below, or 1, where the signal is resized first."""
    stride = max(1, seen[-1] // below[-1])
    sides = tuple((side + 2 * (kernel // 2) - kernel) // stride + 1 for side in seen[-2:])
    return stride if sides == below[-2:] else 1


def draw_path(stages: tuple[FeedbackStage, ...], generator: torch.Generator) -> Params:
    """Draw weights, and biases of zero, of every stage."""
    drawn: Params = {}
    for stage in stages:
        drawn[stage.synapse.weight_name] = stage.synapse.draw_weight(generator)
        if stage.synapse.bias:
            drawn[stage.synapse.bias_name] = torch.zeros(stage.synapse.n_out)
    return drawn


def path_cost(stage: FeedbackStage) -> int:
    """Return the multiply-adds per sample of crossing a stage once."""
    fan_in = prod(stage.synapse.weight_shape[1:])
    if stage.synapse.kind == "conv2d":
        return stage.synapse.n_out * prod(stage.below[-2:]) * fan_in
    return prod(stage.below) * fan_in


def path_angles(
    network: Network, params: Params, state: Params, stages: tuple[FeedbackStage, ...]
) -> dict[str, Tensor]:
    """Return the angle of every stage's weight to its block's transposed weight, where the two have matching shapes."""
    found: dict[str, Tensor] = {}
    for block, stage in zip(network.blocks, stages, strict=True):
        if len(block.synapses) != 1 or block.synapses[0].kind != stage.synapse.kind:
            continue
        weight = params[block.synapses[0].weight_name].transpose(0, 1)
        if stage.synapse.kind == "conv2d":
            weight = weight.flip(-1, -2)
        if weight.shape == state[stage.synapse.weight_name].shape:
            found[block.name] = angle(state[stage.synapse.weight_name], weight)
    return found

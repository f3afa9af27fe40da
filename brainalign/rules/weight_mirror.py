"""Weight mirror: feedback weights copy forward weights by correlating noise with the responses it causes."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.credit.angles import weight_angles
from brainalign.credit.batch import Batch
from brainalign.credit.chain import draw_feedback_weights, error_descent, feedback_weights
from brainalign.credit.cost import backprop_cost
from brainalign.credit.step import Step
from brainalign.networks.network import Network, Params
from brainalign.networks.synapse import Synapse
from brainalign.options import require_not_negative, require_positive, require_steps
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule

_AKROUT = "Akrout et al. 2019, NeurIPS (arXiv 1904.05391)"


@dataclass(frozen=True)
class WeightMirror(LearningRule):
    """``dB = rate * (x y^T / sigma^2 - B)`` in a mirror phase, ``y = W x``, ``x ~ N(0, sigma^2)``; errors use ``B``.

    Noise ``x`` ``(m, n_in)`` at the input of one synapse at a time (other input silent, no bias) makes responses
    ``y`` ``(m, n_out)`` whose correlation with the noise is ``sigma^2 W^T`` on average, so ``B`` tends to ``W^T``.
    After every learning step the mirror sees ``samples`` noise vectors; before training it sees ``warm_up`` such
    batches. Of a convolution, noise fills one receptive field at a time. The result does not depend on ``sigma``,
    which is 1.

    Not plausible: learning alternates with a phase of noise that other layers must not disturb, and errors still wait
    for a backward pass.

    Parameters
    ----------
    rate
        Share of the way that ``B`` goes per mirror batch.
    samples
        Noise vectors per mirror batch, ``m``.
    warm_up
        Mirror batches before training.
    scale
        Size of the initial feedback weights relative to the initial forward weights.

    References
    ----------
    Akrout, Wilson, Humphreys, Lillicrap & Tweed 2019, NeurIPS (arXiv 1904.05391).
    """

    reference: ClassVar[str] = _AKROUT
    claims: ClassVar[Mapping[str, Claim]] = {"C1": Claim(True, _AKROUT)}

    rate: float = 0.02
    samples: int = 64
    warm_up: int = 100
    scale: float = 1.0

    def __post_init__(self) -> None:
        require_positive(samples=self.samples, scale=self.scale)
        require_not_negative(rate=self.rate)
        require_steps(samples=self.samples, warm_up=self.warm_up)

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Draw ``feedback/<synapse>.weight`` for every synapse and mirror the initial weights."""
        state = draw_feedback_weights(network, generator, self.scale)
        for _ in range(self.warm_up):
            state |= self._mirror(network, params, state, self.noise(network, 0, generator))
        return state

    def noise(self, network: Network, batch_size: int, generator: torch.Generator) -> Params:
        """Draw the mirror phase's input ``mirror/<synapse>`` ``(samples, fan_in)``; the first synapse needs none."""
        del batch_size
        shapes = {s.name: (self.samples, prod(s.weight_shape[1:])) for s in network.synapses[1:]}
        return {f"mirror/{name}": torch.randn(shape, generator=generator) for name, shape in shapes.items()}

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return the update with errors sent back through ``B``, and ``B`` after a look into the mirror."""
        step = error_descent(network, params, state, batch, feedback_weights(state))
        return Step(step.updates, {**step.state, **self._mirror(network, params, state, noise)}, step.metrics)

    def _mirror(self, network: Network, params: Params, state: Params, noise: Params) -> Params:
        return {
            f"feedback/{s.weight_name}": torch.lerp(
                state[f"feedback/{s.weight_name}"],
                _reflection(s, params[s.weight_name], noise[f"mirror/{s.name}"]),
                self.rate,
            )
            for s in network.synapses[1:]
        }

    def feedback_angles(self, network: Network, params: Params, state: Params) -> dict[str, Tensor]:
        """Return the angle of every ``B`` to its forward weight."""
        return weight_angles(network, params, feedback_weights(state))

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count as for backpropagation, and response and correlation of ``samples`` noise vectors per batch."""
        mirror = 2 * sum(prod(s.weight_shape) for s in network.synapses[1:])
        return backprop_cost(network) + mirror * self.samples / batch_size


def _reflection(synapse: Synapse, weight: Tensor, noise: Tensor) -> Tensor:
    """Return the mean product of responses and noise, in the shape of the weight."""
    response = noise @ weight.flatten(1).T
    return (response.T @ noise / noise.shape[0]).view(synapse.weight_shape)

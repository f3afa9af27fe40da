"""PEPITA: the error modulates the input of a second forward pass, and layers learn from the difference."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod, sqrt
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.func import vjp

from brainalign.credit.angles import angle
from brainalign.credit.batch import Batch
from brainalign.credit.chain import Pull, teach
from brainalign.credit.cost import forward_cost, local_cost
from brainalign.credit.goodness import activity_mask
from brainalign.credit.objective import answer, output_error, output_metrics, target
from brainalign.credit.step import Step
from brainalign.errors import SpecError
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring
from brainalign.options import require_positive
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule

_FEEDBACK = "feedback/input"


@dataclass(frozen=True)
class Pepita(LearningRule):
    """``dW_l = (h_l - h_l^err) (h_(l-1)^err)^T``, ``h_0^err = x + F e``, ``dW_L = e (h_(L-1)^err)^T``.

    ``h_l`` and ``h_l^err`` are a layer's activity in a first pass, on the input ``x``, and in a second one, on
    ``x + F e``; ``e`` is the answer (probabilities of classes) minus the target, ``(n, n_outputs)``, and ``F`` a fixed
    random projection to the input. Updates are means over the batch. Both passes use the same dropout mask. Biases
    learn from ``h_l - h_l^err``, too. A block of any kind receives ``h_l - h_l^err`` where its output neurons sum their
    inputs, and finds its updates as in the second pass; for dense layers that is the printed product. Batch
    normalisation uses the statistics of each pass's own batch and keeps those of the first.

    Not plausible: the two passes take turns and each unit has to keep its first activity until the second;
    blocks of several synapses differentiate inside.

    Parameters
    ----------
    scale
        Size of ``F`` relative to He's: entries are uniform within ``scale sqrt(6 / n_pixels)``, in units of the image's
        standard deviation. The published 0.05 is for pixels from 0 to 1, whose deviation is about a third in MNIST.
    keep
        Share of a hidden layer's units that are not dropped in a step; 1 is no dropout.

    References
    ----------
    Dellaferrera & Kreiman 2022, ICML (arXiv 2201.11665). The authors' PyTorch code takes ``e`` of the second pass in
    the output layer; here it is the printed one.
    """

    reference: ClassVar[str] = "Dellaferrera & Kreiman 2022, ICML (arXiv 2201.11665)"
    claims: ClassVar[Mapping[str, Claim]] = {}
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {"mlp": {"learning_rate": 0.01}}

    scale: float = 0.15
    keep: float = 0.9

    def __post_init__(self) -> None:
        require_positive(scale=self.scale)
        if not 0 < self.keep <= 1:
            msg = f"Option keep is {self.keep}; expected a share above 0, at most 1."
            raise SpecError(msg)

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Draw ``feedback/input``, ``F`` as ``(n_outputs, n_pixels)``."""
        del params
        n_pixels = prod(network.task.input_shape)
        uniform = torch.rand(network.task.n_outputs, n_pixels, generator=generator) * 2 - 1
        return {_FEEDBACK: self.scale * sqrt(6 / n_pixels) * uniform}

    def noise(self, network: Network, batch_size: int, generator: torch.Generator) -> Params:
        """Draw ``mask/<block>`` ``(n, *shape)`` of 0 and ``1 / keep`` for every hidden block.

        An image that a block passes along beside its activity is not masked.
        """
        masks: Params = {}
        if self.keep < 1:
            for block, shape in zip(network.blocks[:-1], network.output_shapes, strict=False):
                kept = torch.rand(batch_size, *shape, generator=generator) < self.keep
                mask = kept.to(torch.get_default_dtype()) / self.keep
                masks[f"mask/{block.name}"] = torch.where(activity_mask(block, mask) > 0, mask, 1.0)
        return masks

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return the difference of the two passes at every hidden block, times its input in the second."""
        outputs, _, statistics = self._pass(network, params, state, batch.x, noise)
        error = answer(network.task, outputs[-1]) - target(network.task, batch.y)
        modulated = batch.x + (error @ state[_FEEDBACK]).view_as(batch.x)
        second, pulls, _ = self._pass(network, params, state, modulated, noise)
        signals = [(h - h_err) / len(h) for h, h_err in zip(outputs[:-1], second[:-1], strict=True)]
        updates = teach(pulls, [*signals, output_error(network.task, outputs[-1], batch.y)])
        return Step(updates, statistics, output_metrics(network.task, outputs[-1], batch.y))

    def _pass(
        self, network: Network, params: Params, state: Params, x: Tensor, noise: Params
    ) -> tuple[list[Tensor], list[Pull], Params]:
        """Return every block's output, the map from what its neurons receive to its parameters, and statistics."""
        outputs: list[Tensor] = []
        pulls: list[Pull] = []
        statistics: Params = {}
        for block in network.blocks:

            def current(own: Params, block=block, x=x):  # type: ignore[no-untyped-def]
                wiring = Wiring(state, adapt=True)
                return block.preactivation(own, x, wiring), wiring.statistics

            own = {name: params[name] for name in block.parameters()}
            received, pull, adapted = vjp(current, own, has_aux=True)  # type: ignore[misc]
            x = block.activation(received)
            x = x * noise[f"mask/{block.name}"] if f"mask/{block.name}" in noise else x
            outputs.append(x)
            pulls.append(lambda signal, pull=pull: pull(signal)[0])  # type: ignore[misc]
            statistics |= adapted
        return outputs, pulls, statistics

    def feedback_angles(self, network: Network, params: Params, state: Params) -> dict[str, Tensor]:
        """Return the angle of ``-F`` to the product of all weights, for chains of dense layers.

        The first layer's difference is about ``-W_1 F e``, and backpropagation's error there ``W_2^T .. W_L^T e``.
        """
        product: Tensor | None = None
        for block in network.blocks:
            if len(block.synapses) != 1 or block.synapses[0].kind != "linear":
                return {}
            weight = params[block.synapses[0].weight_name]
            product = weight if product is None else weight @ product
        feedback = state[_FEEDBACK]
        return {} if product is None or product.shape != feedback.shape else {"input": angle(-feedback, product)}

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count two forward passes, local gradients in the second, and the projection of the error."""
        del batch_size
        forward = sum(forward_cost(network).values())
        return forward + local_cost(network) + network.task.n_outputs * prod(network.task.input_shape)

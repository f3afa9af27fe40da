"""Direct feedback alignment."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod, sqrt
from typing import ClassVar

import torch

from brainalign.networks.network import Network, Params
from brainalign.rules.batch import Batch
from brainalign.rules.claim import Claim
from brainalign.rules.credit import blockwise, output_error, output_metrics, teach
from brainalign.rules.learning_rule import LearningRule
from brainalign.rules.step import Step


@dataclass(frozen=True)
class DirectFeedbackAlignment(LearningRule):
    """``delta_l = B_l e``, ``e = softmax(y_hat) - y``: fixed random ``B_l`` bring the error to every block at once.

    ``B_l`` is ``(n_outputs, *shape of block l's output)``, uniform with standard deviation
    ``scale / sqrt(n_outputs)``. Inside a block the signal is differentiated exactly; the readout gets ``e`` itself.

    Not plausible: one signed error vector is broadcast to all neurons, and updates wait for it.

    Parameters
    ----------
    scale
        Size of the feedback weights.

    References
    ----------
    Nokland 2016, NeurIPS (arXiv 1609.01596).
    """

    reference: ClassVar[str] = "Nøkland 2016, NeurIPS (arXiv 1609.01596)"
    claims: ClassVar[Mapping[str, Claim]] = {"C1": Claim(True, "Nøkland 2016, NeurIPS (arXiv 1609.01596)")}

    scale: float = 1.0

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Draw ``feedback/<block>`` ``(n_outputs, n_features)`` for every block but the readout."""
        del params
        n_outputs = network.task.n_outputs
        bound = self.scale * sqrt(3 / n_outputs)
        return {
            f"feedback/{block.name}": (torch.rand(n_outputs, prod(shape), generator=generator) * 2 - 1) * bound
            for block, shape in zip(network.blocks[:-1], network.output_shapes(), strict=False)
        }

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return the blocks' own gradients of their projected error."""
        del noise
        outputs, pulls, statistics = blockwise(network, params, state, batch.x)
        error = output_error(outputs[-1], batch.y)
        signals = [
            (error @ state[f"feedback/{block.name}"]).view_as(output)
            for block, output in zip(network.blocks[:-1], outputs, strict=False)
        ]
        return Step(teach(pulls, [*signals, error]), statistics, output_metrics(outputs[-1], batch.y))

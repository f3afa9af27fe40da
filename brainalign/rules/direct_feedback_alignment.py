"""Direct feedback alignment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from brainalign.credit.angles import direct_angles
from brainalign.credit.batch import Batch
from brainalign.credit.chain import blockwise
from brainalign.credit.cost import direct_cost
from brainalign.credit.direct_feedback import direct_feedback, direct_updates, draw_direct
from brainalign.credit.objective import output_error, output_metrics
from brainalign.credit.step import Step
from brainalign.networks.network import Network, Params
from brainalign.options import require_positive
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule


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
    shared
        Whether all blocks read slices of one matrix instead of each having its own.

    References
    ----------
    Nokland 2016, NeurIPS (arXiv 1609.01596). Shared matrix: Launay, Poli, Boniface & Krzakala 2020, NeurIPS.
    """

    reference: ClassVar[str] = "Nøkland 2016, NeurIPS (arXiv 1609.01596)"
    claims: ClassVar[Mapping[str, Claim]] = {"C1": Claim(True, "Nøkland 2016, NeurIPS (arXiv 1609.01596)")}
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {"mlp": {"learning_rate": 0.003}}

    scale: float = 1.0
    shared: bool = False

    def __post_init__(self) -> None:
        require_positive(scale=self.scale)

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Draw ``feedback/<block>`` ``(n_outputs, n_features)`` for every block but the readout."""
        del params
        return draw_direct(network, generator, self.scale, self.shared)

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return the blocks' own gradients of their projected error."""
        del noise
        outputs, teach, statistics = blockwise(network, params, state, batch.x)
        error = output_error(network.task, outputs[-1], batch.y)
        updates = direct_updates(network, state, batch, outputs, teach, error)
        return Step(updates, statistics, output_metrics(network.task, outputs[-1], batch.y))

    def feedback_angles(self, network: Network, params: Params, state: Params) -> dict[str, Tensor]:
        """Return the angle of each projection to the product of the weights above it."""
        return direct_angles(network, params, direct_feedback(state))

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count the forward pass, local gradients and projections."""
        del batch_size
        return direct_cost(network)

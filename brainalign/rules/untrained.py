"""The matched control."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from brainalign.credit.batch import Batch
from brainalign.credit.cost import forward_cost
from brainalign.credit.objective import output_metrics
from brainalign.credit.step import Step
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring
from brainalign.roles import UNTRAINED
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule


@dataclass(frozen=True)
class Untrained(LearningRule):
    """No learning: ``dW = 0``. Seed ``k`` keeps the very initial weights that every other rule's seed ``k`` has.

    What a trained network gains over this control is due to learning; what it shares with it is due to the
    architecture, the initialisation and the stimuli.

    Not plausible: nothing is learned.
    """

    reference: ClassVar[str] = "control"
    claims: ClassVar[Mapping[str, Claim]] = {}
    learns: ClassVar[bool] = False
    role: ClassVar[str] = UNTRAINED

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return no updates, and the metrics of the network as it is."""
        del noise
        output: Tensor = network.forward(params, batch.x, Wiring(state))
        return Step({}, {}, output_metrics(network.task, output, batch.y))

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count the forward pass that metrics are measured on."""
        del batch_size
        return sum(forward_cost(network).values())

"""The control of learning: random features under a trained readout."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor
from torch.func import grad_and_value

from brainalign.credit.batch import Batch
from brainalign.credit.cost import forward_cost
from brainalign.credit.objective import output_metrics
from brainalign.credit.step import Step
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring
from brainalign.roles import READOUT_ONLY
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule


@dataclass(frozen=True)
class ReadoutOnly(LearningRule):
    """``dW_L = delta_L h_(L-1)^T`` for the readout, ``dW_l = 0`` below: hidden weights stay as they were drawn.

    Shapes: ``delta_L`` ``(n, n_outputs)``, ``h_(L-1)`` ``(n, n_(L-1))``; updates are means over the batch. Seed ``k``
    keeps the very hidden weights that every other rule's seed ``k`` starts with. Running statistics of normalisations
    follow the batches, as they do under every rule.

    This is a control and no learning rule. A rule whose networks answer no better than these after as many steps has
    not been shown to teach its hidden layers anything (:func:`brainalign.training.readout.exceeds_readout`).

    Not plausible: nothing is said about how hidden layers learn.

    Examples
    --------
    >>> from brainalign.rules.learning_rule import learning_rule
    >>> learning_rule("readout_only").role
    'readout_only'
    """

    reference: ClassVar[str] = "control"
    claims: ClassVar[Mapping[str, Claim]] = {}
    role: ClassVar[str] = READOUT_ONLY
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "mlp": {"learning_rate": 0.01},
        "cnn": {"learning_rate": 0.03},
        "rnn": {"learning_rate": 0.1},
        "transformer": {"learning_rate": 0.1},
    }

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return the gradient of the loss for the parameters of the readout alone."""
        del noise
        wiring, x = Wiring(state, adapt=True), batch.x
        for block in network.blocks[:-1]:
            x = block.forward(params, x, wiring)
        last = network.blocks[-1]

        def loss(own: Params) -> "tuple[Tensor, dict[str, Tensor]]":
            metrics = output_metrics(network.task, last.forward(own, x, wiring), batch.y)
            return metrics["loss"], metrics

        own = {name: params[name] for name in last.parameters()}
        updates, (_, metrics) = grad_and_value(loss, has_aux=True)(own)
        return Step(updates, dict(wiring.statistics), metrics)

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count the forward pass and one product for the readout's weights."""
        del batch_size
        costs = forward_cost(network)
        return sum(costs.values()) + sum(costs[synapse.name] for synapse in network.blocks[-1].synapses)

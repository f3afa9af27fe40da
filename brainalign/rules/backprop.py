"""Backpropagation of errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from brainalign.credit.batch import Batch
from brainalign.credit.chain import error_descent
from brainalign.credit.cost import backprop_cost
from brainalign.credit.step import Step
from brainalign.networks.network import Network, Params
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule

_LV = "Lv et al. 2025, ICML (arXiv 2501.09976)"


@dataclass(frozen=True)
class Backprop(LearningRule):
    """``dW_l = delta_l h_(l-1)^T``, ``delta_l = f'(a_l) * W_(l+1)^T delta_(l+1)``: descent on the loss.

    Shapes: ``delta_l`` ``(n, n_l)``, ``W_l`` ``(n_l, n_(l-1))``; updates are means over the batch.

    Not plausible: errors travel through the transposed forward weights, in a separate backward pass.

    References
    ----------
    Rumelhart, Hinton & Williams 1986, Nature 323:533.
    """

    reference: ClassVar[str] = "Rumelhart, Hinton & Williams 1986, Nature 323:533"
    claims: ClassVar[Mapping[str, Claim]] = {
        "C1": Claim(False, _LV),
        "C2": Claim(False, _LV),
        "C3": Claim(False, _LV),
    }
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {"mlp": {"learning_rate": 0.003}}

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return the gradient of the loss."""
        del noise
        return error_descent(network, params, state, batch)

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count the forward pass, weight gradients and errors sent back."""
        del batch_size
        return backprop_cost(network)

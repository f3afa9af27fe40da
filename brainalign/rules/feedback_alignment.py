"""Feedback alignment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from brainalign.credit.angles import weight_angles
from brainalign.credit.batch import Batch
from brainalign.credit.chain import draw_feedback_weights, error_descent, feedback_weights
from brainalign.credit.cost import backprop_cost
from brainalign.credit.step import Step
from brainalign.networks.network import Network, Params
from brainalign.options import require_positive
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule

_LV = "Lv et al. 2025, ICML (arXiv 2501.09976)"


@dataclass(frozen=True)
class FeedbackAlignment(LearningRule):
    """``delta_l = f'(a_l) * B_(l+1) delta_(l+1)``: backpropagation with fixed random ``B`` in place of ``W^T``.

    Every synapse has its own ``B`` of the shape of its weight, drawn at the weight's initial scale times ``scale``
    from the rule's own random stream, so it neither equals the initial weight nor shifts its draw. The first
    synapse of a chain sends no error on, so its ``B`` is never used.

    Not plausible: errors still wait for a backward pass, layer by layer, and feedback mirrors the wiring.

    Parameters
    ----------
    scale
        Size of the feedback weights relative to the initial forward weights.

    References
    ----------
    Lillicrap, Cownden, Tweed & Akerman 2016, Nature Communications 7:13276.
    """

    reference: ClassVar[str] = "Lillicrap et al. 2016, Nat. Commun. 7:13276"
    claims: ClassVar[Mapping[str, Claim]] = {
        "C1": Claim(True, _LV),
        "C2": Claim(False, _LV),
        "C3": Claim(False, _LV),
    }
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {"mlp": {"learning_rate": 0.01}}

    scale: float = 1.0

    def __post_init__(self) -> None:
        require_positive(scale=self.scale)

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Draw ``feedback/<synapse>.weight`` for every synapse."""
        del params
        return draw_feedback_weights(network, generator, self.scale)

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return the update with errors sent back through ``B``."""
        del noise
        return error_descent(network, params, state, batch, feedback_weights(state))

    def feedback_angles(self, network: Network, params: Params, state: Params) -> dict[str, Tensor]:
        """Return the angle of every ``B`` to its forward weight."""
        return weight_angles(network, params, feedback_weights(state))

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count as for backpropagation."""
        del batch_size
        return backprop_cost(network)

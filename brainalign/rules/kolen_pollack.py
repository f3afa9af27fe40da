"""Kolen-Pollack learning: forward and feedback weights learn alike and decay alike, so they become transposes."""

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
from brainalign.options import require_not_negative, require_positive
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule

_AKROUT = "Akrout et al. 2019, NeurIPS (arXiv 1904.05391)"


@dataclass(frozen=True)
class KolenPollack(LearningRule):
    """``dW = delta_l h_(l-1)^T + decay W``, ``dB = (delta_l h_(l-1)^T)^T + decay B``; errors travel through ``B``.

    Both weights get the same product of presynaptic and postsynaptic activity, so their difference only decays: with
    SGD at rate ``eta``, ``W - B^T`` shrinks by ``1 - eta * decay`` a step, whatever is learned. ``B`` is stored in the
    shape of ``W``; updates are means over the batch.

    The decay is part of the update, so an optimiser sees it as a gradient. With an adaptive optimiser the two decay
    alike exactly if ``decay = 0`` and the optimiser's own decoupled decay is used (``adamw``, ``weight_decay``), which
    treats ``B`` as it treats ``W``.

    Not plausible: the two synapses of a pair need not see each other's weight but must see the same two activities and
    decay at the same rate; errors still wait for a backward pass.

    Parameters
    ----------
    decay
        Weight decay of both.
    scale
        Size of the initial feedback weights relative to the initial forward weights.

    References
    ----------
    Kolen & Pollack 1994, ICNN 3:1375; Akrout et al. 2019, NeurIPS (arXiv 1904.05391).
    """

    reference: ClassVar[str] = "Kolen & Pollack 1994, ICNN; Akrout et al. 2019, NeurIPS (arXiv 1904.05391)"
    claims: ClassVar[Mapping[str, Claim]] = {"C1": Claim(True, _AKROUT)}
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {"mlp": {"learning_rate": 0.01}}

    decay: float = 1e-3
    scale: float = 1.0

    def __post_init__(self) -> None:
        require_not_negative(decay=self.decay)
        require_positive(scale=self.scale)

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Draw ``feedback/<synapse>.weight`` for every synapse."""
        del params
        return draw_feedback_weights(network, generator, self.scale)

    def trainable(self, state: Params) -> tuple[str, ...]:
        """Return the names of the feedback weights."""
        return tuple(name for name in state if name.startswith("feedback/"))

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return the same product for weight and feedback weight, and each one's decay."""
        del noise
        feedback = feedback_weights(state)
        step = error_descent(network, params, state, batch, feedback)
        updates = dict(step.updates)
        for name, b in feedback.items():
            product = step.updates[name]
            updates[name] = torch.add(product, params[name], alpha=self.decay)
            updates[f"feedback/{name}"] = product.add_(b, alpha=self.decay)  # in place: large, and ours alone
        return Step(updates, step.state, step.metrics)

    def feedback_angles(self, network: Network, params: Params, state: Params) -> dict[str, Tensor]:
        """Return the angle of every ``B`` to its forward weight."""
        return weight_angles(network, params, feedback_weights(state))

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count as for backpropagation; the product is computed once."""
        del batch_size
        return backprop_cost(network)

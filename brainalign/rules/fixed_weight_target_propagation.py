"""Fixed-weight difference target propagation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from brainalign.credit.batch import Batch
from brainalign.credit.chain import blockwise
from brainalign.credit.feedback_stage import FeedbackStage, draw_path
from brainalign.credit.objective import output_metrics
from brainalign.credit.step import Step
from brainalign.credit.targets import (
    Stages,
    difference_errors,
    feedback_nonlinearity,
    target_angles,
    target_cost,
    target_path,
    taught_by_targets,
    top_error,
)
from brainalign.networks.network import Network, Params
from brainalign.options import require_positive
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule


@dataclass(frozen=True)
class FixedWeightTargetPropagation(LearningRule):
    """``t_(l-1) = h_(l-1) + g_l(t_l) - g_l(h_l)``, ``g_l(h) = sigma(B_l h)``: ``B_l`` stay as drawn (FW-DTP).

    ``h_l`` and ``t_l`` are ``(n, *shape of block l's output)``, ``t_L = h_L - step_size dL/dh_L`` with the gradient of
    each sample's own loss. Block l descends ``|h_l - t_l|^2 / (2 step_size)``, so signals have the size of a gradient
    whatever the step; the readout descends the loss.

    With ``normalise``, ``g_l(h) = BN(sigma(B_l h))`` (FW-DTP-BN): BN subtracts each feature's mean over the batch (and
    over pixels or tokens) and divides by its standard deviation, in ``g_l(t_l)`` and ``g_l(h_l)`` each with its own
    statistics; it has no parameters and no state. The source normalises forward activities and targets alike and needs
    it; here forward normalisation is the network's own affair, and a network without it learns better without BN,
    which takes the part that a batch has in common out of every target.

    Not plausible: ``g_l(h_l)`` and ``g_l(t_l)`` travel down at different times and a neuron keeps both.

    Parameters
    ----------
    step_size
        From the output to its target, in units of the gradient of one sample's loss.
    activation
        ``sigma``: ``"relu"``, ``"elu"``, ``"gelu"``, ``"tanh"`` (as in the source) or ``"linear"``. Since nothing is
        reconstructed, ``sigma`` need not reach the activities below; where it saturates, targets fade.
    normalise
        Whether there is BN.
    scale
        Size of ``B`` relative to ``1 / sqrt(fan_in)``. Small, ``sigma`` stays near linear; BN undoes the factor.

    References
    ----------
    Shibuya, Inoue, Kawakami & Sato 2023, AAAI (arXiv 2212.10352).
    """

    reference: ClassVar[str] = "Shibuya et al. 2023, AAAI (arXiv 2212.10352)"
    claims: ClassVar[Mapping[str, Claim]] = {"C1": Claim(True, "Shibuya et al. 2023, AAAI (arXiv 2212.10352)")}
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {"mlp": {"learning_rate": 0.003}}

    step_size: float = 0.1
    activation: str = "linear"
    normalise: bool = False
    scale: float = 1.0

    def __post_init__(self) -> None:
        feedback_nonlinearity(self.activation)
        require_positive(step_size=self.step_size, scale=self.scale)

    def stages(self, network: Network) -> Stages:
        """Return the way back across every block but the first."""
        return target_path(network, self.scale)

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Draw ``feedback/<block>.weight`` for every block but the first."""
        del params
        return draw_path(self.stages(network), generator)

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Send targets down and return each block's own gradient towards its target."""
        del noise
        stages, function = self.stages(network), feedback_nonlinearity(self.activation)
        outputs, teach, statistics = blockwise(network, params, state, batch.x)

        def down(stage: FeedbackStage, signal: Tensor) -> Tensor:
            below = function(stage.current(state, signal))
            return standardise(below) if self.normalise else below

        def lower(stage: FeedbackStage, activity: Tensor, target: Tensor) -> Tensor:
            return down(stage, activity) - down(stage, target)

        errors = difference_errors(stages, outputs, top_error(network.task, outputs[-1], batch, self.step_size), lower)
        updates = taught_by_targets(network.task, teach, outputs, batch, errors, self.step_size)
        return Step(updates, statistics, output_metrics(network.task, outputs[-1], batch.y))

    def feedback_angles(self, network: Network, params: Params, state: Params) -> dict[str, Tensor]:
        """Return the angle of every ``B`` to the transposed weight of its block, where shapes match."""
        return target_angles(network, params, state, self.stages(network))

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count forward pass, local gradients and two passes of targets."""
        del batch_size
        return target_cost(network, self.stages(network), 2)


def standardise(x: Tensor, eps: float = 1e-8) -> Tensor:
    """Standardise every feature of ``(n, features)``, ``(n, tokens, features)`` or ``(n, channels, height, width)``."""
    over = (0, 2, 3) if x.ndim == 4 else tuple(range(x.ndim - 1))
    centred = x - x.mean(over, keepdim=True)
    return centred * (centred.square().mean(over, keepdim=True) + eps).rsqrt()

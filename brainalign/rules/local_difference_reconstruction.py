"""Difference target propagation with the local difference reconstruction loss."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.credit.batch import Batch
from brainalign.credit.chain import blockwise
from brainalign.credit.feedback_stage import FeedbackStage, draw_path
from brainalign.credit.objective import output_metrics
from brainalign.credit.step import Step
from brainalign.credit.targets import (
    Stages,
    activity_noise,
    difference_errors,
    feedback_nonlinearity,
    learn_transposed_jacobian,
    target_angles,
    target_cost,
    target_path,
    taught_by_targets,
    top_error,
)
from brainalign.networks.network import Network, Params
from brainalign.options import require_positive, require_steps
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule


@dataclass(frozen=True)
class LocalDifferenceReconstruction(LearningRule):
    """``t_(l-1) = h_(l-1) + g_l(t_l) - g_l(h_l)`` with ``V_l`` learned so that targets are backpropagation's (L-DRL).

    ``h_l`` and ``t_l`` are ``(n, *shape of block l's output)``, ``t_L = h_L - step_size dL/dh_L`` with the gradient of
    each sample's own loss. ``g_l(h) = V_l sigma(h)``, linear for the readout as the readout is. Before targets are
    sent, ``V_l`` descends ``feedback_steps`` times per batch, for ``h = h_(l-1)`` and Gaussian ``eps, eta``,

    ``L_l = (|g_l(h_l + eta) - g_l(h_l)|^2 / 2 - eps . (g_l(f_l(h + eps)) - g_l(h_l))) / s^2``.

    For small noise its mean is half of ``|J_g - J_f^T|^2`` and a constant: the Jacobian of ``g_l`` learns to be the
    transposed Jacobian of the block ``f_l``. Block l descends ``|h_l - t_l|^2 / (2 step_size)``, so that with learned
    ``V`` and a small step its update is backpropagation's; the readout descends the loss. Normalisations of a block in
    its noisy pass use the statistics of the batch, which are not kept. The source learns stages one after the other
    with a number of updates and a rate for each; they do not depend on each other, and here the rate is in units of
    the largest stable one, so that one number serves all.

    Not plausible: noise is sent up and down, layer by layer, several times before one change of the forward weights.

    Parameters
    ----------
    step_size
        From the output to its target (``beta`` in the source), in units of the gradient of one sample's loss.
    activation
        ``sigma``: ``"relu"``, ``"elu"``, ``"gelu"``, ``"tanh"`` or ``"linear"``. The Jacobian of ``g`` can follow the
        block's from sample to sample where ``sigma`` is the network's own, exactly so for ``"relu"``; ``"linear"``
        learns the average and suits all networks.
    feedback_rate
        Rate of ``V`` relative to the largest stable one, below 1; independent of the optimiser of the network.
    feedback_steps
        Updates of ``V`` per batch; 0 leaves ``V`` as drawn.
    noise_size
        Standard deviation s of the noise, in units of activity.
    scale
        Size of the initial ``V`` relative to ``1 / sqrt(fan_in)``.

    References
    ----------
    Ernoult, Normandin, Moudgil, Spinney, Belilovsky, Rish, Richards & Bengio 2022, ICML (arXiv 2201.13415).
    """

    reference: ClassVar[str] = "Ernoult et al. 2022, ICML (arXiv 2201.13415)"
    claims: ClassVar[Mapping[str, Claim]] = {"C1": Claim(True, "Ernoult et al. 2022, ICML (arXiv 2201.13415)")}

    step_size: float = 0.1
    activation: str = "linear"
    feedback_rate: float = 0.1
    feedback_steps: int = 2
    noise_size: float = 0.1
    scale: float = 1.0

    def __post_init__(self) -> None:
        feedback_nonlinearity(self.activation)
        require_positive(
            step_size=self.step_size, feedback_rate=self.feedback_rate, noise_size=self.noise_size, scale=self.scale
        )
        require_steps(feedback_steps=self.feedback_steps)

    def stages(self, network: Network) -> Stages:
        """Return the way back across every block but the first."""
        return target_path(network, self.scale)

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Draw ``feedback/<block>.weight`` for every block but the first."""
        del params
        return draw_path(self.stages(network), generator)

    def noise(self, network: Network, batch_size: int, generator: torch.Generator) -> Params:
        """Draw noise ``(feedback_steps, n, *shape)`` for the output of every block."""
        return activity_noise(
            self.stages(network), batch_size, self.noise_size, self.feedback_steps, generator, top=True
        )

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Learn ``V``, send targets down and return each block's own gradient towards its target."""
        stages, function = self.stages(network), feedback_nonlinearity(self.activation)

        def read(stage: FeedbackStage, activity: Tensor) -> Tensor:
            return activity if stage is stages[-1] else function(activity)

        outputs, teach, statistics = blockwise(network, params, state, batch.x)
        learned = learn_transposed_jacobian(
            network, params, state, stages, outputs, noise, read, self.feedback_rate, self.noise_size
        )
        current = {**state, **learned}

        def lower(stage: FeedbackStage, activity: Tensor, target: Tensor) -> Tensor:
            return stage.current(current, read(stage, activity) - read(stage, target))

        errors = difference_errors(stages, outputs, top_error(network.task, outputs[-1], batch, self.step_size), lower)
        updates = taught_by_targets(network.task, teach, outputs, batch, errors, self.step_size)
        return Step(updates, {**statistics, **learned}, output_metrics(network.task, outputs[-1], batch.y))

    def feedback_angles(self, network: Network, params: Params, state: Params) -> dict[str, Tensor]:
        """Return the angle of every ``V`` to the transposed weight of its block, where shapes match."""
        return target_angles(network, params, state, self.stages(network))

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count forward pass, local gradients, one pass of differences, and the updates of ``V``."""
        del batch_size
        return target_cost(network, self.stages(network), 1, self.feedback_steps, 3)

"""Target propagation."""

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
    Send,
    Stages,
    activity_noise,
    feedback_nonlinearity,
    learn_to_reconstruct,
    plain_errors,
    target_angles,
    target_cost,
    target_path,
    taught_by_targets,
    top_error,
)
from brainalign.networks.network import Network, Params
from brainalign.options import SET, Needs, require_not_negative, require_positive, require_steps
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule

_LV = "Lv et al. 2025, ICML (arXiv 2501.09976)"


@dataclass(frozen=True)
class TargetPropagation(LearningRule):
    """``t_(l-1) = g_l(t_l)``, ``t_L = h_L - step_size dL/dh_L``: learned inverses say what layers should have done.

    ``h_l`` and ``t_l`` are ``(n, *shape of block l's output)``, ``dL/dh_L`` is the gradient of each sample's own loss.
    ``g_l(h) = sigma(V_l h + c_l)`` leads from a block's output to its input and learns, before targets are sent, to
    undo the block ``f_l``: ``V_l, c_l`` descend ``|g_l(f_l(h + eps)) - (h + eps)|^2`` for ``h = h_(l-1)`` and Gaussian
    ``eps``, ``feedback_steps`` times per batch. Block l then descends ``|h_l - t_l|^2 / 2``; the readout descends the
    loss. Where the inverses are not exact, ``h_l - t_l`` holds the error of reconstruction, too, which is why
    difference target propagation learns better.

    Normalisations of a block in its noisy pass use the statistics of the batch, which are not kept.

    Not plausible: targets descend in a phase of their own, layer by layer, and ``V`` learns from a second pass.

    Parameters
    ----------
    step_size
        From the output to its target, in units of the gradient of one sample's loss.
    activation
        ``sigma``: ``"relu"``, ``"elu"``, ``"gelu"``, ``"tanh"`` or ``"linear"``. It has to reach the activities below:
        ``"tanh"`` suits networks of tanh units, ``"elu"`` reaches what relu, elu and tanh units can do.
    feedback_rate
        Rate of ``V`` relative to the largest stable one, below 2; independent of the optimiser of the network.
    feedback_steps
        Updates of ``V`` per batch; 0 leaves ``V`` as drawn.
    noise_size
        Standard deviation of ``eps``, in units of activity.
    scale
        Size of the initial ``V`` relative to ``1 / sqrt(fan_in)``.

    References
    ----------
    Bengio 2014 (arXiv 1407.7906); Lee, Zhang, Fischer & Bengio 2015, ECML (arXiv 1412.7525).
    """

    reference: ClassVar[str] = "Bengio 2014 (arXiv 1407.7906)"
    claims: ClassVar[Mapping[str, Claim]] = {
        "C1": Claim(True, _LV),
        "C2": Claim(True, _LV),
        "C3": Claim(True, _LV),
    }
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {"mlp": {"learning_rate": 0.001, "rule.activation": "elu"}}

    #: Passes through the path that sending targets takes.
    passes: ClassVar[int] = 1

    only_with: ClassVar[Needs] = {option: {"feedback_steps": SET} for option in ("feedback_rate", "noise_size")}
    step_size: float = 10.0
    activation: str = "tanh"
    feedback_rate: float = 0.5
    feedback_steps: int = 2
    noise_size: float = 0.1
    scale: float = 1.0

    def __post_init__(self) -> None:
        feedback_nonlinearity(self.activation)
        require_positive(step_size=self.step_size, feedback_rate=self.feedback_rate, scale=self.scale)
        require_not_negative(noise_size=self.noise_size)
        require_steps(feedback_steps=self.feedback_steps)

    def stages(self, network: Network) -> Stages:
        """Return the way back across every block but the first."""
        return target_path(network, self.scale, bias=True)

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Draw ``feedback/<block>.weight`` and a bias of zero for every block but the first."""
        del params
        return draw_path(self.stages(network), generator)

    def noise(self, network: Network, batch_size: int, generator: torch.Generator) -> Params:
        """Draw ``eps`` ``(feedback_steps, n, *shape)`` for the input of every block but the first."""
        return activity_noise(self.stages(network), batch_size, self.noise_size, self.feedback_steps, generator)

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Learn ``V``, send targets down and return each block's own gradient towards its target."""
        stages, function = self.stages(network), feedback_nonlinearity(self.activation)
        outputs, teach, statistics = blockwise(network, params, state, batch.x)
        learned = learn_to_reconstruct(network, params, state, stages, outputs, noise, function, self.feedback_rate)
        current = {**state, **learned}

        def send(stage: FeedbackStage, activity: Tensor) -> Tensor:
            return function(stage.current(current, activity))

        top = top_error(network.task, outputs[-1], batch, self.step_size)
        errors, unit = self._errors(stages, outputs, top, send)
        updates = taught_by_targets(network.task, teach, outputs, batch, errors, unit)
        return Step(updates, {**statistics, **learned}, output_metrics(network.task, outputs[-1], batch.y))

    def _errors(self, stages: Stages, outputs: list[Tensor], top: Tensor, send: Send) -> tuple[list[Tensor], float]:
        """Return ``h_l - t_l`` of every block, and the unit they are in."""
        return plain_errors(stages, outputs, top, send), 1.0

    def feedback_angles(self, network: Network, params: Params, state: Params) -> dict[str, Tensor]:
        """Return the angle of every ``V`` to the transposed weight of its block, where shapes match."""
        return target_angles(network, params, state, self.stages(network))

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count forward pass, local gradients, the passes of targets, and the updates of ``V``."""
        del batch_size
        return target_cost(network, self.stages(network), self.passes, self.feedback_steps, 2)

"""Direct random target projection."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from brainalign.credit.angles import direct_angles
from brainalign.credit.batch import Batch
from brainalign.credit.chain import blockwise
from brainalign.credit.cost import direct_cost
from brainalign.credit.direct_feedback import as_gradient, direct_feedback, direct_updates
from brainalign.credit.feedback_draws import VALUED, check_feedback, draw_feedback, feedback_mismatch
from brainalign.credit.objective import output_metrics, target
from brainalign.credit.step import Step
from brainalign.networks.network import Network, Params
from brainalign.options import Needs
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule

_FRENKEL = "Frenkel, Lefebvre & Bol 2021, Frontiers in Neuroscience 15:629892 (arXiv 1909.01311)"


@dataclass(frozen=True)
class DirectRandomTargetProjection(LearningRule):
    """``delta_l = -B_l y*``: fixed random ``B_l`` bring the *target* to every block, in place of the error.

    ``y*`` is ``(n_outputs,)``, one-hot for classes; ``B_l`` is ``(n_outputs, n_features)``. It stands for
    ``e = y* - y``: where outputs lie between 0 and 1, a one-hot target has the sign of ``e`` or is zero. So no hidden
    block waits for the answer. ``delta_l`` is the gradient at the output of block ``l`` that is assumed; inside a block
    it is differentiated exactly, and the readout gets its own error. Forward weights come to align with ``+B_l``. Of a
    batch, and with the squared error of regression, ``delta_l`` has the factor that the gradient of the loss has:
    ``1 / n``, and ``2 / (n n_outputs)``. A regression target is a better stand-in when it is standardised.

    A target never vanishes, so hidden weights grow as long as one trains. Saturating units bear that (the authors use
    tanh); with rectifiers train briefly, or with a small rate.

    Not plausible: the target of every sample is broadcast to all neurons, and each pairs it with its own derivative.

    Parameters
    ----------
    feedback, scale, values
        Initial feedback weights, see :func:`brainalign.credit.feedback_draws.draw_matrix`. With optimisers that
        normalise the size of updates, such as Adam, ``scale`` has no effect.

    References
    ----------
    Frenkel, Lefebvre & Bol 2021, Frontiers in Neuroscience 15:629892 (arXiv 1909.01311).
    """

    reference: ClassVar[str] = _FRENKEL
    claims: ClassVar[Mapping[str, Claim]] = {"C1": Claim(True, _FRENKEL)}
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {"mlp": {"learning_rate": 0.001}}

    only_with: ClassVar[Needs] = {"values": {"feedback": VALUED}}
    feedback: str = "kaiming_uniform"
    scale: float = 0.25
    values: tuple[float, ...] = (-1.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        check_feedback(self.feedback, self.scale, self.values)

    def incompatibility(self, network: Network) -> str | None:
        """Return why the feedback weights cannot be drawn, or None."""
        return feedback_mismatch(network, self.feedback, self.values)

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Draw ``feedback/<block>`` ``(n_outputs, n_features)`` for every block but the readout."""
        del params
        return draw_feedback(network, generator, self.feedback, self.scale, self.values)

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return the blocks' own gradients of their projected target."""
        del noise
        outputs, teach, statistics = blockwise(network, params, state, batch.x)
        wanted = target(network.task, batch.y).to(outputs[-1].dtype)
        updates = direct_updates(network, state, batch, outputs, teach, as_gradient(network.task, wanted))
        return Step(updates, statistics, output_metrics(network.task, outputs[-1], batch.y))

    def feedback_angles(self, network: Network, params: Params, state: Params) -> dict[str, Tensor]:
        """Return the angle of each projection to the product of the weights above it."""
        return direct_angles(network, params, direct_feedback(state))

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count the forward pass, local gradients and projections."""
        del batch_size
        return direct_cost(network)

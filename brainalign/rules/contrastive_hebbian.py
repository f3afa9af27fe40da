"""Contrastive Hebbian learning."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.credit.batch import Batch
from brainalign.credit.chain import teach
from brainalign.credit.cost import forward_cost
from brainalign.credit.energy import (
    adapted_statistics,
    ascend,
    hopfield_mismatch,
    pulls_at,
    response,
    settle,
    squared_error_metrics,
)
from brainalign.credit.objective import target
from brainalign.credit.step import Step
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring
from brainalign.options import require_positive, require_steps
from brainalign.rules.learning_rule import LearningRule


@dataclass(frozen=True)
class ContrastiveHebbian(LearningRule):
    """``dW_l = -gamma^(l-L) (s_l s_(l-1)^T taught - s_l s_(l-1)^T free)``: Hebbian when taught, anti-Hebbian when free.

    ``s_l`` ``(n, *shape)`` are states of layers with ``s_l = rho(slope (a_l + gamma W_(l+1)^T s_(l+1)))`` at rest,
    where ``a_l = W_l s_(l-1) + b_l`` is what block l's neurons receive, and ``W^T`` the transposed derivative where a
    block pools. In the free phase the outputs ``s_L`` are linear neurons; then they are clamped to the targets (one-hot
    for classes). ``rho`` is bounded and replaces the network's own nonlinearity. The network answers, and is compared
    with brains, in its free state.

    Both fixed points are minima of ``sum_l gamma^(l-L) (G(s_l) - <s_l, a_l>)``, where the derivative of ``G`` is the
    inverse of ``rho``. As ``gamma`` goes to 0, the free state goes to the forward pass and ``dW`` to the gradient of
    ``|s_L - t|^2 / 2``, which is also the training loss reported. Normalisations use running statistics.

    Not plausible: weights are symmetric up to ``gamma``, a neuron compares activity of two phases at rest, and learning
    rates are larger by ``1 / gamma`` with every layer down.

    Parameters
    ----------
    gain
        ``gamma``, of the feedback between any two layers. 1 is the symmetric network of Movellan.
    free_steps, clamped_steps
        Steps to each fixed point, each an update of every layer; the clamped phase starts from the free one.
    activation
        ``rho``: ``"hard_sigmoid"`` (clipped to 0..1), ``"hard_tanh"`` (to -1..1) or ``"tanh"``. Under maximum pooling
        only states that are not negative are sure to settle.
    slope
        Of ``rho``. Small slopes keep neurons from saturating.

    References
    ----------
    Xie & Seung 2003, Neural Comput. 15:441; Movellan 1991, Connectionist Models: Proc. 1990 Summer School.
    """

    reference: ClassVar[str] = "Xie & Seung 2003, Neural Comput. 15:441"

    gain: float = 0.2
    free_steps: int = 20
    clamped_steps: int = 10
    activation: str = "hard_sigmoid"
    slope: float = 0.5

    def __post_init__(self) -> None:
        response(self.activation, self.slope)
        require_positive(gain=self.gain, slope=self.slope, clamped_steps=self.clamped_steps)
        require_steps(free_steps=self.free_steps, clamped_steps=self.clamped_steps)

    def incompatibility(self, network: Network) -> str | None:
        """Say which block has no Hopfield energy."""
        return hopfield_mismatch(network)

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Settle, clamp the outputs, settle again, and return the difference of Hebbian products."""
        del noise
        self.check(network)
        blocks, wiring, n = network.blocks, Wiring(state), len(batch.x)
        bottom, free = self._free(network, params, wiring, batch.x)
        wanted = target(network.task, batch.y).to(bottom.dtype)
        rho = response(self.activation, self.slope)
        taught = settle(blocks, params, wiring, bottom, free, self.clamped_steps, rho, lambda *_: wanted, self.gain)
        # Both phases are one batch from here on.
        signals = [
            torch.cat([-clamped, unclamped]) * self.gain ** (k - len(blocks)) / n
            for k, (clamped, unclamped) in enumerate(zip(taught, free, strict=True), start=1)
        ]
        below = [torch.cat(pair) for pair in zip(taught[:-1], free[:-1], strict=True)]
        # They see the same input, so that one product serves both.
        signals[0] = signals[0][:n] + signals[0][n:]
        updates = teach(pulls_at(blocks, params, wiring, [batch.x, *below]), signals)
        statistics = adapted_statistics(blocks, params, state, batch.x, free)
        return Step(updates, statistics, squared_error_metrics(network.task, free[-1], batch.y))

    def _free(self, network: Network, params: Params, wiring: Wiring, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return what layer 1 gets from the input, and the free fixed point."""
        blocks, rho = network.blocks, response(self.activation, self.slope)
        bottom = blocks[0].preactivation(params, x, wiring)
        states = ascend(blocks, params, wiring, bottom, rho, lambda drive: drive)
        return bottom, settle(
            blocks, params, wiring, bottom, states, self.free_steps, rho, lambda drive, _: drive, self.gain
        )

    def respond(self, network: Network, params: Params, state: Params, x: Tensor) -> dict[str, Tensor]:
        """Return the free fixed point."""
        self.check(network)
        states = self._free(network, params, Wiring(state), x)[1]
        pairs = zip(network.blocks, states, strict=True)
        return {layer: shown for block, s in pairs for layer, shown in block.shown(s).items()}

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count both phases and two Hebbian products per weight; the current from the input does not change."""
        del batch_size
        costs = forward_cost(network)
        total, first = sum(costs.values()), costs[network.synapses[0].name]
        return total + 2 * (total - first) * (self.free_steps + self.clamped_steps) + 2 * total - first

"""Dual propagation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.func import vjp

from brainalign.credit.batch import Batch
from brainalign.credit.chain import teach
from brainalign.credit.cost import forward_cost
from brainalign.credit.energy import pulls_at
from brainalign.credit.objective import output_error, output_metrics
from brainalign.credit.step import Step
from brainalign.errors import SpecError
from brainalign.networks.block import Block
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring
from brainalign.options import require_positive, require_steps
from brainalign.rules.learning_rule import LearningRule


@dataclass(frozen=True)
class DualPropagation(LearningRule):
    """``dW_l = -(s_l^+ - s_l^-) m_(l-1)^T / beta``: a neuron is a pair of states, their difference is its error.

    ``s_l^+ = f_l(a_l + alpha d_l)``, ``s_l^- = f_l(a_l - (1 - alpha) d_l)``, ``m_l = alpha s_l^+ + (1 - alpha) s_l^-``,
    all ``(n, *shape)``. ``a_l = W_l m_(l-1) + b_l`` is what block l's neurons receive from the means below and
    ``d_l = W_(l+1)^T (s_(l+1)^+ - s_(l+1)^-)`` from the differences above. For linear outputs ``d_L = -beta dC/da_L``,
    where ``C`` is each sample's loss. ``W^T`` is the transposed derivative of the next block at ``m_l``; a block of
    several synapses is differentiated inside, and the nonlinearity of its output is the identity.

    One pass sets states from the top layer down, after a forward pass in which both are equal. Neither waits for the
    other's phase, and a pass costs what backpropagation's way back does. As ``beta`` goes to 0, ``dW`` goes to
    backpropagation's for every network. Where the outputs of all blocks are linear (here RNN and Transformer, whose
    nonlinearities lie inside blocks) and the mean is the forward state (``alpha = 0.5`` or ``transposed``), it is
    backpropagation's at any ``beta``: only a nonlinearity between blocks can tell two states from one and its error.

    Not plausible: weights are symmetric, and the two states of a neuron are read separately.

    Parameters
    ----------
    alpha
        Share of the positive state in the mean, from 0 to 1; 0.5 nudges both alike and is stable.
    beta
        Strength of the nudge. The larger it is, the further the states reach beyond a kink of ``f``.
    passes
        From the top down. Later ones let the means that changed reach the layers above.
    transposed
        Exchange ``alpha`` and ``1 - alpha`` in the states, not in the mean, which keeps ``alpha`` other than 0.5 stable
        (DP-transpose).

    References
    ----------
    Høier, Staudt & Zach 2023, ICML (arXiv 2302.01228). DP-transpose: Høier & Zach 2024, ICML (arXiv 2402.08573).
    """

    reference: ClassVar[str] = "Høier, Staudt & Zach 2023, ICML (arXiv 2302.01228)"
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {"mlp": {"learning_rate": 0.003}}

    alpha: float = 0.5
    beta: float = 0.5
    passes: int = 1
    transposed: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            msg = f"Option alpha is {self.alpha}; expected a share from 0 to 1."
            raise SpecError(msg)
        require_positive(beta=self.beta, passes=self.passes)
        require_steps(passes=self.passes)

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return the product of every block's difference and the mean below it."""
        del noise
        blocks = network.blocks
        below, means, received = batch.x, [], []  # received: of every block what it gets, and the pull of that down
        statistics: Params = {}
        for block in blocks:
            current, pull, adapted = _receive(block, params, state, below)
            received.append((current, pull))
            means.append(below := block.activation(current))
            statistics |= adapted
        answer = means[-1]
        differences = means.copy()
        for sweep in range(self.passes):
            for k in reversed(range(len(blocks))):
                if sweep > 0:
                    received[k] = _receive(blocks[k], params, state, means[k - 1] if k else batch.x)[:2]
                nudge = (
                    received[k + 1][1](differences[k + 1])[0]
                    if k < len(blocks) - 1
                    else -self.beta * len(batch.x) * output_error(network.task, received[k][0], batch.y)
                )
                differences[k], means[k] = self._dyad(blocks[k], received[k][0], nudge)
        signals = [-difference / (len(batch.x) * self.beta) for difference in differences]
        pulls = pulls_at(blocks, params, Wiring(state, adapt=True), [batch.x, *means[:-1]])
        return Step(teach(pulls, signals), statistics, output_metrics(network.task, answer, batch.y))

    def _dyad(self, block: Block, current: Tensor, nudge: Tensor) -> tuple[Tensor, Tensor]:
        """Return difference and mean of the two states."""
        alpha = 1 - self.alpha if self.transposed else self.alpha
        positive = block.activation(current + alpha * nudge)
        negative = block.activation(current - (1 - alpha) * nudge)
        return positive - negative, torch.lerp(negative, positive, self.alpha)

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count forward pass, one product per weight, and passes; later ones cross every synapse but the first up."""
        del batch_size
        costs = forward_cost(network)
        total, first = sum(costs.values()), sum(costs[s.name] for s in network.blocks[0].synapses)
        return 2 * total + (2 * self.passes - 1) * (total - first)


def _receive(block: Block, params: Params, state: Params, below: Tensor):  # type: ignore[no-untyped-def]
    """Return what ``block`` receives from ``below``, the pull back to that, and adapted statistics."""

    def receive(x: Tensor):  # type: ignore[no-untyped-def]
        wiring = Wiring(state, adapt=True)
        return block.preactivation(params, x, wiring), wiring.statistics

    return vjp(receive, below, has_aux=True)

"""What an outer level can move in the lifetime of a network: its credit network, or the rates of its synapses."""

from dataclasses import dataclass, replace
from functools import cached_property
from math import log

import torch
from torch import Tensor

from brainalign.credit.batch import Batch
from brainalign.credit.objective import output_metrics
from brainalign.errors import SpecError
from brainalign.networks.architecture import choose
from brainalign.networks.network import Network, Params
from brainalign.options import require_positive
from brainalign.rules.learning_rule import LearningRule
from brainalign.rules.top_down_credit import PHI, TopDownCredit


@dataclass(frozen=True)
class Learner:
    """``w <- w - exp(r) u(w)``: a rule's update ``u`` under plain gradient descent, with ``theta`` free.

    Parameters
    ----------
    rule, network
        Who learns, and how. Rules that draw noise at every step are refused.
    moves
        ``"credit"``: ``theta = (phi, r)``, the credit network's parameters and the log of one rate;
        ``"rate"``: ``theta = r``; ``"layer_rates"``: ``theta`` has one ``r`` per block; ``"readout_rate"``:
        ``theta = r``, and only the last block learns, the control of what credits of hidden layers are good for.
    learning_rate
        Where rates start.
    """

    rule: LearningRule
    network: Network
    moves: str
    learning_rate: float = 0.1

    def __post_init__(self) -> None:
        choose("moves", self.moves, ("credit", "rate", "layer_rates", "readout_rate"))
        require_positive(learning_rate=self.learning_rate)
        self.rule.check(self.network)
        if self.moves == "credit" and not isinstance(self.rule, TopDownCredit):
            msg = f"Option moves is 'credit', but rule {self.rule.name()!r} has no credit network; use top_down_credit."
            raise SpecError(msg)
        if self.rule.noise(self.network, 1, torch.Generator()):
            msg = f"Rule {self.rule.name()!r} draws noise at every step, which lifetimes do not; name another rule."
            raise SpecError(msg)

    @cached_property
    def _block_of(self) -> dict[str, int]:
        """Return parameter name to the number of the first block that reads it."""
        found: dict[str, int] = {}
        for k, block in enumerate(self.network.blocks):
            found = {**dict.fromkeys(block.parameters(), k), **found}
        return found

    @property
    def n_rates(self) -> int:
        """Rates in ``theta``, which come last."""
        return len(self.network.blocks) if self.moves == "layer_rates" else 1

    @property
    def n_parameters(self) -> int:
        """Length of ``theta``."""
        phi = self.rule.top(self.network).n_parameters if isinstance(self.rule, TopDownCredit) else 0
        return self.n_rates + (phi if self.moves == "credit" else 0)

    def start(self, generator: torch.Generator) -> Tensor:
        """Draw ``theta`` ``(n_parameters,)``."""
        rates = torch.full((self.n_rates,), log(self.learning_rate))
        if self.moves != "credit":
            return rates
        params = self.network.init(torch.Generator())
        return torch.cat([self.rule.init(self.network, params, generator)[PHI], rates])

    def on(self, network: Network) -> "Learner":
        """Return the same for another network; ``theta`` fits it if it is as long."""
        other = replace(self, network=network)
        if other.n_parameters != self.n_parameters:
            msg = (
                f"What was trained has {self.n_parameters} parameters, and network {network.name!r} needs "
                f"{other.n_parameters}; only one rate, or credits that diffuse, fit any network."
            )
            raise SpecError(msg)
        return other

    def live(self, theta: Tensor, params: Params, state: Params, batches: Batch) -> tuple[Params, Params]:
        """Return parameters and state after a step for each of ``batches`` ``(steps, n, ...)``."""
        rates = theta[-self.n_rates :].exp()
        if self.moves == "credit":
            state = {**state, PHI: theta[: -self.n_rates]}
        for x, y, index in zip(*batches, strict=True):
            step = self.rule.step(self.network, params, state, Batch(x, y, index), {})
            params = {
                name: value - self._rate(rates, name) * step.updates[name] if name in step.updates else value
                for name, value in params.items()
            }
            state = {**state, **step.state}
        return params, state

    def _rate(self, rates: Tensor, name: str) -> Tensor:
        if self.moves == "readout_rate" and self._block_of[name] < len(self.network.blocks) - 1:
            return torch.zeros_like(rates[0])
        return rates[self._block_of[name] if self.moves == "layer_rates" else 0]

    def look(self, params: Params, state: Params, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Return loss and accuracy of a network on samples."""
        output = list(self.rule.respond(self.network, params, state, x).values())[-1]
        return output_metrics(self.network.task, output, y)

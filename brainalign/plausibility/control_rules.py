"""Rules made to fail or pass a probe, where no rule of the literature is sure to."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from brainalign.credit.batch import Batch
from brainalign.credit.chain import blockwise, error_descent
from brainalign.credit.objective import output_metrics, target
from brainalign.credit.step import Step
from brainalign.networks.network import Network, Params
from brainalign.rules.learning_rule import LearningRule

_COPIES = ("one/", "two/")


@dataclass(frozen=True)
class _Artificial(LearningRule):
    reference: ClassVar[str] = "a control"

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Return 0; nobody asks what a control costs."""
        del network, batch_size
        return 0.0


@dataclass(frozen=True)
class Excitatory(_Artificial):
    """Turns every weight positive."""

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return what is missing to the absolute value of every weight."""
        del noise
        metrics = error_descent(network, params, state, batch).metrics
        return Step({name: p - p.abs() for name, p in params.items() if p.ndim > 1}, {}, metrics)


@dataclass(frozen=True)
class Alternating(_Artificial):
    """Goes uphill far at one step and downhill a little further at the next."""

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Return ``odd``, which is 1 at every other step, and where the last step led, by parameter."""
        del network, generator
        return {"odd": torch.zeros(()), **{f"last/{name}": torch.zeros_like(p) for name, p in params.items()}}

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return the gradient, plus or minus a large constant of either sign in every second step."""
        del noise
        step = error_descent(network, params, state, batch)
        odd = state["odd"]
        updates = {name: torch.where(odd > 0, -state[f"last/{name}"], -u.sign()) for name, u in step.updates.items()}
        last = {f"last/{name}": -2 * u.sign() for name, u in step.updates.items()}
        return Step(updates, {**step.state, **last, "odd": 1 - odd}, step.metrics)


@dataclass(frozen=True)
class Comparator(_Artificial):
    """Hears every error through two copies of the weights, made at each step, and learns only if both say the same."""

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Return the copies, ``one/<weight>`` and ``two/<weight>``."""
        del generator
        return self._copies(network, params)

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return what one copy teaches, times zero if the other teaches something else."""
        del noise
        one, two = (
            error_descent(
                network, params, state, batch, {s.weight_name: state[copy + s.weight_name] for s in network.synapses}
            )
            for copy in _COPIES
        )
        same = torch.stack([(u - two.updates[n]).norm() <= 0.01 * u.norm() for n, u in one.updates.items()]).all()
        updates = {name: update * same for name, update in one.updates.items()}
        return Step(updates, {**one.state, **self._copies(network, params)}, one.metrics)

    def _copies(self, network: Network, params: Params) -> Params:
        return {copy + s.weight_name: params[s.weight_name].clone() for copy in _COPIES for s in network.synapses}


@dataclass(frozen=True)
class Crowd(_Artificial):
    """Backpropagation that learns nothing from a sample on its own."""

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return the gradient, times zero for a batch of one."""
        del noise
        step = error_descent(network, params, state, batch)
        return Step({name: u * (len(batch.x) > 1) for name, u in step.updates.items()}, step.state, step.metrics)


@dataclass(frozen=True)
class Clamped(_Artificial):
    """Teaches the readout alone, ``dW = -y h^T``: the target is what its neurons do, whatever they would answer."""

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return the product of target and activity, from the readout's own derivative."""
        del noise
        outputs, teach, statistics = blockwise(network, params, state, batch.x)
        signals = [torch.zeros_like(h) for h in outputs[:-1]]
        found = teach([*signals, -target(network.task, batch.y).to(outputs[-1].dtype)])
        return Step(found, statistics, output_metrics(network.task, outputs[-1], batch.y))


CONTROL_RULES: dict[str, type[LearningRule]] = {
    rule.name(): rule for rule in (Excitatory, Alternating, Comparator, Crowd, Clamped)
}

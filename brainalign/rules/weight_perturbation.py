"""Weight perturbation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from brainalign.credit.batch import Batch
from brainalign.credit.cost import forward_cost
from brainalign.credit.objective import output_metrics
from brainalign.credit.perturbation import draw_weights, mean_square, require_samples, weight_directions
from brainalign.credit.step import Step
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring
from brainalign.options import require_positive
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule

_LV = "Lv et al. 2025, ICML (arXiv 2501.09976)"


@dataclass(frozen=True)
class WeightPerturbation(LearningRule):
    """``dW ~ (L(W + sigma xi) - L(W - sigma xi)) / (2 sigma) xi``: all weights tremble, and what helped stays.

    ``xi`` is standard normal, of the shape of the parameters and the same for all samples of a batch; ``L`` is the loss
    of the batch. Every parameter takes part, gains and embeddings as well as weights. The mean over ``xi`` is the
    gradient up to order ``sigma^2`` with both signs and ``sigma`` without; the variance grows with the number of
    parameters, so that many draws or small rates are needed. Normalisations use the statistics of each pass.

    Not plausible: every synapse must know its own tremble and that of no other, and inputs are shown several times with
    weights frozen in between.

    Parameters
    ----------
    sigma
        Standard deviation of the tremble, in units of weights. Updates do not scale with it.
    samples
        Draws of ``xi`` per step, whose updates are averaged.
    antithetic
        Whether each draw is tried with both signs; else it is compared with one pass without tremble.
    directional
        Whether updates are divided by ``|xi|^2 / dim xi``. Then only the direction of ``xi`` counts; the mean stays.

    References
    ----------
    Jabri & Flower 1992, IEEE Transactions on Neural Networks; Werfel, Xie & Seung 2005, Neural Computation.
    """

    reference: ClassVar[str] = "Jabri & Flower 1992, IEEE Transactions on Neural Networks"
    claims: ClassVar[Mapping[str, Claim]] = {"C1": Claim(True, _LV), "C2": Claim(True, _LV), "C3": Claim(False, _LV)}

    sigma: float = 0.01
    samples: int = 16
    antithetic: bool = True
    directional: bool = False

    def __post_init__(self) -> None:
        require_positive(sigma=self.sigma)
        require_samples(self.samples)

    def noise(self, network: Network, batch_size: int, generator: torch.Generator) -> Params:
        """Draw ``direction/<parameter>`` ``(samples, *shape)``, standard normal."""
        del batch_size
        return draw_weights(network, self.samples, generator)

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return the mean over draws of slope times direction.

        Metrics and running statistics are those of the pass without tremble, or with both signs the mean over passes.
        """

        def run(shift: Params, size: float) -> Step:
            wiring = Wiring(state, adapt=True)
            shaken = {name: p + size * shift[name] for name, p in params.items()} if size else params
            output = network.forward(shaken, batch.x, wiring)
            return Step({}, wiring.statistics, output_metrics(network.task, output, batch.y))

        clean = None if self.antithetic else run({}, 0.0)
        passes = [] if clean is None else [clean]
        updates: Params = {name: torch.zeros_like(p) for name, p in params.items()}
        directions = weight_directions(noise)
        square = mean_square(directions)
        for draw in range(self.samples):
            xi = {name: v[draw] for name, v in directions.items()}
            up = run(xi, self.sigma)
            if clean is None:
                down = run(xi, -self.sigma)
                slope = (up.metrics["loss"] - down.metrics["loss"]) / (2 * self.sigma)
                passes += [up, down]
            else:
                slope = (up.metrics["loss"] - clean.metrics["loss"]) / self.sigma
            slope = slope / square[draw] if self.directional else slope
            updates = {name: update + slope / self.samples * xi[name] for name, update in updates.items()}
        return Step(updates, _mean([p.state for p in passes]), _mean([p.metrics for p in passes]))

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count the forward passes; nothing else multiplies matrices."""
        del batch_size
        passes = 2 * self.samples if self.antithetic else 1 + self.samples
        return passes * sum(forward_cost(network).values())


def _mean(groups: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([group[name] for group in groups]).mean(0) for name in groups[0]}

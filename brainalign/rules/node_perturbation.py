"""Node perturbation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from brainalign.credit.batch import Batch
from brainalign.credit.cost import forward_cost
from brainalign.credit.objective import output_metrics
from brainalign.credit.perturbation import (
    credited,
    currents,
    draw_currents,
    require_samples,
    sample_losses,
    sample_mean_square,
)
from brainalign.credit.step import Step
from brainalign.credit.synaptic import Synaptic, synaptic_updates
from brainalign.errors import SpecError
from brainalign.networks.network import Network, Params
from brainalign.networks.synapse import Synapse
from brainalign.options import SET, Needs, require_positive, require_steps
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule

_LV = "Lv et al. 2025, ICML (arXiv 2501.09976)"
_MIX = "decorrelation/"
_STEPS = "decorrelated"
_LENGTH = "length/"


@dataclass(frozen=True)
class NodePerturbation(LearningRule):
    """``dW_l ~ mean_i (L_i(sigma xi_i) - L_i(-sigma xi_i)) / (2 sigma) xi_(l,i) x_(l,i)^T``: neurons tremble.

    ``xi_(l,i)`` is standard normal noise on the current of synapse l for sample i, ``(n_out,)`` or ``(n_out, height,
    width)``, its own for every sample, token and time step; ``L_i`` is the loss of sample i and ``x_(l,i)`` the
    presynaptic activity. The mean over ``xi`` is the gradient up to order ``sigma^2`` with both signs and ``sigma``
    without. Passes run side by side in one batch. Batch normalisations use the statistics of all of it; what a sample's
    noise does to the losses of others through them is left out. Parameters that no synapse owns (gains and shifts of
    normalisations, embeddings) stay as drawn.

    With ``decorrelation``, every synapse reads ``x = R z`` instead of its input ``z``: features of a linear synapse,
    channels of a convolution. ``R`` starts as the identity and learns without a teacher, ``R -= rate ((1 - whitening) C
    + whitening V) R``, where ``C`` is the off-diagonal part of the mean of ``x x^T`` and ``V`` the diagonal of
    ``x^2 - 1``, and ``rate = decorrelation / (1 + E|x|^2)``.

    Not plausible: a neuron must know its own tremble, and the same input is shown at least twice.

    Parameters
    ----------
    sigma
        Standard deviation of the tremble, in units of currents. Updates do not scale with it.
    samples
        Draws of ``xi`` per step, whose updates are averaged.
    antithetic
        Whether each draw is tried with both signs; else it is compared with a pass without tremble.
    layerwise
        Whether synapses tremble one after the other, each in a pass of its own: less variance for as many times the
        passes.
    directional
        Whether updates are divided by ``|xi_i|^2 / dim xi_i``. Then only the direction of ``xi_i`` counts; the mean
        stays.
    decorrelation
        Rate of ``R`` relative to a stable one, below 1; 0 leaves ``R`` out.
    whitening
        Share of ``V``, from 0 (decorrelate only) to 1 (bring every feature to unit power only).
    decorrelation_samples
        Samples of the batch that ``R`` learns from.
    decorrelation_steps
        Steps over which the rate of ``R`` falls in a straight line to zero; 0 if it never falls. Where the learning
        rate ends at zero, an ``R`` that moves on leaves behind weights that can no longer follow it.
    fixed_norm
        Whether hidden neurons keep the length of their incoming weights, which noisy updates otherwise let grow.

    References
    ----------
    Werfel, Xie & Seung 2005, Neural Computation. Weight growth: Hiratani, Mehta, Lillicrap & Latham 2022, NeurIPS.
    Decorrelation and layer-wise noise: Dalm, Offergeld, Ahmad & van Gerven 2023 (arXiv 2310.00965).
    """

    reference: ClassVar[str] = "Werfel, Xie & Seung 2005, Neural Computation"
    claims: ClassVar[Mapping[str, Claim]] = {"C1": Claim(True, _LV), "C2": Claim(True, _LV), "C3": Claim(False, _LV)}
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {"mlp": {"learning_rate": 0.01, "rule.samples": 8}}

    only_with: ClassVar[Needs] = {
        option: {"decorrelation": SET} for option in ("whitening", "decorrelation_samples", "decorrelation_steps")
    }
    sigma: float = 0.01
    samples: int = 1
    antithetic: bool = True
    layerwise: bool = False
    directional: bool = False
    decorrelation: float = 0.0
    whitening: float = 0.0
    decorrelation_samples: int = 32
    decorrelation_steps: int = 0
    fixed_norm: bool = False

    def __post_init__(self) -> None:
        require_positive(sigma=self.sigma, decorrelation_samples=self.decorrelation_samples)
        require_samples(self.samples)
        require_steps(decorrelation_steps=self.decorrelation_steps)
        for option in ("decorrelation", "whitening"):
            if not 0 <= getattr(self, option) <= 1:
                msg = f"Option {option} is {getattr(self, option)!r}; expected a number from 0 to 1."
                raise SpecError(msg)

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Return ``decorrelation/<synapse>`` (identity) and ``length/<synapse>`` ``(n_out,)``, where they are used.

        ``decorrelated`` counts steps, if the rate of decorrelation falls with them.
        """
        del generator
        state: Params = {}
        if self.decorrelation:
            state |= {f"{_MIX}{synapse.name}": torch.eye(synapse.n_in) for synapse in network.synapses}
        if self.decorrelation and self.decorrelation_steps:
            state[_STEPS] = torch.zeros(())
        if self.fixed_norm:
            readout = network.blocks[-1].synapses
            hidden = [synapse for synapse in network.synapses if synapse not in readout]
            state |= {f"{_LENGTH}{s.name}": params[s.weight_name].flatten(1).norm(dim=1) for s in hidden}
        return state

    def noise(self, network: Network, batch_size: int, generator: torch.Generator) -> Params:
        """Draw ``current/<synapse>`` ``(samples, crossings, n, *shape)``, standard normal."""
        return draw_currents(network, batch_size, self.samples, generator)

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return slope times direction times presynaptic activity, and what ``R`` has learned.

        Activity and metrics are those of the pass without tremble, or with both signs the mean over passes.
        """
        xi, n = currents(noise), len(batch.y)
        groups: list[tuple[str, ...]] = [(name,) for name in xi] if self.layerwise else [tuple(xi)]
        copies = len(groups) * self.samples * 2 if self.antithetic else 1 + len(groups) * self.samples
        noise = {name: self._tremble(name, v, groups) for name, v in xi.items()}
        wiring = _Mixing(state, noise, copies, adapt=True)
        x, y = (t.repeat(copies, *[1] * (t.ndim - 1)) for t in (batch.x, batch.y))
        output = network.forward(_of_fixed_length(network, params, state), x, wiring)
        losses = sample_losses(network.task, output, y).view(copies, n)

        signals: Params = {}
        for group, slope in zip(groups, self._slopes(losses, len(groups)), strict=True):
            own = {name: xi[name] for name in group}
            signals |= credited(own, slope / sample_mean_square(own) if self.directional else slope)
        inputs = {name: [self._calm(x, copies) for x in seen] for name, seen in wiring.inputs.items()}
        updates = _along_the_sphere(network, params, state, synaptic_updates(network.synapses, inputs, signals))
        calm = (output, y) if self.antithetic else (output[:n], batch.y)
        metrics = output_metrics(network.task, *calm)
        return Step(updates, {**wiring.statistics, **self._decorrelate(network, state, inputs)}, metrics)

    def _tremble(self, name: str, xi: Tensor, groups: list[tuple[str, ...]]) -> Tensor:
        """Return what is added to a current in all copies of the batch, ``(crossings, copies * n, *shape)``."""
        still = torch.zeros_like(xi)
        moved = [self.sigma * xi if name in group else still for group in groups]
        if self.antithetic:
            parts = [part for shift in moved for part in (shift, -shift)]
        else:
            parts = [still[:1], *moved]
        return torch.cat(parts).transpose(0, 1).flatten(1, 2)

    def _slopes(self, losses: Tensor, n_groups: int) -> list[Tensor]:
        """Return the slope of each sample's loss ``(samples, n)`` for every group of synapses that tremble together."""
        if self.antithetic:
            up, down = losses.view(n_groups, 2, self.samples, -1).unbind(1)
            return list((up - down) / (2 * self.sigma))
        moved = losses[1:].view(n_groups, self.samples, -1)
        return list((moved - losses[0]) / self.sigma)

    def _calm(self, x: Tensor, copies: int) -> Tensor:
        """Return presynaptic activity as if nothing trembled, up to order ``sigma^2``."""
        x = x.unflatten(0, (copies, -1))
        return x.mean(0) if self.antithetic else x[0]

    def _decorrelate(self, network: Network, state: Params, inputs: Mapping[str, list[Tensor]]) -> Params:
        """Return ``R`` of every synapse after one step towards uncorrelated ``x``."""
        if not self.decorrelation:
            return {}
        learned: Params = {}
        rate: Tensor | float = self.decorrelation
        if self.decorrelation_steps:
            rate = rate * (1 - state[_STEPS] / self.decorrelation_steps).clamp_min(0)
            learned[_STEPS] = state[_STEPS] + 1
        for synapse in network.synapses:
            x = torch.cat([x[: self.decorrelation_samples] for x in inputs[synapse.name]])
            rows = (x.movedim(1, -1) if synapse.kind == "conv2d" else x).reshape(-1, synapse.n_in)
            mix, power = state[f"{_MIX}{synapse.name}"], rows.square().mean(0)
            # (mean of x x^T) R without the matrix in between, which would cost more than the batch does. Factors go to
            # rows and columns first: R is large, and every operation on it takes as long as the batch's.
            pace = rate / (1 + power.sum())
            correlated = ((self.whitening - 1) * pace / len(rows) * rows).T @ (rows @ mix)
            kept = 1 + pace * ((1 - self.whitening) * power - self.whitening * (power - 1))
            learned[f"{_MIX}{synapse.name}"] = torch.addcmul(correlated, kept[:, None], mix)
        return learned

    def respond(self, network: Network, params: Params, state: Params, x: Tensor) -> dict[str, Tensor]:
        """Return the activity of every layer, decorrelated inputs and fixed lengths included."""
        wiring, found = _Mixing(state), dict[str, Tensor]()
        weights = _of_fixed_length(network, params, state)
        for block in network.blocks:
            x = block.forward(weights, x, wiring)
            found |= block.shown(x)
        return found

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count the passes, decorrelation in each of them, one product per weight, and what ``R`` learns from.

        The first synapse is crossed once, as all passes are alike there.
        """
        costs = forward_cost(network)
        groups = len(costs) if self.layerwise else 1
        passes = 2 * self.samples * groups if self.antithetic else 1 + self.samples * groups
        first = network.synapses[0]
        total = float((passes + 1) * sum(costs.values()) - (passes - 1) * costs[first.name])
        if self.decorrelation:
            share = min(self.decorrelation_samples, batch_size) / batch_size
            total += (passes + 2 * share) * sum(_mixing_cost(s, costs[s.name]) for s in network.synapses)
            total -= (passes - 1) * _mixing_cost(first, costs[first.name])
        return total


class _Mixing(Synaptic):
    """Sends ``R z`` instead of ``z`` across a synapse, where the state holds an ``R``, for ``copies`` of a batch."""

    def __init__(
        self, state: Mapping[str, Tensor], noise: Mapping[str, Tensor] | None = None, copies: int = 1,
        adapt: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(state, noise, adapt)
        self.copies = copies

    def transmit(self, synapse: Synapse, params: Mapping[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
        # Until the first current trembles all copies are alike.
        copies = 1 if any(self.inputs.values()) else self.copies
        x = x[: len(x) // copies]
        mix = self.state.get(f"{_MIX}{synapse.name}")
        if mix is not None:
            x = F.linear(x, mix) if synapse.kind == "linear" else F.conv2d(x, mix[:, :, None, None])
        x, current = super().transmit(synapse, params, x)
        return x.repeat(copies, *[1] * (x.ndim - 1)), current.repeat(copies, *[1] * (current.ndim - 1))


def _mixing_cost(synapse: Synapse, cost: int) -> float:
    """Return the multiply-adds of ``R z`` per sample: one square matrix at every place of the input."""
    if synapse.kind == "linear":
        return cost / synapse.n_out * synapse.n_in
    return cost / (synapse.n_out * synapse.kernel**2) * synapse.n_in * synapse.stride**2


def _of_fixed_length(network: Network, params: Params, state: Params) -> Params:
    """Return parameters in which the weights of neurons with a fixed length have it."""
    return {**params, **{name: scale * params[name] for name, scale in _scales(network, params, state).items()}}


def _along_the_sphere(network: Network, params: Params, state: Params, updates: Params) -> Params:
    """Return what ``updates`` of weights of fixed length mean for the parameters behind them."""
    found = dict(updates)
    for name, scale in _scales(network, params, state).items():
        flat, update, factor = params[name].flatten(1), updates[name].flatten(1), scale.flatten(1)
        radial = factor * (update * flat).sum(1, keepdim=True) / flat.norm(dim=1, keepdim=True).square()
        found[name] = torch.addcmul(factor * update, radial, flat, value=-1).view_as(params[name])
    return found


def _scales(network: Network, params: Params, state: Params) -> Params:
    """Return weight name to the fixed over the present length of each neuron's weights, shaped to multiply them."""
    scales: Params = {}
    for synapse in network.synapses:
        length = state.get(f"{_LENGTH}{synapse.name}")
        if length is not None:
            weight = params[synapse.weight_name]
            scales[synapse.weight_name] = (length / weight.flatten(1).norm(dim=1)).view(-1, *[1] * (weight.ndim - 1))
    return scales

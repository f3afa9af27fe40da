"""Hebbian learning: hidden synapses learn from the two activities they join, and only the readout sees an error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from brainalign.credit.batch import Batch
from brainalign.credit.cost import forward_cost
from brainalign.credit.objective import output_error, output_metrics, target
from brainalign.credit.step import Step
from brainalign.credit.synaptic import Synaptic, synaptic_update
from brainalign.networks.architecture import choose
from brainalign.networks.block import Block
from brainalign.networks.network import Network, Params
from brainalign.networks.synapse import Synapse
from brainalign.networks.wiring import Wiring
from brainalign.options import Needs, require_not_negative, require_positive, require_steps
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule

_LV = "Lv et al. 2025, ICML (arXiv 2501.09976)"
_STEPS = "plastic"

# Variance below which a unit counts as silent when activity is standardised.
_EPS = 1e-5


@dataclass(frozen=True)
class Hebbian(LearningRule):
    """``dw_i = mean g_i (x - r_i)`` with gate ``g`` and reconstruction ``r`` of every hidden synapse.

    ``x`` ``(n_in,)`` enters a synapse (a patch, for a convolution), ``u_i = w_i x`` is what it makes of it at unit i,
    and the mean is over samples, places and time steps. ``g = competition(u)``:

    - ``"linear"``: ``g = u``; ``"winner"``: 1 for the largest ``u``, else 0; ``"winners"``: for the ``k`` largest;
    - ``"soft"``: ``g = softmax(u / temperature)``; ``"soft_anti"``: the same, negative for all but the largest.

    ``r_i`` is ``"none"``: 0; ``"weight"``: ``w_i``; ``"own"``: ``u_i w_i``; ``"ordered"``: ``sum_(j<=i) u_j w_j``.

    Known rules are points of this: Oja's is linear and own; Sanger's (Hebbian PCA) linear and ordered; winner take all
    (k-means) winner and weight; SoftHebb soft_anti and own, with ``radius = 25``, ``norm_power = 0.5``,
    ``activation = "triangle"`` and ``largest = true``. With ``"own"`` lengths of weights go to 1. Under competition a
    ``radius`` far above 1 is what keeps units from staying silent: units win by their long weights until they have
    learned, and short ones leave the next pattern to others.

    In a block of one synapse (dense, convolution) ``activation`` and ``standardise`` shape the answer; a block of
    several (recurrence, attention) keeps its own. Each of its synapses learns from its own current. Biases, gains and
    embeddings stay as drawn. Updates have the sign of a gradient, so plain SGD adds ``learning_rate rate dw``; an
    adaptive optimiser would undo ``rate`` and ``norm_power``.

    The readout follows the delta rule, ``dw_i = -mean e_i x`` for the error ``e`` of its own output, or a teacher
    clamps its units: ``dw_i = mean y_i (x - r_i)`` for the target ``y``, one-hot for classes, and the same ``r``.

    Not plausible: competition compares all units of a layer at once, and one filter learns from all places of a map.

    Parameters
    ----------
    competition, reconstruction
        As above.
    winners
        ``k`` of ``"winners"``.
    temperature
        Of the softmax, in units of currents: with weights of length 1 these are at most the length of the input, so
        that what is soft for patches of 25 pixels is nearly hard for whole images.
    rate
        Size of hidden updates relative to the readout's; 0 leaves hidden synapses as drawn, the control that tells what
        learning adds to random features.
    rate_decay
        Factor on ``rate`` from one hidden block to the next; at 0 only the first one learns.
    largest
        Whether the update of a synapse is divided by its largest entry.
    norm_power
        Power of ``| |w_i| - 1 |`` that then multiplies a unit's update, so that it stops at length 1; 0 for none.
    radius
        Factor on the weights as drawn.
    update_samples
        Samples of a batch that hidden synapses learn from, the first ones; 0 for all.
    plastic_steps
        Steps after which hidden synapses no longer learn (momentum of the optimiser still runs out); 0 for never.
    activation
        ``"own"``, that of the block; ``"linear"``: none; ``"triangle"``: ``max(0, u - mean of the units' u)^power``.
    power
        Of the triangle.
    standardise
        Whether what a block hands on has zero mean and unit variance for every unit.
    readout
        ``"delta"`` or ``"teacher"``.

    References
    ----------
    Oja 1982, J. Math. Biol. 15:267; Sanger 1989, Neural Netw. 2:459. SoftHebb: Journé, Garcia Rodriguez, Guo & Moraitis
    2023, ICLR (arXiv 2209.11883). One update with options, and the teacher, as in Lagani's code
    (github.com/GabrieleLagani).
    """

    reference: ClassVar[str] = "Oja 1982; Sanger 1989; Journé et al. 2023, ICLR (arXiv 2209.11883)"
    plasticity_off: ClassVar[Mapping[str, Any]] = {"rate": 0.0}
    claims: ClassVar[Mapping[str, Claim]] = {"C1": Claim(True, _LV), "C2": Claim(True, _LV), "C3": Claim(True, _LV)}
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "mlp": {
            "optimizer": "sgd",
            "optimizer.momentum": 0.9,
            "learning_rate": 0.03,
            "rule.radius": 25.0,
            "rule.norm_power": 0.5,
            "rule.largest": True,
            "rule.activation": "triangle",
            "rule.rate": 0.5,
            "rule.plastic_steps": 60,
        }
    }

    only_with: ClassVar[Needs] = {
        "winners": {"competition": ("winners",)},
        "temperature": {"competition": ("soft", "soft_anti")},
        "power": {"activation": ("triangle",)},
    }
    competition: str = "soft_anti"
    reconstruction: str = "own"
    winners: int = 5
    temperature: float = 1.0
    rate: float = 1.0
    rate_decay: float = 1.0
    norm_power: float = 0.0
    largest: bool = False
    radius: float = 1.0
    update_samples: int = 0
    plastic_steps: int = 0
    activation: str = "own"
    power: float = 1.0
    standardise: bool = True
    readout: str = "delta"

    def __post_init__(self) -> None:
        choose("competition", self.competition, ("linear", "winner", "winners", "soft", "soft_anti"))
        choose("reconstruction", self.reconstruction, ("none", "weight", "own", "ordered"))
        choose("activation", self.activation, ("own", "linear", "triangle"))
        choose("readout", self.readout, ("delta", "teacher"))
        require_positive(winners=self.winners, temperature=self.temperature, radius=self.radius, power=self.power)
        require_steps(plastic_steps=self.plastic_steps, update_samples=self.update_samples)
        require_not_negative(rate=self.rate, rate_decay=self.rate_decay, norm_power=self.norm_power)

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Return running ``hebbian/<block>.mean`` and ``.variance`` ``(units,)``, and ``plastic``, which counts steps.

        Each only where it is used.
        """
        del params, generator
        state: Params = {_STEPS: torch.zeros(())} if self.plastic_steps else {}
        for block, shape in zip(network.blocks, network.output_shapes, strict=True):
            if self.standardise and block is not network.blocks[-1] and _is_single(block, (1, *shape)):
                units = block.synapses[0].n_out
                state |= {f"hebbian/{block.name}.mean": torch.zeros(units)}
                state |= {f"hebbian/{block.name}.variance": torch.ones(units)}
        return state

    # -- the network as this rule runs it -----------------------------------------------------------------------------

    def _weights(self, network: Network, params: Params) -> Params:
        """Return parameters with hidden weights times ``radius``."""
        hidden = {synapse.weight_name for block in network.blocks[:-1] for synapse in block.synapses}
        hidden -= {synapse.weight_name for synapse in network.blocks[-1].synapses}
        return {name: self.radius * p if name in hidden else p for name, p in params.items()}

    def _answer(self, block: Block, params: Params, state: Params, x: Tensor, wiring: Wiring) -> Tensor:
        """Return what a hidden ``block`` hands on for ``x``; new running statistics go to ``wiring.statistics``."""
        x = block.preactivation(params, x, wiring)
        if not _is_single(block, x.shape):
            return block.activation(x)
        if self.activation == "triangle":
            x = (x - x.mean(_unit_axis(x.shape), keepdim=True)).clamp_min(0) ** self.power
        elif self.activation == "own":
            x = block.activation(x)
        if not self.standardise:
            return x
        shape = [1] * x.ndim
        shape[_unit_axis(x.shape)] = -1
        mean, variance = (state[f"hebbian/{block.name}.{name}"] for name in ("mean", "variance"))
        if wiring.adapt:
            axes = tuple(axis for axis, size in enumerate(shape) if size == 1)
            before = {"mean": mean, "variance": variance}
            variance, mean = torch.var_mean(x, axes, correction=0)
            for name, now in (("mean", mean), ("variance", variance)):
                wiring.statistics[f"hebbian/{block.name}.{name}"] = torch.lerp(before[name], now, wiring.momentum)
        return (x - mean.view(shape)) / (variance.view(shape) + _EPS).sqrt()

    def respond(self, network: Network, params: Params, state: Params, x: Tensor) -> dict[str, Tensor]:
        """Return the activity of every layer, as hidden blocks hand it on."""
        wiring, found, weights = Wiring(state), dict[str, Tensor](), self._weights(network, params)
        for block in network.blocks[:-1]:
            x = self._answer(block, weights, state, x, wiring)
            found |= block.shown(x)
        last = network.blocks[-1]
        return {**found, **last.shown(last.forward(weights, x, wiring))}

    # -- a step -------------------------------------------------------------------------------------------------------

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return ``-dw`` of every synapse; with the delta rule, of the readout's bias as well."""
        del noise
        weights, wiring, x = self._weights(network, params), _Listening(state, adapt=True), batch.x
        for block in network.blocks[:-1]:
            x = self._answer(block, weights, state, x, wiring)
        output = network.blocks[-1].forward(weights, x, wiring)

        readout = network.blocks[-1].synapses[-1]
        entered = wiring.inputs[readout.name][-1]
        if self.readout == "delta":
            updates = synaptic_update(readout, entered, output_error(network.task, output, batch.y))
        else:
            y = target(network.task, batch.y).to(output.dtype)
            updates = {readout.weight_name: -self._hebb(readout, weights[readout.weight_name], [(entered, output, y)])}
        new = dict(wiring.statistics)
        plastic: Tensor | float = 1.0
        if self.plastic_steps:
            plastic = (state[_STEPS] < self.plastic_steps).to(state[_STEPS].dtype)
            new[_STEPS] = state[_STEPS] + 1
        for synapse, rate in self._rates(network):
            found = self._update(synapse, weights[synapse.weight_name], wiring)
            updates[synapse.weight_name] = -plastic * rate / self.radius * found
        return Step(updates, new, output_metrics(network.task, output, batch.y))

    def _rates(self, network: Network) -> list[tuple[Synapse, float]]:
        """Return every synapse but the readout that learns, and its rate."""
        rates: dict[str, tuple[Synapse, float]] = {}
        for depth, block in enumerate(network.blocks):
            for synapse in block.synapses:  # time steps share theirs
                rates.setdefault(synapse.name, (synapse, self.rate * self.rate_decay**depth))
        del rates[network.blocks[-1].synapses[-1].name]
        return [(synapse, rate) for synapse, rate in rates.values() if rate]

    def _update(self, synapse: Synapse, weight: Tensor, wiring: "_Listening") -> Tensor:
        """Return ``dw`` of a hidden synapse, from all its crossings."""
        crossings, few = [], slice(self.update_samples or None)
        for x, current in zip(wiring.inputs[synapse.name], wiring.currents[synapse.name], strict=True):
            x, current = x[few], current[few]
            crossings.append((x, current, self._compete(_units_last(synapse, current))))
        found = self._hebb(synapse, weight, crossings)
        if self.largest:
            found = found / found.abs().amax().clamp_min(torch.finfo(found.dtype).tiny)
        if self.norm_power:
            gate = (weight.flatten(1).norm(dim=1) - 1).abs() ** self.norm_power
            found = found * gate.view(-1, *[1] * (weight.ndim - 1))
        return found

    def _hebb(self, synapse: Synapse, weight: Tensor, crossings: list[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
        """Return ``mean g_i (x - r_i)`` given what entered, the current and the gate ``(rows, units)`` of crossings."""
        flat = weight.flatten(1)
        gated, rebuilt, count = torch.zeros_like(weight), torch.zeros_like(flat), 0
        for x, current, g in crossings:
            gated = gated + synaptic_update(synapse, x, _as_current(synapse, g, current))[synapse.weight_name]
            rebuilt = rebuilt + self._rebuild(g, _units_last(synapse, current), flat)
            count += len(g)
        return (gated - rebuilt.view_as(weight)) / count

    def _compete(self, u: Tensor) -> Tensor:
        """Return the gate of every unit ``(rows, units)``."""
        if self.competition == "linear":
            return u
        if self.competition in ("winner", "winners"):
            k = 1 if self.competition == "winner" else min(self.winners, u.shape[1])
            return (u >= u.topk(k, dim=1).values[:, -1:]).to(u.dtype)
        soft = (u / self.temperature).softmax(1)
        if self.competition == "soft":
            return soft
        first = u.argmax(1, keepdim=True)
        return (-soft).scatter(1, first, soft.gather(1, first))

    def _rebuild(self, g: Tensor, u: Tensor, flat: Tensor) -> Tensor:
        """Return the sum over rows of ``g_i r_i`` ``(units, fan_in)``."""
        if self.reconstruction == "none":
            return torch.zeros_like(flat)
        if self.reconstruction == "weight":
            return g.sum(0)[:, None] * flat
        if self.reconstruction == "own":
            return (g * u).sum(0)[:, None] * flat
        return (g.T @ u).tril() @ flat

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count the forward pass, one product per weight that learns, and what an ordered reconstruction mixes."""
        costs = forward_cost(network)
        few = min(self.update_samples or batch_size, batch_size)
        readout = network.blocks[-1].synapses[-1]
        learning = [(synapse, few) for synapse, _ in self._rates(network)] + [(readout, batch_size)]
        total = float(sum(costs.values())) + sum(costs[synapse.name] * rows / batch_size for synapse, rows in learning)
        if self.reconstruction == "ordered":
            for synapse, rows in learning if self.readout == "teacher" else learning[:-1]:
                fan_in = synapse.n_in * synapse.kernel**2
                total += costs[synapse.name] / fan_in * synapse.n_out * rows / batch_size
                total += synapse.n_out**2 * fan_in / batch_size
        return total


class _Listening(Synaptic):
    """Keeps the current of every synapse beside what entered it."""

    def __init__(self, state: Mapping[str, Tensor], adapt: bool = False) -> None:
        super().__init__(state, adapt=adapt)
        self.currents: dict[str, list[Tensor]] = {}

    def synapse(self, synapse: Synapse, params: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Send ``x`` across ``synapse`` and keep both sides."""
        current = super().synapse(synapse, params, x)
        self.currents.setdefault(synapse.name, []).append(current)
        return current


def _is_single(block: Block, shape: Sequence[int]) -> bool:
    """Return whether an output ``(n, ...)`` of ``block`` holds the units of its one synapse and nothing else."""
    return len(block.synapses) == 1 and shape[_unit_axis(shape)] == block.synapses[0].n_out


def _unit_axis(shape: Sequence[int]) -> int:
    """Return the axis of units in vectors, of channels in maps, and of features in sequences ``(n, tokens, units)``."""
    return 2 if len(shape) == 3 else 1


def _units_last(synapse: Synapse, current: Tensor) -> Tensor:
    """Return ``(samples and places, units)``."""
    return (current.movedim(1, -1) if synapse.kind == "conv2d" else current).reshape(-1, synapse.n_out)


def _as_current(synapse: Synapse, rows: Tensor, current: Tensor) -> Tensor:
    """Turn :func:`_units_last` back."""
    if synapse.kind == "linear":
        return rows.view_as(current)
    return rows.view(len(current), *current.shape[2:], synapse.n_out).movedim(-1, 1)

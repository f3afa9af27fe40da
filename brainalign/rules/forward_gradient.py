"""Forward gradient."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.func import jvp, vmap
from torch.nn import functional as F
from torch.utils._pytree import tree_map

from brainalign.credit.batch import Batch
from brainalign.credit.cost import forward_cost
from brainalign.credit.local_heads import hidden_layers, pooled, prediction_head
from brainalign.credit.objective import output_error, output_metrics
from brainalign.credit.perturbation import (
    credited,
    currents,
    draw_currents,
    draw_weights,
    mean_square,
    require_samples,
    sample_losses,
    sample_mean_square,
    weight_directions,
)
from brainalign.credit.step import Step
from brainalign.credit.synaptic import Synaptic, synaptic_update, synaptic_updates
from brainalign.networks.architecture import choose
from brainalign.networks.block import Block
from brainalign.networks.network import Network, Params
from brainalign.networks.synapse import Synapse
from brainalign.options import SET, Needs, require_positive, require_steps
from brainalign.rules.learning_rule import LearningRule

Blocks = tuple[Block, ...]
Run = Callable[[Params, Params], Any]


@dataclass(frozen=True)
class ForwardGradient(LearningRule):
    """``g = (grad L . v) v`` with ``grad L . v`` carried forwards beside the activity; no pass runs backwards.

    ``v`` is standard normal, so the mean of ``g`` is the gradient; this is perturbation in the limit of no noise.

    In the space of activities ``v_(l,i)`` is a direction of the current of synapse l for sample i, ``(n_out,)`` or
    ``(n_out, height, width)``, ``L_i`` is that sample's loss, and ``dW_l = mean_i (grad L_i . v_i) v_(l,i)
    x_(l,i)^T`` with the presynaptic activity ``x``. Parameters that no synapse owns (gains and shifts of
    normalisations, embeddings) stay as drawn. What a sample's direction does to the losses of others through the
    statistics of a batch is left out. In the space of weights ``v`` has the shape of the parameters, all of them, and
    is the same for all samples; ``L`` is the loss of the batch.

    With ``local``, every hidden block has a linear head ``p = softmax(V h)`` and a loss of its own, and directions of
    a block meet only that loss. ``V`` starts at zero and learns by the delta rule, ``dV = mean_i (p_i - y_i) h_i^T``.
    In the space of activities, where a block is one synapse and its units do not mix after it, units fall into groups
    that each have a slope of their own, ``(p_i - y_i) . V_g (dh_g . v_g)``: the same loss and mean, and the variance of
    ``group_size`` units. Left out of Ren et al.'s form: losses per place, and normalisation around every layer, which
    is the network's.

    Not plausible: every neuron carries a second quantity, the slope of its activity, and a scalar reaches all synapses.

    Parameters
    ----------
    space
        ``"activities"`` or ``"weights"``.
    local
        Whether blocks have losses of their own; else all directions meet the loss of the task.
    samples
        Draws of ``v`` per step, whose updates are averaged.
    directional
        Whether updates are divided by ``|v|^2 / dim v``. Then only the direction of ``v`` counts; the mean stays.
    group_size
        Units, or channels of maps, that share a slope with ``local``; 0 makes all units of a block one group.
    head_features
        Largest number of features that a head reads; positions of maps and sequences are averaged down to it.

    References
    ----------
    Baydin, Pearlmutter, Syme, Wood & Torr 2022 (arXiv 2202.08587). Activities and local losses: Ren, Kornblith, Liao &
    Hinton 2023, ICLR (arXiv 2210.03310).
    """

    reference: ClassVar[str] = "Baydin et al. 2022 (arXiv 2202.08587)"
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {"mlp": {"batch_size": 32, "learning_rate": 0.003}}

    only_with: ClassVar[Needs] = {
        "group_size": {"local": SET, "space": ("activities",)},
        "head_features": {"local": SET},
    }
    space: str = "activities"
    local: bool = True
    samples: int = 1
    directional: bool = False
    group_size: int = 8
    head_features: int = 2048

    def __post_init__(self) -> None:
        choose("space", self.space, ("activities", "weights"))
        require_samples(self.samples)
        require_steps(group_size=self.group_size)
        require_positive(head_features=self.head_features)

    def _chains(self, network: Network) -> tuple[Blocks, ...]:
        """Return the blocks that share a loss."""
        return tuple((block,) for block in network.blocks) if self.local else (network.blocks,)

    def _head(self, network: Network, block: str, features: Tensor) -> Synapse:
        """Return the head that reads ``features`` ``(n, ...)`` of a hidden block; only shapes are read."""
        return prediction_head(block, features, network.task.n_outputs)

    def _heads(self, network: Network) -> list[Synapse]:
        """Return the heads of all hidden blocks."""
        hidden = hidden_layers(network) if self.local else {}
        return [self._head(network, name, pooled(x, self.head_features)) for name, x in hidden.items()]

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Return heads ``head/<block>.prediction`` of zero."""
        del params, generator
        state: Params = {}
        for head in self._heads(network):
            state |= {head.weight_name: torch.zeros(head.weight_shape), head.bias_name: torch.zeros(head.n_out)}
        return state

    def trainable(self, state: Params) -> tuple[str, ...]:
        """Return the names of the heads' parameters."""
        return tuple(name for name in state if name.startswith("head/"))

    def noise(self, network: Network, batch_size: int, generator: torch.Generator) -> Params:
        """Draw ``v``: ``current/<synapse>`` ``(samples, crossings, n, *shape)`` or ``direction/<parameter>``."""
        if self.space == "weights":
            return draw_weights(network, self.samples, generator)
        return draw_currents(network, batch_size, self.samples, generator)

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return slope times direction of every block or of the whole chain, and the heads' delta rule."""
        updates: dict[str, Tensor] = {}
        statistics: dict[str, Tensor] = {}
        x = batch.x
        crossed: dict[str, int] = {}
        for blocks in self._chains(network):
            run = self._losses(network, state, blocks, x, batch.y)
            if self._grouped(network, blocks):
                found, seen = self._over_groups(network, blocks, params, state, noise, batch.y, run)
            elif self.space == "weights":
                found, seen = self._over_weights(blocks, params, noise, run)
            else:
                found, seen = self._over_activities(blocks, params, noise, run, crossed)
            inputs, adapted, x, features, answer = seen
            if blocks[-1] is not network.blocks[-1]:
                head = self._head(network, blocks[-1].name, features)
                found |= synaptic_update(head, features.flatten(1), output_error(network.task, answer, batch.y))
            for name, update in found.items():  # time steps share synapses
                updates[name] = updates[name] + update if name in updates else update
            crossed |= {name: crossed.get(name, 0) + len(each) for name, each in inputs.items()}
            statistics |= adapted
        return Step(updates, statistics, output_metrics(network.task, answer, batch.y))

    def _grouped(self, network: Network, blocks: Blocks) -> bool:
        """Return whether groups of units have slopes of their own: in a hidden block of one synapse."""
        one = len(blocks) == 1 and len(blocks[0].synapses) == 1 and blocks[0] is not network.blocks[-1]
        return one and self.local and self.group_size > 0 and self.space == "activities"

    def _losses(self, network: Network, state: Params, blocks: Blocks, x: Tensor, y: Tensor) -> Run:
        """Return the function from parameters and what is added to currents to each sample's loss above ``blocks``.

        For units in groups it is the function to what the head reads. It also returns what synapses saw, statistics,
        the last output, what the head reads and the answer.
        """

        def run(params: Params, shift: Params) -> Any:
            wiring, h = Synaptic(state, shift, adapt=True), x
            for block in blocks:
                h = block.forward(params, h, wiring)
            features = answer = h
            if blocks[-1] is not network.blocks[-1]:
                features = pooled(blocks[-1].represent(h), self.head_features)
                answer = self._head(network, blocks[-1].name, features)(state, features.flatten(1))
            seen = wiring.inputs, wiring.statistics, h, features, answer
            return features if self._grouped(network, blocks) else sample_losses(network.task, answer, y), seen

        return run

    def _over_groups(
        self, network: Network, blocks: Blocks, params: Params, state: Params, noise: Params, y: Tensor, run: Run
    ) -> tuple[Params, Any]:
        """Return updates of a block's one synapse, and what ``run`` has seen."""
        (synapse,) = blocks[0].synapses
        v = currents(noise)[synapse.name]
        shifts, seen = _slopes(lambda s: run(params, s), {synapse.name: torch.zeros_like(v[0])}, {synapse.name: v})
        inputs, _, _, features, answer = seen
        weight = state[self._head(network, blocks[0].name, features).weight_name].view(-1, *features.shape[1:])
        error = len(y) * output_error(network.task, answer, y)
        axes, size = features.ndim - 1, self.group_size
        # What the shift of each group does to the answer, from there to the loss: all of it forwards.
        moved = torch.einsum("kngup,ogup->kngo", _in_groups(shifts, axes, size), _in_groups(weight, axes, size))
        slopes = torch.einsum("kngo,no->kng", moved, error)
        v = v[:, 0]
        if self.directional:
            square, units = (_in_groups(u, axes, size).sum((-1, -2)) for u in (v.square(), torch.ones_like(v)))
            slopes = slopes * units / square
        own = _units_first(v, axes)
        slopes = slopes.repeat_interleave(size, dim=2)[:, :, : own.shape[2], None]
        signal = (slopes * own).mean(0) / len(y)
        signal = (signal.transpose(1, 2) if axes == 2 else signal).reshape(v.shape[1:])
        return synaptic_update(synapse, inputs[synapse.name][0], signal), seen

    def _over_weights(self, blocks: Blocks, params: Params, noise: Params, run: Run) -> tuple[Params, Any]:
        """Return updates of the blocks' parameters, and what ``run`` has seen."""
        own = {name: params[name] for block in blocks for name in block.parameters()}
        v = {name: weight_directions(noise)[name] for name in own}
        slopes, seen = _slopes(lambda shifted: run(shifted, {}), own, v)
        slope = slopes.mean(1) / (mean_square(v) if self.directional else 1)
        return {name: torch.tensordot(slope, v[name], 1) / self.samples for name in own}, seen

    def _over_activities(
        self, blocks: Blocks, params: Params, noise: Params, run: Run, crossed: Mapping[str, int]
    ) -> tuple[Params, Any]:
        """Return updates of the blocks' synapses, and what ``run`` has seen; ``crossed`` counts earlier crossings."""
        synapses = {synapse.name: synapse for block in blocks for synapse in block.synapses}
        ahead = {name: v[:, crossed.get(name, 0) :] for name, v in currents(noise).items() if name in synapses}
        at_rest = {name: torch.zeros_like(v[0]) for name, v in ahead.items()}
        slopes, seen = _slopes(lambda shift: run(params, shift), at_rest, ahead)
        inputs = seen[0]
        v = {name: ahead[name][:, : len(x)] for name, x in inputs.items()}
        slopes = slopes / sample_mean_square(v) if self.directional else slopes
        return synaptic_updates([synapses[name] for name in v], inputs, credited(v, slopes)), seen

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count activity, its slopes, one product per weight in the space of activities, and the heads.

        A slope crosses every synapse that a direction has reached; in the space of weights it meets the direction of
        the weight, too.
        """
        del batch_size
        costs = forward_cost(network)
        forward = sum(costs.values())
        carried = forward - sum(
            costs[name] for name in {blocks[0].synapses[0].name for blocks in self._chains(network)}
        )
        head = sum(head.n_in * head.n_out for head in self._heads(network))
        total = forward + self.samples * (carried + head) + 2 * head
        return total + (self.samples if self.space == "weights" else 1) * forward


def _slopes(function: Callable[[Params], Any], at: Params, directions: Params) -> tuple[Tensor, Any]:
    """Return the slope of ``function`` along every direction, ``(samples, ...)``, and what else it returns."""

    def along(direction: Params) -> "tuple[Tensor, Any]":
        _, slope, rest = jvp(function, (at,), (direction,), has_aux=True)  # type: ignore[misc]
        return slope, rest

    # Activity is the same for all directions: it is computed once, and the first row of its expanded copies is it.
    slopes, rest = vmap(along)(directions)
    return slopes, tree_map(lambda copies: copies[0], rest)


def _units_first(x: Tensor, axes: int) -> Tensor:
    """Return ``(..., units, places)`` of units, of tokens of units or of maps: 1, 2 or 3 ``axes``."""
    if axes == 1:
        return x.unsqueeze(-1)
    return x.transpose(-1, -2) if axes == 2 else x.flatten(-2)


def _in_groups(x: Tensor, axes: int, size: int) -> Tensor:
    """Return ``(..., groups, size, places)``; the last group is filled up with zeros."""
    x = _units_first(x, axes)
    return F.pad(x, (0, 0, 0, -x.shape[-2] % size)).unflatten(-2, (-1, size))

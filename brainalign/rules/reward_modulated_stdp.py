"""Reward-modulated spike-timing-dependent plasticity in deep and convolutional networks."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import torch
from torch import Tensor
from torch.func import vjp

from brainalign.credit.batch import Batch
from brainalign.credit.cost import forward_cost
from brainalign.credit.integrate_and_fire import IntegrateAndFire
from brainalign.credit.objective import output_metrics
from brainalign.credit.spike_trains import decay, firing_rates, intensities, regular_spikes, time_steps
from brainalign.credit.stdp_window import STDPWindow
from brainalign.credit.step import Step
from brainalign.credit.synaptic import Synaptic, synaptic_update
from brainalign.credit.targets import require_positive
from brainalign.errors import SpecError
from brainalign.networks.architecture import choose
from brainalign.networks.block import Block
from brainalign.networks.network import Network, Params
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule

_LV = "Lv et al. 2025, ICML (arXiv 2501.09976)"
_HITS = "reward/hits"


@dataclass(frozen=True)
class RewardModulatedSTDP(LearningRule):
    """``dW_i = R_i rate sum_t (a+ post_i(t) x_pre(t) - a- x_post_i(t) pre(t))`` for the unit that wins a stimulus."""

    reference: ClassVar[str] = "Mozafari et al. 2019, Pattern Recognit. 94:87"
    claims: ClassVar[Mapping[str, Claim]] = {"C1": Claim(True, _LV), "C2": Claim(True, _LV), "C3": Claim(True, _LV)}

    duration: float = 60.0
    dt: float = 5.0
    max_rate: float = 100.0
    tau: float = 20.0
    threshold: float = 13.0
    drive: float = 4.0
    theta: float = 0.01
    target_rate: float = 20.0
    rate: float = 1.0
    potentiation: float = 0.005
    depression: float = 0.001
    tau_pre: float = 20.0
    tau_post: float = 20.0
    winners: float = 0.0
    rewarded: str = "last"
    punishment: float = 1.0
    readout: str = "reward"
    readout_rate: float = 0.2

    def __post_init__(self) -> None:
        choose("readout", self.readout, ("reward", "vote"))
        choose("rewarded", self.rewarded, ("all", "last", "none"))
        time_steps(self.duration, self.dt)

    def incompatibility(self, network: Network) -> str | None:
        for block in network.blocks:
            if len(block.synapses) != 1:
                return f"{block.name} has {len(block.synapses)} synapses; a population of neurons reads one"
        if network.task.objective != "classification":
            return f"a decision is right or wrong only among classes, the objective is {network.task.objective}"
        return None

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        del params, generator
        state: Params = {}
        for block in network.blocks[:-1]:
            state[f"reward/{block.name}.hits"] = torch.tensor(0.5)
            state[f"reward/{block.name}.theta"] = torch.zeros(block.synapses[0].n_out)
        return state

    def noise(self, network: Network, batch_size: int, generator: torch.Generator) -> Params:
        return {"choice": torch.rand(batch_size, network.task.n_outputs, generator=generator)}

    def _weights(self, network: Network, params: Params) -> Params:
        hidden = {block.synapses[0].weight_name for block in network.blocks[:-1]}
        return {name: _balanced(p) if name in hidden else p for name, p in params.items()}

    def _threshold(self, block: Block, state: Params, like: Tensor) -> Tensor:
        level = (self.threshold + state[f"reward/{block.name}.theta"]).clamp_min(0.1)
        return level.view(-1, *[1] * (like.ndim - 3))

    def _fire(self, block, threshold, current):
        fired = IntegrateAndFire(self.tau, self.dt).spikes(current[:-1], threshold)
        return torch.cat([torch.zeros_like(fired[:1]), fired])

    def _scaled(self, block: Block, spikes: Tensor) -> Tensor:
        """Return spikes times what makes their mean over time, for one weight vector, of length one."""
        size = spikes.mean(0).flatten(1).square().mean(1).sqrt() * prod(block.synapses[0].weight_shape[1:]) ** 0.5
        return spikes / size.clamp_min(1e-6).view(-1, *[1] * (spikes.ndim - 2))

    def respond(self, network: Network, params: Params, state: Params, x: Tensor) -> dict[str, Tensor]:
        weights, found = self._weights(network, params), {}
        spikes = regular_spikes(self.max_rate * intensities(x), time_steps(self.duration, self.dt), self.dt)
        for block in network.blocks[:-1]:
            pre = self._scaled(block, spikes)
            current = self._current(block, weights, state, pre)
            spikes = self._fire(block, self._threshold(block, state, current), current)
            found[block.name] = firing_rates(spikes, self.dt)
        return {**found, network.layers[-1]: self._answer(network, weights, state, found[block.name])[0]}

    def _current(self, block: Block, weights: Params, state: Params, pre: Tensor) -> Tensor:
        made = block.preactivation(weights, _units_last_in_memory(pre.flatten(0, 1)), _Plain(state))
        return self.drive * self.dt * made.unflatten(0, pre.shape[:2])

    def _answer(self, network, weights, state, rates):
        wiring, last = _Plain(state), network.blocks[-1]
        if self.readout == "vote":
            own = _classes(rates.flatten(1).shape[1], network.task.n_outputs, rates)
            return rates.flatten(1) @ (own / own.sum(0)), wiring
        rates = rates - self.target_rate
        size = rates.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, *[1] * (rates.ndim - 1))
        return last.forward(weights, rates / size, wiring), wiring

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        self.check(network)
        weights, updates, new = self._weights(network, params), {}, {}
        spikes = regular_spikes(self.max_rate * intensities(batch.x), time_steps(self.duration, self.dt), self.dt)
        for block in network.blocks[:-1]:
            name, pre = block.synapses[0].weight_name, self._scaled(block, spikes)
            own = {name: weights[name]}

            def through(own: Params, x: Tensor, block=block) -> Tensor:
                return self._current(block, {**weights, **own}, state, x)

            current, depress = vjp(lambda own: through(own, pre), own)
            threshold = self._threshold(block, state, current)
            spikes = self._fire(block, threshold, current)
            excess = current.mean(0) * (1 / (1 - decay(self.tau, self.dt))) - threshold
            if self.rewarded == "all" or (block is network.blocks[-2] and self.rewarded == "last"):
                gate = _winners(excess, self.winners)
                hits = f"reward/{block.name}.hits"
                reward, new[hits] = self._reward(network, gate, batch.y, state[hits])
                gate = gate * reward
            else:
                gate = _winners(excess, self.winners)
            window = STDPWindow(self.potentiation, self.depression, self.tau_pre, self.tau_post, self.dt)
            _, potentiate = vjp(lambda own: through(own, window.before(pre)), own)
            gain = potentiate(gate * window.potentiating(spikes))[0][name]
            loss = depress(gate * window.after(spikes))[0][name]
            places = prod(spikes.shape[3:]) 
            scale = self.rate / (self.drive * self.dt * places)
            updates[name] = params[name] - _balanced(weights[name] + scale * (gain - loss))
            rates = firing_rates(spikes, self.dt)
            share = rates.flatten(2).mean(2) if rates.ndim > 2 else rates
            theta = f"reward/{block.name}.theta"
            new[theta] = state[theta] + self.theta * (share / self.target_rate - 1).sum(0)
        output, wiring = self._answer(network, weights, state, rates)
        if self.readout == "reward":
            readout = network.blocks[-1].synapses[0]
            chosen = (output - (-noise["choice"].clamp_min(1e-12).log()).log()).argmax(1, keepdim=True)
            taken = torch.zeros_like(output).scatter(1, chosen, 1.0)
            hit = (chosen.squeeze(1) == batch.y).to(output.dtype).unsqueeze(1)
            error = taken * (output.softmax(1) - hit)
            updates |= synaptic_update(readout, wiring.inputs[readout.name][-1], self.readout_rate * error)
        return Step(updates, new, output_metrics(network.task, output, batch.y))

    def _reward(self, network, gate, y, hits):
        own = _classes(gate.shape[1], network.task.n_outputs, gate)[:, y].T
        right = (gate.flatten(2).mean(2) if gate.ndim > 2 else gate) * own
        mean = torch.lerp(hits, right.sum() / gate.flatten(2).mean(2).sum() if gate.ndim > 2 else right.sum() / gate.sum(), 0.05)
        own = own.view(*own.shape, *[1] * (gate.ndim - 2))
        return torch.where(own > 0, 1 - hits, -self.punishment * hits), mean

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        del batch_size
        costs = forward_cost(network)
        readout = costs[network.blocks[-1].synapses[0].name]
        return 4 * time_steps(self.duration, self.dt) * (sum(costs.values()) - readout) + 2 * readout


class _Plain(Synaptic):
    """A pass in which normalisations hand on what they get: thresholds do their work."""

    def normalise(self, name: str, params: Mapping[str, Tensor], x: Tensor, eps: float = 1e-5) -> Tensor:
        del name, params, eps
        return x


def _units_last_in_memory(x: Tensor) -> Tensor:
    """Return the same maps in the layout in which convolution and pooling are several times faster on a CPU."""
    return x.movedim(1, -1).contiguous().movedim(-1, 1)


def _balanced(weight: Tensor) -> Tensor:
    flat = weight.flatten(1)
    flat = flat - flat.mean(1, keepdim=True)
    return (flat / flat.norm(dim=1, keepdim=True).clamp_min(1e-12)).view_as(weight)


def _classes(units: int, classes: int, like: Tensor) -> Tensor:
    return (torch.arange(units, device=like.device)[:, None] % classes == torch.arange(classes, device=like.device)).to(like.dtype)


def _winners(excess: Tensor, share: float) -> Tensor:
    k = max(1, round(share * excess.shape[1]))
    if k == 1:
        return (excess >= excess.amax(1, keepdim=True)).to(excess.dtype)
    return (excess >= excess.topk(k, dim=1).values[:, -1:]).to(excess.dtype)

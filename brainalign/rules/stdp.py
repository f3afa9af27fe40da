"""Spike-timing-dependent plasticity in competing populations: the network of Diehl and Cook."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, prod
from typing import Any, ClassVar

import torch
from torch import Tensor

from brainalign.credit.batch import Batch
from brainalign.credit.cost import forward_cost
from brainalign.credit.integrate_and_fire import IntegrateAndFire
from brainalign.credit.objective import output_error, output_metrics, target
from brainalign.credit.spike_trains import (
    draw_uniform,
    firing_rates,
    intensities,
    poisson_spikes,
    regular_spikes,
    time_steps,
)
from brainalign.credit.stdp_window import STDPWindow
from brainalign.credit.step import Step
from brainalign.credit.synaptic import synaptic_update
from brainalign.errors import SpecError
from brainalign.networks.architecture import choose
from brainalign.networks.block import Block
from brainalign.networks.network import Network, Params
from brainalign.networks.wiring import Wiring
from brainalign.options import Needs, require_not_negative, require_positive
from brainalign.rules.claim import Claim
from brainalign.rules.learning_rule import LearningRule

_TABLE = "stdp/uniform"
_SHOWN, _ANSWERED = "stdp/shown", "stdp/answered"


@dataclass(frozen=True)
class STDP(LearningRule):
    """``dW = rate sum_t (a+ post(t) post2(t) x_pre(t) - a- x_post(t) pre(t))``, then a unit's weights get a fixed sum.

    A stimulus becomes spikes at rates in proportion to its intensities (:func:`intensities`). Hidden units are
    leaky integrate-and-fire neurons that inhibit each other; each spike raises a unit's own threshold a little, so that
    all come to answer. ``x`` are traces, ``post2`` is the second postsynaptic one of the triplet form that the code
    of Diehl and Cook has. Weights act as ``|w|`` scaled to a mean of ``total``, and end between 0 and ``largest``.
    Every presentation starts at rest. Weights and thresholds stand still while it lasts: what a batch changes is the
    sum over its presentations, never their mean. Plain SGD with ``learning_rate = 1`` is the rule itself.

    From the paper and its code: neuron, traces, triplet form, amplitudes, adaptive threshold, normalisation and
    labels. Ours: instantaneous synapses; inhibition directly between units, instead of by a second population; in a
    step only one unit of a layer fires; input as strong for every stimulus (``drive``), instead of repeating faint ones
    at higher rates; several layers; the linear readout. The paper has 350 ms, 0.5 ms, 63.75 Hz, ``theta = 0.05`` and
    ``rate = 1`` and sees every sample several times, one at a time; the defaults here learn from a few hundred samples.

    Not plausible: labels are assigned to units by counting, a sum of weights is kept exactly, and inputs are scaled by
    the activity of the whole presentation.

    Parameters
    ----------
    duration, dt
        Presentation and time step, ms.
    encoding
        ``"poisson"``: by chance, learning from fresh draws and answering with draws that are the same for all stimuli;
        ``"regular"``: evenly spaced.
    max_rate
        Rate of the brightest input, Hz.
    tau, refractory
        Membrane time constant and refractory period, ms.
    threshold
        mV above rest, before adaptation.
    drive
        mV per ms that a unit with equal weights receives.
    inhibition, floor
        mV by which a spike lowers the others, and how far below rest they can get.
    theta, tau_theta
        mV that a spike adds to its unit's threshold, and ms in which that is forgotten.
    rate
        Factor on all changes of hidden weights; 0 switches plasticity off.
    potentiation, depression, tau_pre, tau_post, tau_triplet
        ``a+``, ``a-`` and ms, see :class:`STDPWindow`; ``tau_triplet = 0`` is the pair form.
    nearest
        Whether traces remember only the last spike, as in the paper's code.
    total, largest
        Mean weight of a unit, and largest weight.
    readout
        ``"linear"``: the readout learns by the delta rule from rates less their mean, divided by their length.
        ``"vote"``: it is not used; each unit is assigned to the class it answered most to, and the answer is the mean
        rate in Hz of the units of a class.
    readout_rate
        Of the delta rule, per presentation.
    memory
        Presentations after which answers count ``1/e`` in assigning labels.

    References
    ----------
    Diehl & Cook 2015, Front. Comput. Neurosci. 9:99, and the code at github.com/peter-u-diehl/stdp-mnist.
    """

    reference: ClassVar[str] = "Diehl & Cook 2015, Front. Comput. Neurosci. 9:99"
    plasticity_off: ClassVar[Mapping[str, Any]] = {"rate": 0.0}
    claims: ClassVar[Mapping[str, Claim]] = {}
    recommended: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "": {"optimizer": "sgd", "learning_rate": 1.0, "schedule": "constant"}
    }

    only_with: ClassVar[Needs] = {"memory": {"readout": ("vote",)}, "readout_rate": {"readout": ("linear",)}}
    duration: float = 300.0
    dt: float = 4.0
    encoding: str = "poisson"
    max_rate: float = 250.0
    tau: float = 100.0
    refractory: float = 5.0
    threshold: float = 13.0
    drive: float = 3.0
    inhibition: float = 100.0
    floor: float = -35.0
    theta: float = 0.02
    tau_theta: float = 1e7
    rate: float = 4.0
    potentiation: float = 1e-2
    depression: float = 1e-4
    tau_pre: float = 20.0
    tau_post: float = 20.0
    tau_triplet: float = 40.0
    nearest: bool = True
    total: float = 0.1
    largest: float = 1.0
    readout: str = "linear"
    readout_rate: float = 2.0
    memory: float = 10000.0

    def __post_init__(self) -> None:
        choose("readout", self.readout, ("linear", "vote"))
        choose("encoding", self.encoding, ("poisson", "regular"))
        time_steps(self.duration, self.dt)
        require_positive(
            max_rate=self.max_rate, tau=self.tau, threshold=self.threshold, drive=self.drive, tau_theta=self.tau_theta,
            total=self.total, largest=self.largest, memory=self.memory,
        )  # fmt: skip
        require_not_negative(
            refractory=self.refractory, inhibition=self.inhibition, theta=self.theta, rate=self.rate,
            potentiation=self.potentiation, depression=self.depression, tau_pre=self.tau_pre, tau_post=self.tau_post,
            tau_triplet=self.tau_triplet, readout_rate=self.readout_rate,
        )  # fmt: skip
        if self.max_rate * self.dt > 1000:
            msg = f"max_rate {self.max_rate} Hz is more than one spike per dt {self.dt} ms; lower one of them."
            raise SpecError(msg)

    @property
    def activity(self) -> str:
        """Spike counts over the presentation, as rates."""
        return f"spike rate in Hz over {self.duration:g} ms, dt {self.dt:g} ms"

    def incompatibility(self, network: Network) -> str | None:
        """Competition and the window are those of dense layers."""
        for block in network.blocks:
            if len(block.synapses) != 1:
                return f"{block.name} has {len(block.synapses)} synapses; a population of neurons reads one"
            if block.synapses[0].kind != "linear":
                return f"{block.name} is a convolution; use reward_modulated_stdp"
        if self.readout == "vote" and network.task.objective != "classification":
            return f"labels need classes, the objective is {network.task.objective}; use readout = 'linear'"
        return None

    def init(self, network: Network, params: Params, generator: torch.Generator) -> Params:
        """Return what a shown stimulus is turned into spikes with, thresholds, and who answered to what.

        ``stdp/uniform`` ``(steps, 1, n_in)``, only for Poisson spikes, is the same for all stimuli, so that what is
        represented is a function of the stimulus alone; ``stdp/<block>.theta`` ``(units,)``, mV; ``stdp/answered``
        ``(classes, units)`` and ``stdp/shown`` ``(classes,)``, only for a vote.
        """
        del params
        state = self._uniform(network, 1, _TABLE, generator)
        for block in network.blocks[:-1]:
            state[f"stdp/{block.name}.theta"] = torch.zeros(block.synapses[0].n_out)
        if self.readout == "vote":
            state[_SHOWN] = torch.zeros(network.task.n_outputs)
            state[_ANSWERED] = torch.zeros(network.blocks[-1].synapses[0].weight_shape)
        return state

    def noise(self, network: Network, batch_size: int, generator: torch.Generator) -> Params:
        """Draw what makes the spikes of this step's presentations, ``(steps, n, n_in)``."""
        return self._uniform(network, batch_size, "uniform", generator)

    def _uniform(self, network: Network, n: int, name: str, generator: torch.Generator) -> Params:
        if self.encoding == "regular":
            return {}
        shape = time_steps(self.duration, self.dt), n, prod(network.task.input_shape)
        return {name: draw_uniform(shape, generator)}

    # -- a presentation -----------------------------------------------------------------------------------------------

    def _weights(self, network: Network, params: Params) -> Params:
        """Return parameters with the weights of hidden layers as they act: at or above 0, with a fixed sum."""
        found = dict(params)
        for block in network.blocks[:-1]:
            name = block.synapses[0].weight_name
            weight = params[name].abs()
            found[name] = weight * (self.total / weight.mean(1, keepdim=True).clamp_min(1e-12))
        return found

    def _present(
        self, network: Network, weights: Params, state: Params, x: Tensor, uniform: Tensor | None
    ) -> tuple[list[Tensor], Tensor]:
        """Return spikes ``(steps, n, units)`` of the input and of every hidden layer, and the answer."""
        spikes = [self._encode(x, uniform)]
        for block in network.blocks[:-1]:
            spikes.append(self._fire(block, weights, state, spikes[-1]))
        return spikes, self._answer(network, weights, state, firing_rates(spikes[-1], self.dt))

    def _encode(self, x: Tensor, uniform: Tensor | None) -> Tensor:
        rates = self.max_rate * intensities(x).flatten(1)
        if uniform is None:
            return regular_spikes(rates, time_steps(self.duration, self.dt), self.dt)
        return poisson_spikes(rates, uniform, self.dt)

    def _fire(self, block: Block, weights: Params, state: Params, pre: Tensor) -> Tensor:
        """Return the spikes of ``block``; spikes arrive one step after they were sent."""
        neurons = IntegrateAndFire(
            tau=self.tau, dt=self.dt, refractory=self.refractory, inhibition=self.inhibition, floor=self.floor, one=True
        )
        current = block.preactivation(weights, pre[:-1].flatten(0, 1), Wiring(state)).unflatten(0, pre[:-1].shape[:2])
        strength = self.total * pre.mean((0, 2)) * pre.shape[2]
        current = current * (self.drive * self.dt / strength.clamp_min(1e-6)).unsqueeze(-1)
        fired = neurons.spikes(current, self.threshold + state[f"stdp/{block.name}.theta"])
        return torch.cat([torch.zeros_like(fired[:1]), fired])

    def _answer(self, network: Network, weights: Params, state: Params, rates: Tensor) -> Tensor:
        """Return the output for the last hidden layer's rates in Hz."""
        if self.readout == "linear":
            return network.blocks[-1].forward(weights, _unit_length(rates), Wiring(state))
        mean = state[_ANSWERED] / state[_SHOWN].clamp_min(1e-6).unsqueeze(1)
        assigned = ((mean >= mean.amax(0, keepdim=True)) & (mean > 0)).to(rates.dtype)
        return rates @ (assigned / assigned.sum(1, keepdim=True).clamp_min(1)).T

    def respond(self, network: Network, params: Params, state: Params, x: Tensor) -> dict[str, Tensor]:
        """Return the rate in Hz of every hidden unit and the answer, the same spikes for the same stimulus."""
        weights = self._weights(network, params)
        spikes, output = self._present(network, weights, state, x, state.get(_TABLE))
        layers = [*(firing_rates(s, self.dt) for s in spikes[1:]), output]
        return dict(zip(network.layers, layers, strict=True))

    # -- a step -------------------------------------------------------------------------------------------------------

    def step(self, network: Network, params: Params, state: Params, batch: Batch, noise: Params) -> Step:
        """Return what takes hidden weights to where they go, and new thresholds and labels."""
        self.check(network)
        weights = self._weights(network, params)
        spikes, output = self._present(network, weights, state, batch.x, noise.get("uniform"))
        window = STDPWindow(
            potentiation=self.rate * self.potentiation,
            depression=self.rate * self.depression,
            tau_pre=self.tau_pre,
            tau_post=self.tau_post,
            dt=self.dt,
            nearest=self.nearest,
            tau_triplet=self.tau_triplet,
        )
        kept = exp(-len(batch.y) * self.duration / self.tau_theta)
        updates, new = {}, {}
        for block, pre, post in zip(network.blocks[:-1], spikes[:-1], spikes[1:], strict=True):
            synapse, theta = block.synapses[0], f"stdp/{block.name}.theta"
            if self.rate:
                moved = weights[synapse.weight_name] + window.change(synapse, pre, post)
                updates[synapse.weight_name] = params[synapse.weight_name] - moved.clamp(0, self.largest)
            new[theta] = state[theta] * kept + self.theta * post.sum((0, 1))
        rates = firing_rates(spikes[-1], self.dt)
        if self.readout == "linear":
            signal = self.readout_rate * len(batch.y) * output_error(network.task, output, batch.y)
            updates |= synaptic_update(network.blocks[-1].synapses[0], _unit_length(rates), signal)
        else:
            wanted, kept = target(network.task, batch.y).to(rates.dtype), exp(-len(batch.y) / self.memory)
            new[_SHOWN] = kept * state[_SHOWN] + wanted.sum(0)
            new[_ANSWERED] = kept * state[_ANSWERED] + wanted.T @ rates
        return Step(updates, new, output_metrics(network.task, output, batch.y))

    def multiply_adds(self, network: Network, batch_size: int) -> float:
        """Count, per time step, the pass and two products of spikes and traces; and the readout."""
        del batch_size
        costs = forward_cost(network)
        readout = costs[network.blocks[-1].synapses[0].name]
        hidden = sum(costs.values()) - readout
        return time_steps(self.duration, self.dt) * hidden * (3 if self.rate else 1) + 2 * readout


def _unit_length(rates: Tensor) -> Tensor:
    """Return rates less their mean over units, divided by their length."""
    x = rates - rates.mean(1, keepdim=True)
    return x / x.norm(dim=1, keepdim=True).clamp_min(1e-12)

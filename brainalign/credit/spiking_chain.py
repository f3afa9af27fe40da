"""A chain of blocks run with leaky integrate-and-fire neurons."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from brainalign.credit.integrate_and_fire import IntegrateAndFire
from brainalign.credit.layer_presentation import LayerPresentation
from brainalign.credit.spike_trains import decay, firing_rates, intensities, regular_spikes, time_steps
from brainalign.credit.synaptic import Synaptic
from brainalign.networks.block import Block
from brainalign.networks.network import Network, Params


@dataclass(frozen=True)
class SpikingChain:
    """Stimuli as regular spikes or constant currents, and what every hidden layer of one synapse answers.

    What enters a layer is scaled by its root mean square rate over the presentation and by the synapse's size, so that
    weights of length one that match it bring ``drive`` mV per ms, whatever the layer's size. Spikes arrive one step
    after they were sent. Normalisations hand on what they get.

    Parameters
    ----------
    duration, dt
        Presentation and time step, ms.
    max_rate
        Rate of the brightest input, Hz.
    tau
        Membrane time constant, ms.
    threshold
        mV above rest, before adaptation.
    drive
        mV per ms, as above.
    graded
        Whether intensities enter as constant currents in place of spikes.
    subtract
        Whether a spike takes the threshold off the membrane, in place of resetting it.
    """

    duration: float
    dt: float
    max_rate: float
    tau: float
    threshold: float
    drive: float
    graded: bool
    subtract: bool

    def present(
        self, network: Network, weights: Params, state: Params, adapted: Mapping[str, Tensor], x: Tensor
    ) -> list[LayerPresentation]:
        """Return every hidden layer's presentation of ``x``; ``adapted`` is mV above ``threshold`` by block."""
        found: list[LayerPresentation] = []
        spikes = self._encode(x)
        for block in network.blocks[:-1]:
            pre = _scaled(block, spikes)
            current = self.current(block, weights, state, pre)
            threshold = (self.threshold + adapted[block.name]).view(-1, *[1] * (current.ndim - 3))
            spikes = self._fire(current, threshold)
            excess = current.mean(0) / (1 - decay(self.tau, self.dt)) - threshold
            found.append(
                LayerPresentation(
                    block=block, pre=pre, excess=excess, spikes=spikes, rates=firing_rates(spikes, self.dt)
                )
            )
        return found

    def current(self, block: Block, weights: Params, state: Params, pre: Tensor) -> Tensor:
        """Return what ``block`` receives, mV per step, for what entered ``(steps, n, ...)``."""
        made = block.preactivation(weights, _units_last_in_memory(pre.flatten(0, 1)), self.wiring(state))
        return self.drive * self.dt * made.unflatten(0, pre.shape[:2])

    def every_step(self, x: Tensor) -> Tensor:
        """Return ``x`` ``(steps, ...)``, the same for every step if there is only one."""
        return x.expand(time_steps(self.duration, self.dt), *[-1] * (x.ndim - 1))

    def wiring(self, state: Params) -> Synaptic:
        """Return a pass in which thresholds do the work of normalisations."""
        return _Unnormalised(state)

    def _encode(self, x: Tensor) -> Tensor:
        """Return what enters the first layer: spikes ``(steps, n, ...)``, or what all steps share ``(1, n, ...)``."""
        if self.graded:
            return intensities(x).unsqueeze(0)
        return regular_spikes(self.max_rate * intensities(x), time_steps(self.duration, self.dt), self.dt)

    def _fire(self, current: Tensor, threshold: Tensor) -> Tensor:
        neurons = IntegrateAndFire(self.tau, self.dt, subtract=self.subtract)
        fired = neurons.spikes(self.every_step(current)[:-1], threshold)
        return torch.cat([torch.zeros_like(fired[:1]), fired])


class _Unnormalised(Synaptic):
    def normalise(self, name: str, params: Mapping[str, Tensor], x: Tensor, eps: float = 1e-5) -> Tensor:
        del name, params, eps
        return x


def _scaled(block: Block, spikes: Tensor) -> Tensor:
    """Return spikes of each presentation in units of their root mean square rate and of the synapse's size."""
    size = spikes.mean(0).flatten(1).square().mean(1).sqrt() * prod(block.synapses[0].weight_shape[1:]) ** 0.5
    return spikes / size.clamp_min(1e-6).view(-1, *[1] * (spikes.ndim - 2))


def _units_last_in_memory(x: Tensor) -> Tensor:
    """Return the same maps in the layout in which convolution and pooling are several times faster on a CPU."""
    return x.movedim(1, -1).contiguous().movedim(-1, 1)

"""How spike times change a weight."""

from dataclasses import dataclass

from torch import Tensor

from brainalign.credit.spike_trains import decay, trace
from brainalign.credit.synaptic import synaptic_update
from brainalign.networks.network import Params
from brainalign.networks.synapse import Synapse


@dataclass(frozen=True)
class STDPWindow:
    """Spike-timing-dependent plasticity as two products of spikes and traces.

    A presynaptic spike ``d`` ms before a postsynaptic one changes the weight by ``potentiation exp(-d / tau_pre)``, one
    ``d`` ms after it by ``-depression exp(-d / tau_post)``; pairs within one step count as neither. Since weights stand
    still while a stimulus is shown, all pairs of a presentation are the sum over time of ``post x_pre`` and
    ``x_post pre``: two matrix products, and a batch is the sum of its samples.

    Parameters
    ----------
    potentiation, depression
        Change of weight per pair.
    tau_pre, tau_post
        Time constants in ms of what is remembered of pre- and postsynaptic spikes.
    dt
        Step, ms.
    nearest
        Whether only the last spike is remembered instead of all.
    tau_triplet
        Above 0, potentiation is multiplied by a second postsynaptic trace of this time constant in ms, as it stood
        before the spike (Pfister & Gerstner 2006, J. Neurosci. 26:9673): the first spike alone does not potentiate.
    """

    potentiation: float
    depression: float
    tau_pre: float
    tau_post: float
    dt: float
    nearest: bool = False
    tau_triplet: float = 0.0

    def before(self, pre: Tensor) -> Tensor:
        """Return the presynaptic trace that a postsynaptic spike meets."""
        return trace(pre, decay(self.tau_pre, self.dt), self.nearest)

    def after(self, post: Tensor) -> Tensor:
        """Return the postsynaptic trace, times ``depression``, that a presynaptic spike meets."""
        return self.depression * trace(post, decay(self.tau_post, self.dt), self.nearest)

    def met(self, pre: Tensor) -> Tensor:
        """Return what a postsynaptic spike changes a weight by, given all presynaptic ones, earlier and later.

        The same pairs as :meth:`change`, summed by postsynaptic spike, so that one product is left; without ``nearest``
        and ``tau_triplet``, which depend on other postsynaptic spikes.
        """
        later = trace(pre.flip(0), decay(self.tau_post, self.dt)).flip(0)
        return self.potentiation * self.before(pre) - self.depression * later

    def potentiating(self, post: Tensor) -> Tensor:
        """Return postsynaptic spikes times what they potentiate by."""
        if not self.tau_triplet:
            return self.potentiation * post
        return self.potentiation * post * trace(post, decay(self.tau_triplet, self.dt), self.nearest)

    def change(self, synapse: Synapse, pre: Tensor, post: Tensor) -> Tensor:
        """Return the change of the weight by spikes ``(steps, n, *shape)``, summed over samples."""
        name = synapse.weight_name
        gain: Params = synaptic_update(synapse, self.before(pre).flatten(0, 1), self.potentiating(post).flatten(0, 1))
        loss: Params = synaptic_update(synapse, pre.flatten(0, 1), self.after(post).flatten(0, 1))
        return gain[name] - loss[name]

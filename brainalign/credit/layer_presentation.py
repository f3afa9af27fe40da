"""What happened in a hidden layer of spiking neurons while stimuli were presented."""

from dataclasses import dataclass

from torch import Tensor

from brainalign.networks.block import Block


@dataclass(frozen=True, eq=False)
class LayerPresentation:
    """A hidden layer's presentation of ``n`` stimuli.

    Parameters
    ----------
    block
        The layer.
    pre
        ``(steps, n, ...)``, what entered, scaled.
    excess
        ``(n, units, ...)``, mV by which the mean input exceeds the threshold.
    spikes
        ``(steps, n, units, ...)``.
    rates
        ``(n, units, ...)``, Hz.
    """

    block: Block
    pre: Tensor
    excess: Tensor
    spikes: Tensor
    rates: Tensor

"""One link of a network's chain."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from math import inf

import torch
from torch import Tensor

from brainalign.networks.synapse import Synapse
from brainalign.networks.wiring import Wiring

Initialiser = Callable[[torch.Generator], Tensor]


class Block(ABC):
    """A named stage from one layer's activity to the next; what a rule with local signals treats as one unit.

    Inside a block an error is differentiated exactly, so the block is also how much exact gradient a rule that
    only delivers a signal per block still uses. Subclasses are frozen dataclasses with a field ``name``.
    """

    name: str

    @property
    @abstractmethod
    def synapses(self) -> tuple[Synapse, ...]:
        """The weights of this block, in the order signals meet them."""

    @abstractmethod
    def preactivation(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        """Return what the neurons of this block's output receive for ``x``, both with the batch first.

        Nonlinearities between a block's own synapses are part of it.
        """

    @property
    def affine(self) -> bool:
        """Whether the derivative of the preactivation by the input below is the same everywhere."""
        return False

    @property
    def bound(self) -> float:
        """Largest size of the activity of one of its neurons; infinity where there is none."""
        return inf

    def activation(self, preactivation: Tensor) -> Tensor:
        """Return what those neurons answer, element by element; they are linear unless a block says otherwise."""
        return preactivation

    def forward(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        """Return this block's output for ``x``, both with the batch first."""
        return self.activation(self.preactivation(params, x, wiring))

    def normalisations(self) -> Mapping[str, int]:
        """Name to number of channels of each batch normalisation."""
        return {}

    def extras(self) -> Mapping[str, Initialiser]:
        """Parameters that are not synapses (embeddings, gains), by full name."""
        return {}

    def represent(self, x: Tensor) -> Tensor:
        """Return the part of the output ``x`` that counts as this block's activity, ``(n, ...)``."""
        return x

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers that are complete with this block; a finer block than a layer may end none."""
        return (self.name,)

    def shown(self, x: Tensor) -> dict[str, Tensor]:
        """Return the activity ``(n, ...)`` of each of :attr:`layers`, given the output ``x``."""
        return {self.layers[0]: self.represent(x)} if self.layers else {}

    def parameters(self) -> dict[str, Initialiser]:
        """Name to initialiser of every parameter this block reads."""
        found: dict[str, Initialiser] = {}
        for synapse in self.synapses:
            found[synapse.weight_name] = synapse.draw_weight
            if synapse.bias:
                found[synapse.bias_name] = _constant(0.0, synapse.n_out)
        for name, channels in self.normalisations().items():
            found[f"{name}.scale"] = _constant(1.0, channels)
            found[f"{name}.shift"] = _constant(0.0, channels)
        return {**found, **self.extras()}


def _constant(value: float, size: int) -> Initialiser:
    return lambda generator: torch.full((size,), value)

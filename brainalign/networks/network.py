"""A chain of blocks: pure functions of parameters, state and input."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from brainalign.datasets.task import Task
from brainalign.networks.block import Block
from brainalign.networks.synapse import Synapse
from brainalign.networks.wiring import Wiring

Params = dict[str, Tensor]


@dataclass(frozen=True)
class Network:
    """Blocks in the order signals pass them; the last one is the readout.

    Parameters
    ----------
    name
        Name of the architecture.
    granularity
        What one block is: ``"layer"``, ``"sublayer"``, ``"projection"`` (half of one) or ``"step"`` (of time).
    blocks
        The chain.
    task
        What the network is asked to do.
    """

    name: str
    granularity: str
    blocks: tuple[Block, ...]
    task: Task

    @property
    def synapses(self) -> tuple[Synapse, ...]:
        """Every synapse once, in the order signals meet them (time steps share theirs)."""
        return tuple({synapse.name: synapse for block in self.blocks for synapse in block.synapses}.values())

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers whose activity is compared with brains, whatever their blocks."""
        return tuple(layer for block in self.blocks for layer in block.layers)

    def init(self, generator: torch.Generator) -> Params:
        """Draw initial parameters on the CPU, so that every device starts from the same values."""
        initialisers = {name: init for block in self.blocks for name, init in block.parameters().items()}
        return {name: init(generator) for name, init in initialisers.items()}

    def init_state(self) -> Params:
        """Return running statistics as they stand before training: mean 0, variance 1."""
        state: Params = {}
        for block in self.blocks:
            for name, channels in block.normalisations().items():
                state |= {f"{name}.mean": torch.zeros(channels), f"{name}.variance": torch.ones(channels)}
        return state

    def forward(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        """Return the output ``(n, n_outputs)`` for ``x`` ``(n, channels, height, width)``."""
        for block in self.blocks:
            x = block.forward(params, x, wiring)
        return x

    def activities(self, params: Mapping[str, Tensor], state: Mapping[str, Tensor], x: Tensor) -> dict[str, Tensor]:
        """Return the activity of every layer for ``x``, with normalisation statistics frozen.

        Returns
        -------
        dict
            Layer name to ``(n, ...)``; the last entry is the output.
        """
        wiring, found = Wiring(state), dict[str, Tensor]()
        for block in self.blocks:
            x = block.forward(params, x, wiring)
            found |= block.shown(x)
        return found

    @cached_property
    def outline(self) -> tuple[Params, Params, Tensor]:
        """Parameters, running statistics and one input that have shapes but no values."""
        params = {name: tensor.to("meta") for name, tensor in self.init(torch.Generator()).items()}
        state = {name: tensor.to("meta") for name, tensor in self.init_state().items()}
        return params, state, torch.empty(1, *self.task.input_shape, device="meta")

    @cached_property
    def output_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shape of each block's output for one input, without the batch axis."""
        params, state, x = self.outline
        wiring, shapes = Wiring(state), []
        for block in self.blocks:
            x = block.forward(params, x, wiring)
            shapes.append(tuple(x.shape[1:]))
        return tuple(shapes)

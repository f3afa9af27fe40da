"""A chain of square linear blocks, which has exact inverses."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from brainalign.datasets.task import Task
from brainalign.networks.block import Block
from brainalign.networks.network import Network, Params
from brainalign.networks.synapse import Synapse
from brainalign.networks.wiring import Wiring


@dataclass(frozen=True)
class LinearBlock(Block):
    name: str
    weight: Synapse

    @property
    def synapses(self) -> tuple[Synapse, ...]:
        return (self.weight,)

    def preactivation(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        return wiring.synapse(self.weight, params, x.flatten(1))


def linear_chain(width: int = 5, depth: int = 4) -> Network:
    """Return ``depth`` blocks; all but the first are ``width`` by ``width``."""
    sizes = (64, *(width,) * depth)
    blocks = tuple(
        LinearBlock(f"block{k}", Synapse(f"block{k}", "linear", sizes[k - 1], sizes[k], bias=False))
        for k in range(1, depth + 1)
    )
    return Network("chain", "layer", blocks, Task((1, 8, 8), width, 64))


def exact_inverses(net: Network, params: Params, state: Params) -> Params:
    """Return ``state`` with every feedback weight the inverse of its block's weight."""
    inverses = {f"feedback/{b.name}.weight": torch.linalg.inv(params[f"{b.name}.weight"]) for b in net.blocks[1:]}
    return {**state, **inverses}

"""Multi-layer perceptron."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import ClassVar

from torch import Tensor

from brainalign.datasets.task import Task
from brainalign.networks.architecture import Architecture, bound_of, nonlinearity
from brainalign.networks.block import Block
from brainalign.networks.network import Network
from brainalign.networks.synapse import Synapse
from brainalign.networks.wiring import Wiring


@dataclass(frozen=True)
class MLP(Architecture):
    """Dense layers ``hidden1 .. hiddenN`` and a linear ``readout``.

    Parameters
    ----------
    widths
        Units of each hidden layer; none leaves the readout alone.
    activation
        ``"relu"``, ``"elu"``, ``"gelu"`` or ``"tanh"``.
    bias
        Whether units have a bias.
    """

    summary: ClassVar[str] = "dense layers, one block each"

    least: ClassVar[Mapping[str, int]] = {"widths": 1}

    widths: tuple[int, ...] = (256, 256)
    activation: str = "relu"
    bias: bool = True

    def build(self, task: Task) -> Network:
        """Return the network for ``task``."""
        function, gain = nonlinearity(self.activation)
        sizes = (prod(task.input_shape), *self.widths)
        blocks: list[Block] = [
            _Dense(f"hidden{k}", Synapse(f"hidden{k}", "linear", n_in, n_out, gain=gain, bias=self.bias), function)
            for k, (n_in, n_out) in enumerate(pairwise(sizes), start=1)
        ]
        blocks.append(_Dense("readout", Synapse("readout", "linear", sizes[-1], task.n_outputs, bias=self.bias), None))
        return Network("mlp", "layer", tuple(blocks), task)


@dataclass(frozen=True)
class _Dense(Block):
    name: str
    weight: Synapse
    function: Callable[[Tensor], Tensor] | None

    @property
    def synapses(self) -> tuple[Synapse, ...]:
        return (self.weight,)

    @property
    def affine(self) -> bool:
        return True

    def preactivation(self, params: Mapping[str, Tensor], x: Tensor, wiring: Wiring) -> Tensor:
        return wiring.synapse(self.weight, params, x.flatten(1))

    @property
    def bound(self) -> float:
        return bound_of(self.function)

    def activation(self, preactivation: Tensor) -> Tensor:
        return preactivation if self.function is None else self.function(preactivation)

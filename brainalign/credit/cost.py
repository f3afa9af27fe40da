"""What a step costs on paper: multiply-adds of one sample, counted from the network's synapses."""

from collections.abc import Mapping
from math import prod

from torch import Tensor

from brainalign.networks.network import Network
from brainalign.networks.synapse import Synapse
from brainalign.networks.wiring import Wiring


class _Counting(Wiring):
    """Counts the multiply-adds of every synapse a pass crosses."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__(state)
        self.counts: dict[str, int] = {}

    def synapse(self, synapse: Synapse, params: Mapping[str, Tensor], x: Tensor) -> Tensor:
        y = super().synapse(synapse, params, x)
        count = y.numel() * prod(synapse.weight_shape[1:])
        self.counts[synapse.name] = self.counts.get(synapse.name, 0) + count
        return y


def forward_cost(network: Network) -> dict[str, int]:
    """Return the multiply-adds per sample of every synapse in one forward pass; element-wise work is left out."""
    params, state, x = network.outline
    wiring = _Counting(state)
    network.forward(params, x, wiring)
    return wiring.counts


def backprop_cost(network: Network) -> int:
    """Return forward pass, weight gradients and errors sent on; the first synapse sends none."""
    costs = list(forward_cost(network).values())
    return 3 * sum(costs) - costs[0]


def local_cost(network: Network) -> int:
    """Return forward pass and weight gradients where every block is taught at its own output.

    Inside a block with several synapses the error still travels backwards.
    """
    costs = forward_cost(network)
    first = {block.synapses[0].name for block in network.blocks}
    return sum(3 * cost - (cost if name in first else 0) for name, cost in costs.items())


def direct_cost(network: Network) -> int:
    """Return :func:`local_cost` and the projection of an output vector to every hidden block."""
    return local_cost(network) + sum(network.task.n_outputs * prod(shape) for shape in network.output_shapes[:-1])

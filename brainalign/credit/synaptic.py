"""What a synapse knows: the activity that entered it, and how its weight changes when a signal meets that activity."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import torch
from torch import Tensor

from brainalign.networks.network import Network, Params
from brainalign.networks.synapse import Synapse
from brainalign.networks.wiring import Wiring


class Synaptic(Wiring):
    """A pass that keeps what enters every synapse, and can add noise to what leaves it.

    Parameters
    ----------
    state, adapt
        As for :class:`Wiring`.
    noise
        Synapse name to what is added to its current at each crossing, first crossing first. Synapses without an entry
        are left alone.

    Attributes
    ----------
    inputs
        Synapse name to the presynaptic activity of each crossing, in the order of the pass.
    """

    def __init__(
        self, state: Mapping[str, Tensor], noise: Mapping[str, Tensor | Sequence[Tensor]] | None = None,
        adapt: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(state, adapt=adapt)
        self.noise = noise or {}
        self.inputs: dict[str, list[Tensor]] = {}

    def synapse(self, synapse: Synapse, params: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Send ``x`` across ``synapse``, keep it, and add the noise of this crossing."""
        seen = self.inputs.setdefault(synapse.name, [])
        x, current = self.transmit(synapse, params, x)
        if synapse.name in self.noise:
            current = current + self.noise[synapse.name][len(seen)]
        seen.append(x)
        return current

    def transmit(self, synapse: Synapse, params: Mapping[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
        """Return what enters ``synapse`` and its current before noise."""
        return x, super().synapse(synapse, params, x)


def synaptic_update(synapse: Synapse, x: Tensor, signal: Tensor) -> Params:
    """Return the sum of postsynaptic ``signal`` times presynaptic ``x``, by name of weight and bias.

    Shapes are those of the synapse's input and current; a map may come as a vector. Samples, tokens and places in a map
    that share the weight add up.
    """
    if synapse.kind == "linear":
        weight = signal.reshape(-1, synapse.n_out).T @ x.reshape(-1, synapse.n_in)
        bias = signal.reshape(-1, synapse.n_out).sum(0)
    else:
        sides = [(side + 2 * synapse.padding - synapse.kernel) // synapse.stride + 1 for side in x.shape[-2:]]
        signal = signal.reshape(-1, synapse.n_out, *sides)
        # The kernel that correlates two maps; it reads no weight but asks for the shape of one.
        _, weight, bias = torch.ops.aten.convolution_backward(
            signal, x, x.new_zeros(synapse.weight_shape), [synapse.n_out], [synapse.stride] * 2, [synapse.padding] * 2,
            [1, 1], False, [0, 0], 1, [False, True, synapse.bias],
        )  # fmt: skip
    return {synapse.weight_name: weight, **({synapse.bias_name: bias} if synapse.bias else {})}


def synaptic_updates(
    synapses: Sequence[Synapse], inputs: Mapping[str, Sequence[Tensor]], signals: Mapping[str, Tensor]
) -> Params:
    """Return :func:`synaptic_update` of every synapse, the sum over its crossings.

    ``inputs`` holds ``(n, ...)`` per crossing, as :class:`Synaptic` leaves them, ``signals`` ``(crossings, n, ...)``.
    """
    updates: Params = {}
    for synapse in synapses:
        x, signal = torch.stack(list(inputs[synapse.name])), signals[synapse.name]
        if synapse.kind == "conv2d":
            x, signal = x.flatten(0, 1), signal.flatten(0, 1)
        updates |= synaptic_update(synapse, x, signal)
    return updates


@lru_cache(maxsize=32)  # every step asks, and shapes take a pass through the network
def current_shapes(network: Network) -> dict[str, tuple[int, ...]]:
    """Return ``(crossings, *shape)`` of the current of every synapse in one pass of one sample."""
    params, state, x = network.outline
    wiring = _Shapes(state)
    network.forward(params, x, wiring)
    return {name: (len(wiring.inputs[name]), *shape) for name, shape in wiring.shapes.items()}


class _Shapes(Synaptic):
    """Notes the shape of every current; the crossings of a synapse share one."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__(state)
        self.shapes: dict[str, tuple[int, ...]] = {}

    def synapse(self, synapse: Synapse, params: Mapping[str, Tensor], x: Tensor) -> Tensor:
        current = super().synapse(synapse, params, x)
        self.shapes[synapse.name] = tuple(current.shape[1:])
        return current

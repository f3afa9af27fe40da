"""How far feedback weights are from the forward weights they stand for."""

from collections.abc import Mapping

import torch
from torch import Tensor

from brainalign.networks.network import Network, Params


def angle(a: Tensor, b: Tensor) -> Tensor:
    """Return the angle between two weights as vectors, in degrees; 90 is unrelated, 0 is the same direction."""
    a, b = a.flatten().double(), b.flatten().double()  # near 0 degrees single precision sees only noise
    cosine = a @ b / (a.norm() * b.norm()).clamp_min(torch.finfo(a.dtype).tiny)
    return torch.rad2deg(torch.arccos(cosine.clamp(-1, 1)))


def weight_angles(network: Network, params: Params, feedback: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the angle of every feedback weight that is used, by synapse.

    ``feedback`` maps weight names to matrices of the weight's shape. The first synapse sends no error on, so its
    feedback is left out.
    """
    names = [synapse.weight_name for synapse in network.synapses[1:]]
    return {name.removesuffix(".weight"): angle(feedback[name], params[name]) for name in names if name in feedback}


def direct_angles(network: Network, params: Params, feedback: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the angle of direct feedback ``(n_outputs, n_features)`` to the product of the weights above, by block.

    Going down from the readout, blocks are compared as long as each above them is one linear synapse; for others no
    single matrix is what feedback stands for.
    """
    found: dict[str, Tensor] = {}
    above: Tensor | None = None
    for block, upper in zip(reversed(network.blocks[:-1]), reversed(network.blocks[1:]), strict=True):
        if len(upper.synapses) != 1 or upper.synapses[0].kind != "linear":
            break
        weight = params[upper.synapses[0].weight_name]
        above = weight if above is None else above @ weight
        if feedback[block.name].shape != above.shape:
            break
        found[block.name] = angle(feedback[block.name], above)
    return found
